"""Stage 3: sealed before anything else, stratified, duplicates on one side, time kept."""

import numpy as np
import pytest

from kohort.workflow.failure import UsageError, WorkflowError
from kohort.workflow.problem import find_problem
from kohort.workflow.protocol import deal, make_protocol, row_groups
from kohort.workflow.readers import from_arrays
from kohort.workflow.table import Column, Table


def plan(x, y, test=None, **options):
    problem, table = find_problem(from_arrays("test", (x, y), test))
    return make_protocol(table, problem, **options), problem


def unique_rows(count):
    return np.random.default_rng(0).normal(size=(count, 2))


@pytest.mark.parametrize(
    ("rows", "kind", "pairs"),
    [(100, "2 × 4-fold", 8), (1000, "4-fold", 4), (8000, "hold-out", 1)],
)
def test_kind_follows_size(rows, kind, pairs):
    protocol, _ = plan(unique_rows(rows), np.arange(rows) % 2)
    assert protocol.kind == kind
    assert len(protocol.folds) == pairs


@pytest.mark.parametrize("rows", [60, 101, 1003, 7001])
def test_parts_are_disjoint_and_whole(rows):
    protocol, _ = plan(unique_rows(rows), np.arange(rows) % 3)
    together = np.concatenate([protocol.test, protocol.development])
    assert sorted(together) == list(range(rows))
    assert len(protocol.test) == pytest.approx(0.2 * rows, abs=1.5)
    for train, judge in protocol.folds:
        assert np.intersect1d(train, judge).size == 0
        assert sorted(np.r_[train, judge]) == protocol.development.tolist()


def test_folds_judge_every_row_once_a_repeat():
    protocol, _ = plan(unique_rows(100), np.arange(100) % 2)
    judged = np.concatenate([judge for _, judge in protocol.folds])
    assert np.bincount(judged)[protocol.development].tolist() == [2] * len(protocol.development)


def test_classes_are_spread_evenly():
    y = (np.arange(500) % 10 == 0).astype(int)
    protocol, problem = plan(unique_rows(500), y)
    assert problem.y[protocol.test].sum() == 10
    for _, judge in protocol.folds:
        assert problem.y[judge].sum() == pytest.approx(10, abs=1)


def test_regression_is_spread_over_the_range():
    y = np.arange(500) ** 2 / 7
    protocol, _ = plan(unique_rows(500), y)
    assert np.median(y[protocol.test]) == pytest.approx(np.median(y), rel=0.1)


def test_duplicates_stay_on_one_side():
    x = np.repeat(unique_rows(50), 4, axis=0)
    protocol, _ = plan(x, np.arange(200) % 2)
    group = np.repeat(np.arange(50), 4)
    assert protocol.duplicates == 150
    assert "150 rows repeat" in " ".join(protocol.text)
    assert np.intersect1d(group[protocol.test], group[protocol.development]).size == 0
    for train, judge in protocol.folds:
        assert np.intersect1d(group[train], group[judge]).size == 0


def test_row_number_does_not_hide_a_duplicate():
    columns = [
        Column("id", "numeric", np.arange(1.0, 5.0)),
        Column("x", "numeric", np.array([1.0, 2.0, 1.0, np.nan])),
        Column("t", "category", np.array(["a", "b", "a", None], dtype=object)),
    ]
    table = Table("test", columns, [Column("y", "numeric", np.zeros(4))])
    groups = row_groups(table)
    assert groups[0] == groups[2]
    assert len(set(groups)) == 3


def test_same_seed_same_split():
    first, _ = plan(unique_rows(100), np.arange(100) % 2, seed=3)
    again, _ = plan(unique_rows(100), np.arange(100) % 2, seed=3)
    other, _ = plan(unique_rows(100), np.arange(100) % 2, seed=4)
    np.testing.assert_array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)


def test_given_test_part_is_kept_and_its_copies_leave_training():
    x = unique_rows(120)
    x[5] = x[110]
    y = np.arange(120) % 2
    protocol, _ = plan(x[:100], y[:100], (x[100:], y[100:]))
    assert protocol.test.tolist() == list(range(100, 120))
    assert 5 not in protocol.development
    assert len(protocol.development) == 99
    assert "1 rows" in " ".join(protocol.text)


def test_given_test_part_that_swallows_training():
    x, y = unique_rows(30), np.arange(30) % 2
    with pytest.raises(WorkflowError, match="Too few training rows"):
        plan(x, y, (x, y))


def test_time_is_never_shuffled():
    count = 200
    days = Column("day", "date", np.arange(float(count)))
    noise = Column("x", "numeric", unique_rows(count)[:, 0])
    target = Column("y", "numeric", np.arange(count) % 2.0)
    problem, table = find_problem(Table("test", [noise, days], [target]))
    protocol = make_protocol(table, problem)
    assert protocol.kind == "time-ordered"
    assert protocol.test.min() > protocol.development.max()
    for train, judge in protocol.folds:
        assert train.max() < judge.min()


def test_unordered_dates_are_an_ordinary_column():
    days = Column("day", "date", np.random.default_rng(0).permutation(np.arange(100.0)))
    problem, table = find_problem(
        Table("test", [days], [Column("y", "numeric", np.arange(100) % 2.0)])
    )
    assert make_protocol(table, problem).kind == "2 × 4-fold"


@pytest.mark.parametrize("folds", [1, 26])
def test_folds_out_of_range(folds):
    with pytest.raises(UsageError, match="--folds must lie between 2 and"):
        plan(unique_rows(100), np.arange(100) % 2, folds=folds)


def test_folds_can_be_stated():
    protocol, _ = plan(unique_rows(1000), np.arange(1000) % 2, folds=3)
    assert protocol.kind == "3-fold"


def test_rare_class_is_dealt_without_a_crash():
    strata = np.r_[np.zeros(37, int), 1, 2, 2]
    part = deal(np.arange(40), strata, 5, np.random.default_rng(0))
    assert np.bincount(part).tolist() == [8] * 5
    assert part[38] != part[39]


@pytest.mark.parametrize("rows", [101, 103, 1003])
def test_folds_have_one_shape(rows):
    protocol, _ = plan(unique_rows(rows), np.arange(rows) % 3)
    assert len({(len(train), len(judge)) for train, judge in protocol.folds}) == 1
