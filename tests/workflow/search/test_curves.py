"""Curves of members in a file: formats, appending, and a full disk."""

import errno
import os

import numpy as np
import pytest

from kohort.workflow.search import StudyError, curves, read_curves, write_curves

MEMBERS = [{"trial": 3, "fold": 0}, {"trial": 3, "fold": 1}]
LOGS = {"loss": np.array([[3.0, 2.0, 1.0], [6.0, np.nan, 4.0]]), "val_loss": np.ones((2, 3))}


@pytest.fixture(params=["csv", "parquet"])
def path(request, tmp_path):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return tmp_path / "deep" / f"curves.{request.param}"


def test_a_row_for_each_epoch_that_a_member_ran(path):
    write_curves(path, MEMBERS, LOGS, epochs=[3, 2])
    table = read_curves(path)
    assert list(table) == ["trial", "fold", "epoch", "loss", "val_loss"]
    assert table["trial"] == [3] * 5 and table["fold"] == [0, 0, 0, 1, 1]
    assert table["epoch"] == [1, 2, 3, 1, 2]
    np.testing.assert_array_equal(table["loss"], [3.0, 2.0, 1.0, 6.0, np.nan])


def test_a_second_batch_joins_the_first(path):
    write_curves(path, MEMBERS, {"loss": LOGS["loss"]})
    write_curves(path, [{"trial": 4, "rung": "a"}], {"loss": [[7.0]], "mae": [[8.0]]})
    table = read_curves(path)
    assert table["trial"] == [3] * 6 + [4] and table["epoch"][-1] == 1
    assert table["rung"] == [None] * 6 + ["a"] and table["mae"][-1] == 8.0
    write_curves(path, MEMBERS, LOGS, append=False)
    assert len(read_curves(path)["loss"]) == 6


def test_without_pyarrow_the_file_is_csv(tmp_path, monkeypatch):
    monkeypatch.setattr(curves.importlib.util, "find_spec", lambda name: None)
    assert write_curves(tmp_path / "curves", MEMBERS, LOGS).name == "curves.csv"


def test_with_pyarrow_the_file_is_parquet_that_pandas_reads(tmp_path):
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    path = write_curves(tmp_path / "curves", MEMBERS, LOGS)
    assert path.name == "curves.parquet" and pandas.read_parquet(path)["val_loss"].sum() == 6


def test_a_full_disk_leaves_the_earlier_curves(path, monkeypatch):
    write_curves(path, MEMBERS, LOGS)

    def full(*places):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(os, "replace", full)
        with pytest.raises(StudyError, match="No space left(.|\n)*earlier batches are kept"):
            write_curves(path, MEMBERS, LOGS)
    assert len(read_curves(path)["loss"]) == 6
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_logs_of_other_shapes_are_refused(tmp_path):
    with pytest.raises(StudyError, match="2 members"):
        write_curves(tmp_path / "c.csv", MEMBERS, {"loss": np.ones((3, 2))})
