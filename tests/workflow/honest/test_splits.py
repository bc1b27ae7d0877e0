"""Splits: every kind keeps its promise, and impossible ones are refused in words."""

import numpy as np
import pytest
from sklearn.model_selection import KFold, LeaveOneGroupOut, StratifiedKFold

from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest import Fold, make_folds

CLASSES = np.repeat([0, 1], [40, 10])
GROUPS = np.arange(50) // 5


def partition(folds, rows):
    """Whether the validation parts hold every row once, and training parts the rest."""
    validated = np.concatenate([fold.validation for fold in folds])
    whole = all(len(np.intersect1d(*fold)) == 0 for fold in folds)
    return whole and sorted(validated) == list(range(rows))


def test_k_fold_is_a_seeded_partition():
    folds = make_folds(23, 4)
    assert partition(folds, 23)
    assert sorted(len(fold.validation) for fold in folds) == [5, 6, 6, 6]
    again, other = make_folds(23, 4), make_folds(23, 4, seed=1)
    assert all((a.validation == b.validation).all() for a, b in zip(folds, again, strict=True))
    assert any(set(a.validation) != set(b.validation) for a, b in zip(folds, other, strict=True))
    assert len(make_folds(20)) == 5


def test_repeats_are_partitions_that_differ():
    folds = make_folds(20, 4, repeats=3)
    parts = [folds[i : i + 4] for i in (0, 4, 8)]
    assert all(partition(part, 20) for part in parts)
    assert len({tuple(part[0].validation) for part in parts}) == 3


@pytest.mark.parametrize("labels", [CLASSES, np.eye(2)[CLASSES], CLASSES[:, None], CLASSES == 1])
def test_strata_have_equal_shares(labels):
    folds = make_folds(50, 5, stratify=labels)
    assert partition(folds, 50)
    assert [CLASSES[fold.validation].sum() for fold in folds] == [2] * 5


@pytest.mark.parametrize("strata", [None, CLASSES])
def test_groups_stay_whole(strata):
    folds = make_folds(50, 5, repeats=2, groups=GROUPS, stratify=strata)
    assert partition(folds[:5], 50) and partition(folds[5:], 50)
    assert not any(set(GROUPS[fold.train]) & set(GROUPS[fold.validation]) for fold in folds)
    assert {len(fold.validation) for fold in folds} == {10}
    assert set(folds[0].validation) != set(folds[5].validation)


@pytest.mark.parametrize("kind", [{}, {"stratify": CLASSES}, {"groups": GROUPS}])
def test_hold_out(kind):
    (fold,) = make_folds(50, hold_out=0.2, **kind)
    assert (len(fold.train), len(fold.validation)) == (40, 10)
    assert not set(fold.train) & set(fold.validation)
    if "stratify" in kind:
        assert CLASSES[fold.validation].sum() == 2
    if "groups" in kind:
        assert not set(GROUPS[fold.train]) & set(GROUPS[fold.validation])
    assert len(make_folds(50, hold_out=0.2, repeats=3, **kind)) == 3


def test_time_comes_before_and_after():
    times = np.random.default_rng(0).permutation(30) // 2  # pairs share a moment
    folds = make_folds(30, 4, time=times)
    for train, validation in folds:
        assert times[train].max() < times[validation].min()
        assert (np.diff(times[train]) >= 0).all()
    assert len(folds) == 4
    (fold,) = make_folds(30, time=times, hold_out=0.2)
    assert sorted(set(times[fold.validation])) == [12, 13, 14]
    assert sorted(set(times[fold.train])) == list(range(12))


def test_a_gap_lies_between():
    for train, validation in make_folds(20, 3, time=True, gap=2):
        assert validation[0] - train[-1] == 3
    (fold,) = make_folds(20, time=True, hold_out=0.25, gap=2)
    assert (fold.train[-1], fold.validation[0]) == (12, 15)


def test_dates_as_text():
    (fold,) = make_folds(
        4, time=["2024-03-01", "2024-01-01", "2024-02-01", "2024-04-01"], hold_out=0.25
    )
    assert (fold.train.tolist(), fold.validation.tolist()) == ([1, 2, 0], [3])


def test_splitters_of_scikit_learn():
    folds = make_folds(50, KFold(5))
    assert folds[0].validation.tolist() == list(range(10))
    assert isinstance(folds[0], Fold)
    assert len(make_folds(50, LeaveOneGroupOut(), groups=GROUPS)) == 10
    own = make_folds(50, StratifiedKFold(5), stratify=CLASSES)
    assert [CLASSES[fold.validation].sum() for fold in own] == [2] * 5


def test_pairs_made_elsewhere():
    mask = np.arange(6) < 4
    (fold,) = make_folds(6, [(mask, ~mask)])
    assert (fold.train.tolist(), fold.validation.tolist()) == ([0, 1, 2, 3], [4, 5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folds": 51}, "folds must lie between 2 and the number of rows"),
        ({"folds": 1}, "folds must lie between 2"),
        ({"folds": 11, "stratify": CLASSES}, "10 of class 1, 11 folds"),
        ({"folds": 11, "groups": GROUPS}, "10 groups, 11 folds"),
        ({"folds": 3, "hold_out": 0.2}, "Choose hold_out= or folds="),
        ({"hold_out": 20}, "between 0 and 1"),
        ({"hold_out": 0.2, "groups": GROUPS, "stratify": CLASSES}, "both grouped and stratified"),
        ({"time": True, "groups": GROUPS}, "no groups, no strata, no repeats"),
        ({"time": True, "folds": 50}, "more moments than folds"),
        ({"time": True, "folds": 1}, "at least 2 folds"),
        ({"time": np.full(50, np.nan)}, "50 missing"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"groups": GROUPS[:4]}, "groups must have one value for each of the 50 rows"),
        ({"folds": [([0, 1], [1, 2])]}, "1 of them in both"),
        ({"folds": [([0, 1], [])]}, "training rows and other rows"),
        ({"folds": [([0, 1], [50])]}, "between 0 and 49"),
        ({"folds": []}, "at least one pair"),
        ({"folds": KFold(5), "repeats": 2}, "says itself how often"),
    ],
)
def test_messages(arguments, message):
    with pytest.raises(WorkflowError, match=message):
        make_folds(50, **arguments)


def test_one_row():
    with pytest.raises(WorkflowError, match="at least two rows"):
        make_folds(1)


@pytest.mark.parametrize("rows, folds", [(10, 3), (101, 4), (6, 6)])
def test_plain_folds_are_those_of_scikit_learn(rows, folds):
    from sklearn.model_selection import KFold

    splitter = KFold(folds, shuffle=True, random_state=3)
    for mine, (train, validation) in zip(
        make_folds(rows, folds, seed=3), splitter.split(np.zeros(rows)), strict=True
    ):
        np.testing.assert_array_equal(mine.train, train)
        np.testing.assert_array_equal(mine.validation, validation)


@pytest.mark.parametrize("rows, share", [(10, 0.25), (101, 0.2)])
def test_a_plain_hold_out_is_that_of_scikit_learn(rows, share):
    from sklearn.model_selection import ShuffleSplit

    (mine,) = make_folds(rows, hold_out=share, seed=3)
    splitter = ShuffleSplit(1, test_size=share, random_state=3)
    ((train, validation),) = splitter.split(np.zeros(rows))
    np.testing.assert_array_equal(mine.train, train)
    np.testing.assert_array_equal(mine.validation, validation)
