"""Pipelines: each step against the plain Python that it stands for, or tf.data's documentation."""

import itertools
import json
import operator
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.data import (
    AUTOTUNE,
    INFINITE_CARDINALITY,
    UNKNOWN_CARDINALITY,
    Dataset,
    TensorSpec,
)


def values(dataset):
    return [x.tolist() if hasattr(x, "tolist") else x for x in dataset]


def naturals(count):
    return Dataset.range(count)


@given(st.integers(0, 12), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.booleans())
def test_windows_follow_their_definition(count, size, shift, stride, drop):
    found = naturals(count).window(size, shift, stride, drop)
    expected = []
    for begin in range(0, count, shift):
        window = [begin + i * stride for i in range(size) if begin + i * stride < count]
        if len(window) == size or not drop:
            expected.append(window)
    assert values(found.flat_map(lambda w: w.batch(size))) == expected
    assert len(found) == len(expected)


def test_windows_of_tuples_are_tuples_of_datasets():
    pairs = Dataset.zip(naturals(4), naturals(4).map(operator.neg)).window(2)
    sums = pairs.flat_map(lambda a, b: Dataset.zip(a.batch(2), b.batch(2)))
    assert [(a.tolist(), b.tolist()) for a, b in sums] == [([0, 1], [0, -1]), ([2, 3], [-2, -3])]


def test_interleave_gives_what_the_documentation_of_tf_data_shows():
    made = Dataset.range(1, 6).interleave(
        lambda x: Dataset.from_tensors(x).repeat(6), cycle_length=2, block_length=4
    )
    text = "111122221122333344443344555555"
    assert values(made) == [int(digit) for digit in text]
    assert values(naturals(3).interleave(lambda x: Dataset.range(x), 2)) == [0, 0, 1]


@given(st.integers(1, 9), st.integers(1, 4), st.booleans(), st.booleans())
def test_batches_by_number_and_by_element_agree(count, size, drop, mapped):
    rows = naturals(count).shuffle(100, seed=3)
    rows = rows.map(lambda x: x) if mapped else rows
    batches = rows.batch(size, drop_remainder=drop)
    order = values(naturals(count).shuffle(100, seed=3))
    cut = [order[i : i + size] for i in range(0, count, size)]
    cut = [c for c in cut if len(c) == size or not drop]
    assert values(batches) == cut
    assert len(batches) == len(cut) == int(batches.cardinality())


@pytest.mark.parametrize("buffer", [1, 3, 10])
@pytest.mark.parametrize("by_number", [True, False])
def test_shuffling_mixes_within_the_buffer(buffer, by_number):
    source = naturals(10) if by_number else naturals(10).map(lambda x: x)
    mixed = source.shuffle(buffer, seed=1)
    first, second = values(mixed), values(mixed)
    assert sorted(first) == sorted(second) == list(range(10))
    assert (first == second) == (buffer == 1)
    assert all(x < place + buffer for place, x in enumerate(first))
    assert first == values(source.shuffle(buffer, seed=1))


def test_what_does_not_reshuffle_can_be_split():
    mixed = naturals(10).shuffle(10, seed=1, reshuffle_each_iteration=False)
    for _ in range(2):
        assert sorted(values(mixed.take(3)) + values(mixed.skip(3))) == list(range(10))
    reshuffled = naturals(10).shuffle(10, seed=1)
    assert values(reshuffled.take(9)) != values(reshuffled.take(9))
    twice = values(naturals(10).shuffle(10, seed=1).repeat(2))
    assert twice[:10] != twice[10:]


