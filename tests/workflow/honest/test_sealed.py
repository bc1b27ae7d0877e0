"""The sealed test part: whole seals, a log that survives kills, and warnings that are heard."""

import json
import multiprocessing
import warnings

import numpy as np
import pytest

from kohort.errors import KohortWarning
from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest import SealedTest
from kohort.workflow.honest.sealed import OPENINGS, SEAL

X, Y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
ROWS = np.array([3, 11, 5])


def sealed(folder, data=(X, Y), rows=ROWS):
    return SealedTest(folder, data, rows)


def test_rows_and_the_rest(tmp_path):
    test = sealed(tmp_path / "run")
    assert test.rows.tolist() == [3, 5, 11]
    assert sorted([*test.rows, *test.development]) == list(range(20))
    assert test.open("final").tolist() == [3, 5, 11]
    (entry,) = test.earlier()
    assert (entry["reason"], entry["data"]) == ("final", test.data)


def test_a_second_opening_says_so(tmp_path):
    test = sealed(tmp_path / "run")
    test.open()
    with pytest.warns(KohortWarning, match="opened once before, last in this run folder"):
        test.open()
    with pytest.warns(KohortWarning, match="opened 2 times before"):
        sealed(tmp_path / "run").open()


def test_a_second_run_on_the_same_data_says_so(tmp_path):
    sealed(tmp_path / "first").open()
    order = np.random.default_rng(0).permutation(20)  # the same rows, in another order
    second = sealed(tmp_path / "second", (X[order], Y[order]))
    with pytest.warns(KohortWarning, match="by the run .*first"):
        second.open()


def test_other_data_is_none_of_its_business(tmp_path):
    sealed(tmp_path / "first").open()
    other = sealed(tmp_path / "second", (X + 1, Y))
    assert other.earlier() == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.open()


def test_a_resumed_run_gets_its_own_rows_back(tmp_path):
    sealed(tmp_path / "run")
    again = SealedTest(tmp_path / "run", (X, Y), rows=np.array([0, 1]))
    assert again.rows.tolist() == [3, 5, 11]
    assert SealedTest(tmp_path / "run", (X, Y)).rows.tolist() == [3, 5, 11]
    with pytest.raises(WorkflowError, match="the seal of one data set"):
        sealed(tmp_path / "run", (X + 1, Y))


def test_the_log_is_written_before_the_rows_are_seen(tmp_path, monkeypatch):
    test = sealed(tmp_path / "run")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kohort.workflow.honest.sealed._append", full)
    with pytest.raises(WorkflowError, match="must be writable.*\n?.*No space left"):
        test.open()
    monkeypatch.setattr("kohort.workflow.honest.sealed.os.replace", full)
    with pytest.raises(WorkflowError, match="No space left"):
        sealed(tmp_path / "other")


def test_torn_and_foreign_lines_are_passed_over(tmp_path):
    test = sealed(tmp_path / "run")
    test.open("first")
    log = tmp_path / "run" / OPENINGS
    with log.open("a") as file:
        file.write('[1]\n{"data": "x"}\n{"time": "2024')  # killed within its line
    with pytest.warns(KohortWarning, match="opened once"):
        test.open("second")
    assert [entry["reason"] for entry in test.earlier()] == ["first", "second"]
    assert json.loads(log.read_text().splitlines()[-1])["reason"] == "second"


def test_processes_do_not_mix_their_lines(tmp_path):
    test = sealed(tmp_path / "run")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_open_often, args=(test,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(test.earlier()) == 40


def _open_often(test):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", KohortWarning)
        for _ in range(20):
            test.open("x" * 300)


@pytest.mark.parametrize("rows", [[], np.arange(20), [20], [-1]])
def test_impossible_rows(tmp_path, rows):
    with pytest.raises(WorkflowError, match="some of the rows 0 to 19"):
        sealed(tmp_path / "run", rows=np.array(rows, int))
    assert not (tmp_path / "run" / SEAL).exists()


def test_no_seal_and_a_damaged_one(tmp_path):
    with pytest.raises(WorkflowError, match="must say which rows"):
        SealedTest(tmp_path, (X, Y))
    (tmp_path / SEAL).write_text('{"data": "tor')
    with pytest.raises(WorkflowError, match="must be readable"):
        sealed(tmp_path)
