"""Pipelines kept in a file, and trainings that are interrupted and go on in the same process."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kohort import callbacks, layers, utils
from kohort.data import Dataset
from kohort.models import Sequential


def words() -> Dataset:
    """Elements of all kinds, of different sizes."""
    texts = np.array(["a", "bc", "\u00e9\x00"], dtype=object)

    def grown(row: Any) -> Any:
        number = int(row)
        half = np.full(number, 0.5, "float16")
        return {"x": (half, np.int64(number)), "text": texts[number], "all": texts, 7: None}

    return Dataset.range(3).map(grown)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cache.zip"
    first = list(words().cache(str(path)).as_numpy_iterator())
    assert [file.name for file in path.parent.iterdir()] == ["cache.zip"]
    # Another pipeline, that would give nothing: only the file is read.
    again = list(words().take(0).cache(str(path)).as_numpy_iterator())
    for a, b in zip(first, again, strict=True):
        assert a["text"] == b["text"] and b[7] is None
        assert b["all"].dtype == object and a["all"].tolist() == b["all"].tolist()
        assert [v.dtype for v in a["x"]] == [v.dtype for v in b["x"]]
        np.testing.assert_array_equal(a["x"][0], b["x"][0])
        assert a["x"][1] == b["x"][1]


def test_the_source_is_gone_through_once_and_resumed_passes_agree(tmp_path: Path) -> None:
    calls = itertools.count()
    cached = Dataset.range(4).map(lambda x: x * 0 + next(calls)).cache(str(tmp_path / "c"))
    assert [int(x) for x in cached.take(2)] == [0, 1]  # no whole pass: nothing is kept
    assert list(tmp_path.iterdir()) == []
    assert [int(x) for x in cached] == [int(x) for x in cached] == [2, 3, 4, 5]
    iterator = iter(cached)
    next(iterator)
    state = iterator.state_dict()
    iterator.load_state_dict(state)
    assert [int(x) for x in iterator] == [3, 4, 5]
    # What is shuffled after the cache is shuffled in each pass.
    mixed = cached.shuffle(4, seed=1)
    assert [int(x) for x in mixed] != [int(x) for x in mixed]


@pytest.mark.parametrize("damage", ["cut", "bits", "other", "no end"])
def test_a_damaged_file_says_so(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "cache"
    data = Dataset.from_tensor_slices(np.arange(600).reshape(3, 200)).cache(str(path))
    list(data)
    whole = path.read_bytes()
    middle = whole.index((250).to_bytes(8, "little"))
    path.write_bytes(
        {
            "cut": whole[:-30],
            "bits": whole[:middle] + b"\xff" + whole[middle + 1 :],
            "other": b"something else",
            "no end": whole.replace(b"end.json", b"xxx.json"),
        }[damage]
    )
    with pytest.raises(ValueError, match="Delete it"):
        list(data)


def test_what_has_no_place_in_the_file_is_refused(tmp_path: Path) -> None:
    data = Dataset.from_tensors(np.array([{1}, {2}], dtype=object)).cache(str(tmp_path / "c"))
    with pytest.raises(TypeError, match="in memory"):
        list(data)
    assert list(tmp_path.iterdir()) == []


def test_a_fit_interrupted_in_this_process_goes_on_in_the_same_order(tmp_path: Path) -> None:
    rows = np.arange(12, dtype="float32")[:, None]
    seen: list[float] = []

    def look(x: Any) -> Any:
        seen.append(float(x[0]))
        return x, x

    def trained(data: Dataset, stop: int | None = None) -> list[float]:
        utils.set_random_seed(3)
        made = Sequential([layers.Input((1,)), layers.Dense(1)])
        made.compile("sgd", "mse")
        backup = callbacks.BackupAndRestore(tmp_path / "backup")

        def interrupt(epoch: int, logs: Any) -> None:
            if epoch == stop:
                raise KeyboardInterrupt

        hook = callbacks.LambdaCallback(on_epoch_begin=interrupt)
        made.fit(data, epochs=3, verbose=0, callbacks=[backup, hook])
        return [float(w) for weights in made.get_weights() for w in weights.ravel()]

    def data() -> Dataset:
        return Dataset.from_tensor_slices(rows).shuffle(12, seed=5).map(look).batch(4)

    whole = trained(data())
    order = seen[:36]
    assert order[:12] != order[12:24] and len(seen) == 36
    seen.clear()
    same = data()
    with pytest.raises(KeyboardInterrupt):
        trained(same, stop=1)
    assert trained(same) == whole
