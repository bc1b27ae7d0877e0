"""Stage 1 and 2: the task from the target, the measure from the task and the balance."""

import numpy as np
import pytest

from kohort.workflow.failure import WorkflowError
from kohort.workflow.measure import choose_measure
from kohort.workflow.problem import find_problem
from kohort.workflow.readers import from_arrays
from kohort.workflow.table import Column, Table

ROWS = 60
RNG = np.random.default_rng(0)


def problem_of(y, task=None):
    y = np.asarray(y)
    return find_problem(from_arrays("test", (np.arange(len(y) * 2.0).reshape(-1, 2), y)), task)[0]


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (np.arange(ROWS) % 2, "binary"),
        (np.array(["no", "yes"])[np.arange(ROWS) % 2], "binary"),
        (np.where(np.arange(ROWS) % 2, 1.5, 2.5), "binary"),
        (np.arange(ROWS) % 3, "multi-class"),
        (np.array(["a", "b", "c"])[np.arange(ROWS) % 3], "multi-class"),
        (np.arange(2300) % 46, "multi-class"),
        (np.arange(ROWS) + 0.5, "regression"),
        (np.arange(ROWS) * 7, "regression"),
        (RNG.integers(0, 2, (ROWS, 3)), "multi-label"),
        (np.eye(4)[np.arange(ROWS) % 4], "multi-class"),
    ],
)
def test_task_is_found(y, task):
    problem = problem_of(y)
    assert problem.task == task
    assert problem.text


def test_classes_and_their_numbers():
    problem = problem_of(np.array(["pear", "apple", "plum"])[np.arange(ROWS) % 3])
    assert problem.classes == ["apple", "pear", "plum"]
    assert problem.y[:3].tolist() == [1, 0, 2]
    assert problem.counts() == [20, 20, 20]
    assert problem.outputs == 3


def test_task_can_be_stated():
    assert problem_of(np.arange(ROWS) % 10, "regression").task == "regression"


def test_rows_without_target_are_set_aside():
    y = np.arange(ROWS) + 0.5
    y[[3, 5]] = np.nan
    table = from_arrays("test", (np.arange(float(ROWS))[:, None], y))
    problem, kept = find_problem(table)
    assert problem.text[0].startswith("2 rows have no target")
    assert kept.rows == len(problem.y) == ROWS - 2
    assert 3 not in kept.inputs[0].values


def test_given_test_part_shrinks_with_its_blank_rows():
    y = np.arange(ROWS) + 0.5
    y[-1] = np.nan
    parts = (np.ones((50, 1)), y[:50]), (np.ones((10, 1)), y[50:])
    assert find_problem(from_arrays("test", *parts))[1].given_test == 9


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        (np.zeros(ROWS), None, "two classes"),
        (["same"] * ROWS, None, "only 'same'"),
        (np.arange(3.0), None, "at least 20 rows"),
        ([f"name {i}" for i in range(ROWS)], None, "Each class needs several rows"),
        (["a", "b"] * 30, "regression", "text such as 'a'"),
        (np.zeros(ROWS), "regression", "must vary"),
        (np.arange(ROWS) % 3, "binary", "--task multi-class|multi-class"),
        (np.arange(ROWS) % 3, "multi-label", "several 0/1 targets"),
        (RNG.integers(0, 3, (ROWS, 2)), None, "labels that are 0 or 1"),
        (np.stack([np.ones(ROWS), np.arange(ROWS) % 2], 1), None, "one value only in label0"),
        (np.arange(ROWS), "guess", "must be one of binary"),
    ],
)
def test_what_cannot_be_learnt(y, task, message):
    with pytest.raises(WorkflowError, match=message):
        problem_of(y, task)


def test_all_targets_missing():
    column = Column("y", "numeric", np.full(ROWS, np.nan))
    table = Table("test", [Column("x", "numeric", np.arange(float(ROWS)))], [column])
    with pytest.raises(WorkflowError, match="0 rows with a target"):
        find_problem(table)


@pytest.mark.parametrize(
    ("y", "name", "higher"),
    [
        (np.arange(100) % 2, "ROC AUC", True),
        (np.arange(100) % 10 == 0, "average precision", True),
        (np.arange(100) % 10 != 0, "ROC AUC", True),
        (np.arange(100) % 4, "accuracy", True),
        (np.r_[np.zeros(60), np.ones(36), np.full(4, 2)], "mean ROC AUC", True),
        (np.arange(100) + 0.5, "MAE", False),
        (RNG.integers(0, 2, (100, 3)), "mean average precision", True),
    ],
)
def test_measure_follows_task_and_balance(y, name, higher):
    measure = choose_measure(problem_of(np.asarray(y, dtype=float)))
    assert (measure.name, measure.higher) == (name, higher)
    assert measure.text


def test_rare_class_is_named_in_the_reason():
    measure = choose_measure(problem_of(np.arange(100) % 10 == 0))
    assert "only 10.0%" in measure.text[0]