PIPELINES = {
    "slices": lambda: Dataset.from_tensor_slices(np.arange(12)),
    "generator": lambda: Dataset.from_generator(lambda: iter(range(12))),
    "map": lambda: naturals(12).map(lambda x: x + 1),
    "threads": lambda: naturals(12).map(lambda x: x + 1, num_parallel_calls=2),
    "random": lambda: naturals(12).random_map(lambda x, rng: rng.integers(99), seed=1),
    "filter": lambda: naturals(24).filter(lambda x: x % 2),
    "take_while": lambda: naturals(24).take_while(lambda x: x < 12),
    "shuffle": lambda: naturals(12).map(lambda x: x).shuffle(4, seed=1),
    "batch": lambda: naturals(23).map(lambda x: x).batch(2),
    "padded": lambda: naturals(12).padded_batch(5),
    "unbatch": lambda: naturals(12).batch(5).unbatch(),
    "repeat": lambda: naturals(4).shuffle(4, seed=1).repeat(3),
    "unknown repeat": lambda: naturals(8).filter(lambda x: x % 2).repeat(3),
    "take": lambda: naturals(30).map(lambda x: x).take(12),
    "skip": lambda: naturals(20).map(lambda x: x).skip(8),
    "shard": lambda: naturals(24).map(lambda x: x).shard(2, 1),
    "cache": lambda: naturals(12).shuffle(12, seed=1).cache(),
    "prefetch": lambda: naturals(12).prefetch(AUTOTUNE),
    "concatenate": lambda: naturals(5).concatenate(naturals(7).map(lambda x: -x)),
    "concatenate unknown": lambda: naturals(5).filter(bool).concatenate(naturals(7)),
    "window": lambda: naturals(12).window(2).flat_map(lambda w: w.batch(2)),
    "enumerate": lambda: naturals(12).enumerate(3).map(operator.add),
    "zip": lambda: Dataset.zip((naturals(12), naturals(13))).map(operator.add),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pass_can_be_resumed_anywhere(name):
    whole = PIPELINES[name]()
    passes = [values(whole), values(whole)]
    assert len(passes[0]) > 1
    again = PIPELINES[name]()
    for start in (0, 1, len(passes[1]) // 2, len(passes[1])):
        iterator = iter(whole)
        iterator.load_state_dict({"pass": [1, 0], "position": start})
        for _ in range(start):
            pass
        assert values(iterator) == passes[1][start:]
        fresh = iter(again)
        fresh.load_state_dict(json.loads(json.dumps({"pass": [1, 0], "position": start})))
        assert values(fresh) == passes[1][start:]


@pytest.mark.parametrize("name", PIPELINES)
def test_the_number_of_elements_is_true_where_it_is_known(name):
    dataset = PIPELINES[name]()
    if dataset.cardinality() != UNKNOWN_CARDINALITY:
        assert len(dataset) == len(values(dataset))
    else:
        with pytest.raises(TypeError, match="unknown"):
            len(dataset)


def test_skipping_calls_no_function():
    calls = []
    mapped = naturals(10).map(lambda x: calls.append(int(x)) or x).batch(2)
    iterator = iter(mapped)
    iterator.load_state_dict({"pass": [0, 0], "position": 4})
    next(iterator)
    assert calls == [8, 9]


def test_endless_pipelines():
    endless = naturals(3).repeat()
    assert endless.cardinality() == INFINITE_CARDINALITY == endless.batch(2).cardinality().numpy()
    assert values(endless.take(4)) == [0, 1, 2, 0]
    assert len(endless.take(4)) == 4
    with pytest.raises(TypeError, match="infinite"):
        len(endless)
    assert values(naturals(0).repeat()) == []
    assert values(Dataset.zip(endless, naturals(2))) == [(0, 0), (1, 1)]


def test_a_cache_goes_through_its_source_once():
    calls = itertools.count()
    cached = naturals(3).map(lambda x: x + next(calls)).cache()
    assert values(cached.take(2)) == [0, 2]  # not a whole pass
    assert values(cached) == values(cached) == [2, 4, 6]


def test_threads_work_ahead_in_order():
    meeting = threading.Barrier(2, timeout=30)  # passed only by two calls at once
    met = naturals(4).map(lambda x: (x, meeting.wait() >= 0), num_parallel_calls=2)
    assert values(met.map(lambda x, _: x)) == [0, 1, 2, 3]


def test_prefetching_threads_end_with_their_pass():
    before = threading.active_count()
    for _ in zip(range(2), naturals(50).repeat().prefetch(3), strict=False):
        pass
    for thread in threading.enumerate():
        if thread.name.startswith("prefetch"):
            thread.join(5)
    assert threading.active_count() <= before


def test_worker_processes_give_the_same():
    doubled = naturals(5).map(operator.neg, num_parallel_calls=1, workers="processes")
    assert values(doubled) == [0, -1, -2, -3, -4]


def test_elements_are_arrays_in_their_structure():
    source = Dataset.from_tensor_slices(
        ({"x": np.ones((4, 2)), "s": ["a", "bb", "c", "d"]}, [1] * 4)
    )
    assert source.element_spec == (
        {"x": TensorSpec((2,), "float64"), "s": TensorSpec((), "string")},
        TensorSpec((), "int32"),
    )
    assert source.batch(3).element_spec[1] == TensorSpec((None,), "int32")
    assert source.batch(3, drop_remainder=True).element_spec[0]["x"].shape == (3, 2)
    features, labels = next(iter(source.batch(3)))
    assert features["s"].tolist() == ["a", "bb", "c"] and labels[0].numpy() == 1
    assert all(type(x) is np.ndarray for x in source.map(lambda x, y: y).as_numpy_iterator())
    signature = (TensorSpec((None,), "float32"), TensorSpec((), "int64"))
    made = Dataset.from_generator(lambda n: (([i], i) for i in range(n)), args=(2,),
                                  output_signature=signature)  # fmt: skip
    assert made.element_spec == signature
    assert [(x.dtype.name, y.dtype.name) for x, y in made] == [("float32", "int64")] * 2
    assert naturals(5).reduce(0, operator.add) == 10
    assert values(naturals(2).apply(lambda d: d.repeat(2))) == [0, 1, 0, 1]


def test_padded_batches():
    rows = Dataset.from_generator(lambda: (([1] * n, n) for n in (1, 3, 2)))
    first, last = rows.padded_batch(2)
    assert first[0].tolist() == [[1, 0, 0], [1, 1, 1]] and first[1].tolist() == [1, 3]
    assert last[0].tolist() == [[1, 1]]
    (wide,) = rows.padded_batch(3, padded_shapes=([4], []), padding_values=(-1, 0))
    assert wide[0].tolist() == [[1, -1, -1, -1], [1, 1, 1, -1], [1, 1, -1, -1]]
    with pytest.raises(ValueError, match=r"at least as large.*Received: padded_shapes=\(2,\)"):
        list(rows.padded_batch(3, padded_shapes=([2], [])))


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: Dataset.from_tensor_slices(([1, 2], [1])), ValueError, "one length"),
        (lambda: Dataset.from_tensor_slices(3), ValueError, r"Received: shapes \(\)"),
        (lambda: Dataset.from_generator([1, 2]), TypeError, r"Received: \[1, 2\]"),
        (lambda: naturals(3).batch(0), ValueError, "`batch_size` must be a positive integer"),
        (lambda: naturals(3).shuffle(0), ValueError, "`buffer_size` must be"),
        (lambda: naturals(3).map(None), TypeError, "`map` needs a function"),
        (lambda: naturals(3).map(abs, 2, workers="gpus"), ValueError, "Received: gpus"),
        (lambda: naturals(3).concatenate([1]), TypeError, r"joins datasets. Received: \[1\]"),
        (lambda: list(naturals(3).flat_map(abs)), TypeError, "joins datasets"),
        (lambda: naturals(3).shard(2, 2), ValueError, "from 0 to 1"),
        (lambda: naturals(3).window(0), ValueError, "`size` must be"),
        (lambda: list(naturals(3).window(2).batch(2)), TypeError, "flat_map"),
        (lambda: naturals(0).map(abs).element_spec, ValueError, "empty dataset"),
        (
            lambda: list(Dataset.from_generator(lambda: iter([[1], [1, 2]])).batch(2)),
            ValueError,
            r"shapes \[\(1,\), \(2,\)\]",
        ),
    ],
)
def test_errors(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
