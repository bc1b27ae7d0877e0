"""Which rows teach and which judge: hold-out, K-fold, stratified, grouped, repeated, by time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kohort.workflow.failure import WorkflowError


class Fold(NamedTuple):
    """Row numbers: those that train, and those that validate."""

    train: np.ndarray
    validation: np.ndarray


def make_folds(
    rows: int,
    folds: int | Any = None,
    repeats: int = 1,
    *,
    groups: ArrayLike | None = None,
    time: bool | ArrayLike | None = None,
    stratify: ArrayLike | None = None,
    hold_out: float | None = None,
    gap: int = 0,
    seed: int = 0,
) -> list[Fold]:
    """Splits `rows` rows into pairs (training rows, validation rows).

    - `folds`: the number K (5), a scikit-learn splitter, or the pairs themselves
    - `repeats`: draw everything that often, with other seeds
    - `groups`, shape `(rows,)`: rows of one group stay on one side
    - `stratify`, shape `(rows,)`: classes, of which each part gets its share
    - `hold_out`: one part of this share (with groups: of the groups) validates, once
    - `time`: True if rows stand in time order, or their times, shape `(rows,)`. Each validation
      part is then later than what trains for it (less `gap` moments between), and nothing is
      shuffled; rows of one moment stay together.

    The work is scikit-learn's `KFold`, `StratifiedKFold`, `StratifiedGroupKFold`,
    `TimeSeriesSplit` and their hold-out kin.

    >>> [(fold.train.tolist(), fold.validation.tolist()) for fold in make_folds(6, 3)]
    [([0, 1, 3, 4], [2, 5]), ([0, 2, 4, 5], [1, 3]), ([1, 2, 3, 5], [0, 4])]
    >>> [len(fold.train) for fold in make_folds(8, 3, time=True)]
    [2, 4, 6]
    """
    given_groups = None if groups is None else _column(groups, rows, "groups")
    classes = None if stratify is None else _column(stratify, rows, "stratify")
    _check_counts(rows, repeats, hold_out)
    if hold_out is not None and folds is not None:
        raise WorkflowError(
            "Choose hold_out= or folds=.",
            f"hold_out={hold_out}, folds={folds}",
            "leave one of them away",
        )
    if folds is not None and not isinstance(folds, (int, np.integer)):
        if repeats > 1:
            raise WorkflowError(
                "A splitter, or a list of pairs, says itself how often to split.",
                f"repeats={repeats}",
                "leave repeats= away, or take RepeatedKFold",
            )
        return _given(folds, rows, given_groups, classes)
    count = 5 if folds is None else int(folds)
    if time is not None and time is not False:
        if groups is not None or stratify is not None or repeats > 1:
            raise WorkflowError(
                "A split by time has one form: no groups, no strata, no repeats.",
                "time= together with groups=, stratify= or repeats=",
                "leave the others away; rows of one moment stay together anyway",
            )
        moments = _moments(rows, time)
        return _by_time(moments, count, hold_out, gap)
    if hold_out is None:
        _check_folds(count, rows, given_groups, classes)
    out: list[Fold] = []
    for at in range(seed, seed + repeats):
        if given_groups is None and classes is None:
            out += _k_fold(rows, count, at) if hold_out is None else [_hold_out(rows, hold_out, at)]
            continue
        splitter = _splitter(count, given_groups, classes, hold_out, at)
        strata = np.zeros(rows) if classes is None else classes
        out += [Fold(*pair) for pair in splitter.split(strata, strata, given_groups)]
    return out


def _k_fold(rows: int, folds: int, seed: int) -> list[Fold]:
    """What scikit-learn's `KFold(folds, shuffle=True, random_state=seed)` gives.

    Here by hand, since importing scikit-learn takes longer than a small search.
    """
    order = np.arange(rows)
    np.random.RandomState(seed).shuffle(order)
    parts = (np.sort(part) for part in np.array_split(order, folds))
    return [Fold(np.setdiff1d(np.arange(rows), part), part) for part in parts]


def _hold_out(rows: int, share: float, seed: int) -> Fold:
    """What scikit-learn's `ShuffleSplit(1, test_size=share, random_state=seed)` gives."""
    order = np.random.RandomState(seed).permutation(rows)
    count = math.ceil(share * rows)
    return Fold(order[count:], order[:count])


def _splitter(
    folds: int,
    groups: np.ndarray | None,
    classes: np.ndarray | None,
    hold_out: float | None,
    seed: int,
) -> Any:
    from sklearn import model_selection as sk

    if hold_out is not None:
        if groups is not None and classes is not None:
            raise WorkflowError(
                "A hold-out part cannot be both grouped and stratified.",
                "hold_out= with groups= and stratify=",
                "give folds=, and take the first fold",
            )
        share = sk.StratifiedShuffleSplit if groups is None else sk.GroupShuffleSplit
        return share(1, test_size=hold_out, random_state=seed)
    # with one class for all, the grouped kind is a shuffled GroupKFold
    kind = sk.StratifiedKFold if groups is None else sk.StratifiedGroupKFold
    return kind(folds, shuffle=True, random_state=seed)


