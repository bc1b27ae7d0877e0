"""Splitting data sets; the errors against Keras's."""

import random

import numpy as np
import pytest
from keras.src.utils.dataset_utils import _rescale_dataset_split_sizes
from numpy.testing import assert_array_equal

from kohort.utils import PyDataset, split_dataset, timeseries_dataset_from_array
from kohort.utils.split import _sizes

FEATURES = np.arange(20.0).reshape(10, 2)
LABELS = np.arange(10)


@pytest.mark.parametrize(
    ("left", "right", "sizes"),
    [
        (0.2, None, (2, 8)),
        (None, 0.2, (8, 2)),
        (3, None, (3, 7)),
        (3, 4, (3, 4)),
        (0.3, 0.3, (3, 3)),
        (3, 0.5, (3, 5)),
        (0.25, None, (2, 8)),
    ],
)
@pytest.mark.parametrize("kind", [list, tuple])
def test_arrays(kind, left, right, sizes):
    parts = split_dataset(kind([FEATURES, LABELS]), left, right)
    assert tuple(map(len, parts)) == sizes
    for part, rows in zip(parts, (LABELS[: sizes[0]], LABELS[-sizes[1] :]), strict=True):
        assert_array_equal([x for x, _ in part], FEATURES[rows])
        assert_array_equal([y for _, y in part], rows)


def test_shuffle_gives_keras_s_order_and_leaves_the_global_generator_alone():
    order = list(range(10))
    random.Random(5).shuffle(order)  # Keras: random.seed(5); random.shuffle(samples)
    before = random.getstate()
    left, right = split_dataset(LABELS, 0.7, shuffle=True, seed=5)
    assert random.getstate() == before
    assert [*left, *right] == order


def test_structures_of_samples():
    samples = [{"x": row, "y": (label, label)} for row, label in zip(FEATURES, LABELS, strict=True)]
    left, right = split_dataset(iter(samples), right_size=4)
    assert len(left) == 6
    assert_array_equal([element["x"] for element in right], FEATURES[6:])
    assert_array_equal(next(iter(right))["y"], [6, 6])


def test_map_style_samples():
    class Pairs:
        def __len__(self):
            return 10

        def __getitem__(self, index):
            return FEATURES[index % 10], LABELS[index % 10]

    left, right = split_dataset(Pairs(), 0.5)
    assert_array_equal([y for part in (left, right) for _, y in part], LABELS)


def test_batches_stay_batches():
    class Fours(PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            rows = slice(4 * index, 4 * index + 4)
            return FEATURES[rows], LABELS[rows]

    left, right = split_dataset(Fours(), 0.6)
    assert [y.tolist() for _, y in left] == [[0, 1, 2, 3], [4, 5]]
    assert [y.tolist() for _, y in right] == [[6, 7, 8, 9]]
    windows = timeseries_dataset_from_array(np.arange(11), None, 2, batch_size=3)
    left, right = split_dataset(windows, right_size=2)
    assert [len(batch) for batch in left] == [3, 3, 2]
    assert_array_equal(next(iter(right)), [[8, 9], [9, 10]])


def test_samples_in_batches():
    left, _ = split_dataset((FEATURES, LABELS), 0.5)
    batches = left.shuffle(5, seed=1).batch(2)
    assert len(batches) == 3
    assert sorted(int(label) for _, y in batches for label in y) == [0, 1, 2, 3, 4]


def _outcome(function, *arguments):
    try:
        return function(*arguments)
    except (TypeError, ValueError) as error:
        return type(error)


def test_sizes_like_keras():
    values = [None, 0, 1, 5, 9, 10, 11, -1, 0.0, 0.01, 0.25, 0.5, 0.99, 1.0, -0.5, "1", True]
    for left in values:
        for right in values:
            if left is None and right is None:
                continue
            expected = _outcome(_rescale_dataset_split_sizes, left, right, 10)
            assert _outcome(_sizes, left, right, 10) == expected, (left, right)


@pytest.mark.parametrize(
    ("dataset", "error", "message"),
    [
        (5, TypeError, "Received: dataset=5"),
        ([], ValueError, "Please provide a non-empty list of arrays"),
        ([LABELS, 5], ValueError, "Received: <class 'int'> at index 1"),
        ((LABELS, LABELS[:3]), ValueError, "different lengths. Mismatch found at index 1"),
        (np.zeros((0, 2)), ValueError, "Received an empty dataset"),
        (iter([]), ValueError, "Received an empty dataset"),
        (
            iter([np.zeros(2), np.zeros(3)]),
            ValueError,
            "All `dataset` samples must have same shape",
        ),
    ],
)
def test_errors(dataset, error, message):
    with pytest.raises(error) as caught:
        split_dataset(dataset, 0.5)
    assert message in str(caught.value)


def test_a_size_is_needed():
    with pytest.raises(ValueError, match="At least one of the `left_size` or `right_size`"):
        split_dataset(LABELS)
