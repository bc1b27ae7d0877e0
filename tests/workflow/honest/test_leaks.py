"""Equal rows on two sides, time order, and the keys and fingerprints behind them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest import (
    Fold,
    duplicates_across_splits,
    fingerprint,
    make_folds,
    row_keys,
    time_order,
)

HALVES = [Fold(np.arange(5), np.arange(5, 10)), Fold(np.arange(5, 10), np.arange(5))]


def rows():
    return np.random.default_rng(0).normal(size=(10, 3))


def test_equal_rows_are_found_on_both_sides():
    x = rows()
    assert not duplicates_across_splits(x, HALVES)
    x[7], x[4] = x[2], x[3]  # one pair across the border, one inside a half
    found = duplicates_across_splits(x, HALVES)
    assert found.copies == 2
    assert [leak.tolist() for leak in found.leaks] == [[7], [2]]
    assert found.leaked == 2
    assert "2 validation rows stand in the training part" in str(found)


def test_groups_from_duplicates_keep_copies_together():
    x = np.repeat(rows(), 2, axis=0)
    found = duplicates_across_splits(x, make_folds(20, 4))
    assert found and found.copies == 10
    again = duplicates_across_splits(x, make_folds(20, 4, groups=found.groups))
    assert not again and str(again).endswith("none of them stands on both sides of a split.")


def test_near_rows_are_found_by_rounding_in_units_of_spread():
    x = rows() * [1, 1000, 1e-6]
    x[7] = x[2] + [1e-7, 1e-4, 1e-13]
    assert not duplicates_across_splits(x, HALVES)
    assert duplicates_across_splits(x, HALVES, tolerance=1e-3).leaks[0].tolist() == [7]
    x[7] = x[2] + [0.5, 500, 5e-7]
    assert not duplicates_across_splits(x, HALVES, tolerance=1e-3)


def test_nan_zero_and_types():
    other_nan = np.array([np.nan]).view("u8") | np.uint64(1 << 63 | 5)
    x = np.array([[np.nan, 0.0], [other_nan.view("f8")[0], -0.0], [0.0, np.nan]])
    a, b, c = row_keys(x)
    assert a == b != c
    assert (row_keys(np.arange(4)) == row_keys(np.arange(4, dtype="float32"))).all()
    assert row_keys(np.array([np.nan, 1.0]), tolerance=0.1)[0] == row_keys(np.array([np.nan]))[0]


def test_signs_positions_and_borders_matter():
    x = np.array([[1, -2], [-1, 2], [2, -1], [1, 2], [-1, -2]])
    assert len(set(row_keys(x).tolist())) == 5
    texts = np.array([["ab", "c"], ["a", "bc"], ["abc", ""]])
    assert len(set(row_keys(texts).tolist())) == 3


def test_all_kinds_of_data():
    frame = pd.DataFrame({"a": [1.0, 2.0, 1.0], "b": ["x", "y", "x"]})
    for data in (frame, (frame["a"], frame["b"]), {"a": frame["a"].to_numpy(), "b": frame["b"]}):
        keys = row_keys(data)
        assert keys[0] == keys[2] != keys[1]
    assert row_keys(np.zeros((3, 2, 2, 1))).shape == (3,)
    assert row_keys([np.arange(3), np.arange(3)]).shape == (3,)
    with pytest.raises(WorkflowError, match="lengths"):
        row_keys((np.arange(3), np.arange(4)))


def test_a_fingerprint_holds_across_processes_and_orders():
    x = rows()
    code = (
        "import numpy as np; from kohort.workflow.honest import fingerprint;"
        "print(fingerprint(np.random.default_rng(0).normal(size=(10, 3))))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert other.stdout.strip() == fingerprint(x) == fingerprint(x[::-1])
    assert fingerprint(x) != fingerprint(x[:9])


def test_wide_rows_are_hashed_in_chunks(monkeypatch):
    whole = row_keys(rows())
    monkeypatch.setattr(sys.modules[row_keys.__module__], "CHUNK", 7)
    assert (row_keys(rows()) == whole).all()


def test_time_order_of_rows_and_folds():
    good = time_order(np.arange(10), make_folds(10, 3, time=True))
    assert good.ordered and not good
    assert str(good) == "The rows stand in time order; every fold trains on earlier rows only."
    shuffled = time_order(np.arange(10), make_folds(10, 3))
    assert shuffled and "split with time=" in str(shuffled)
    assert "in 3 of 3 folds" in str(shuffled)


def test_ties_gaps_and_dates():
    dates = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03", "2024-03-03"])
    found = time_order(dates)
    assert (found.ordered, found.ties, found.longest_gap) == (True, 1, 60)
    assert "1 share their time" in str(found) and "60 typical steps" in str(found)
    assert not time_order([3, 1, 2]).ordered
    with pytest.raises(WorkflowError, match="1 missing"):
        time_order([1.0, np.nan])
    with pytest.raises(WorkflowError, match="shape"):
        time_order(np.zeros((2, 2)))


def test_equal_times_on_both_sides_leak():
    assert time_order([1, 2, 2, 3], [Fold(np.array([0, 1]), np.array([2, 3]))]).leaks[0] == [1]