def _moments(rows: int, time: bool | ArrayLike) -> np.ndarray:
    """The number of each row's moment: 0 for the first, equal for rows of equal time."""
    if time is True:
        return np.arange(rows)
    from kohort.workflow.honest.time_order import as_times

    return np.unique(_column(as_times(time), rows, "time"), return_inverse=True)[1]


def _by_time(moments: np.ndarray, folds: int, hold_out: float | None, gap: int) -> list[Fold]:
    from sklearn.model_selection import TimeSeriesSplit

    count = int(moments.max()) + 1
    size = None if hold_out is None else max(1, round(count * hold_out))
    if count < gap + 1 + (size or folds) or folds < 2 or gap < 0:
        raise WorkflowError(
            "A split by time needs at least 2 folds, and more moments than folds and gap.",
            f"{count} moments, folds={folds}, gap={gap}",
            "take fewer folds, or a smaller gap",
        )
    if size is not None:
        cut = count - size
        pairs = [(np.arange(cut - gap), np.arange(cut, count))]
    else:
        pairs = list(TimeSeriesSplit(folds, gap=gap).split(np.arange(count)))
    order = np.argsort(moments, kind="stable")  # rows come in time order
    return [
        Fold(order[np.isin(moments[order], train)], order[np.isin(moments[order], validation)])
        for train, validation in pairs
    ]


def _given(
    folds: Any, rows: int, groups: np.ndarray | None, classes: np.ndarray | None
) -> list[Fold]:
    """Folds of a scikit-learn splitter, or pairs made elsewhere: checked, not changed."""
    pairs: Iterable[Any] = folds
    if hasattr(folds, "split"):
        strata = np.zeros(rows) if classes is None else classes
        pairs = folds.split(np.zeros((rows, 1)), strata, groups)
    out = [Fold(*(_row_numbers(part, rows) for part in pair)) for pair in pairs]
    if not out:
        raise WorkflowError("folds must hold at least one pair.", "none", "give a number, say 5")
    for number, fold in enumerate(out):
        shared = len(np.intersect1d(fold.train, fold.validation))
        if shared or not len(fold.train) or not len(fold.validation):
            raise WorkflowError(
                "Each fold must have training rows and other rows that validate.",
                f"fold {number} with {len(fold.train)} and {len(fold.validation)} rows, "
                f"{shared} of them in both",
                "give pairs of row numbers that share none",
            )
    return out


def _row_numbers(part: ArrayLike, rows: int) -> np.ndarray:
    numbers = np.asarray(part)
    if numbers.dtype == bool:
        numbers = np.flatnonzero(numbers)
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= rows):
        raise WorkflowError(
            f"Row numbers must lie between 0 and {rows - 1}.",
            f"{numbers.min()} to {numbers.max()}",
            "make the folds for this data",
        )
    return numbers


def _column(values: ArrayLike, rows: int, name: str) -> np.ndarray:
    column = np.asarray(values)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column[:, 0]
    elif column.ndim == 2:  # one-hot classes
        column = column.argmax(axis=1)
    if column.shape != (rows,):
        raise WorkflowError(
            f"{name} must have one value for each of the {rows} rows.",
            f"shape {column.shape}",
            "give an array of shape (rows,)",
        )
    return column


def _check_counts(rows: int, repeats: int, hold_out: float | None) -> None:
    if rows < 2:
        raise WorkflowError("A split needs at least two rows.", str(rows), "give more rows")
    if repeats < 1:
        raise WorkflowError("repeats must be at least 1.", str(repeats), "leave it away")
    if hold_out is not None and not 0 < hold_out < 1:
        raise WorkflowError(
            "hold_out is the share of rows that validates, between 0 and 1.",
            str(hold_out),
            "give 0.2, say",
        )


def _check_folds(
    folds: int, rows: int, groups: np.ndarray | None, classes: np.ndarray | None
) -> None:
    if not 2 <= folds <= rows:
        raise WorkflowError(
            f"folds must lie between 2 and the number of rows ({rows}).",
            str(folds),
            f"take {min(5, rows)} folds" if rows >= 2 else "give more rows",
        )
    if groups is not None and len(np.unique(groups)) < folds:
        raise WorkflowError(
            "There must be at least as many groups as folds.",
            f"{len(np.unique(groups))} groups, {folds} folds",
            "take fewer folds, or finer groups",
        )
    if classes is None:
        return
    names, counts = np.unique(classes, return_counts=True)
    if counts.min() < folds:
        raise WorkflowError(
            "With stratify=, each class needs at least as many rows as there are folds.",
            f"{counts.min()} of class {names[counts.argmin()]!s}, {folds} folds",
            f"take {counts.min()} folds" if counts.min() > 1 else "join the class with another",
            "leave stratify= away: some folds then lack that class",
        )
