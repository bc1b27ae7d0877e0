"""Rows that occur on both sides of a split: learnt in training, and tested all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kohort.workflow.honest.row_keys import row_keys
from kohort.workflow.honest.splits import Fold


@dataclass(frozen=True)
class Duplicates:
    """What was found.

    `groups`, shape `(rows,)`, is one number for each set of equal rows (give it to `make_folds` as
    `groups=` to keep copies together); `copies` counts rows equal to an earlier one; `leaks` holds
    for each fold the validation rows whose inputs stand in its training part.
    """

    groups: np.ndarray
    copies: int
    leaks: list[np.ndarray] = field(default_factory=list)
    tolerance: float = 0.0

    @property
    def leaked(self) -> int:
        """The number of rows that leak in some fold."""
        return len(np.unique(np.concatenate(self.leaks))) if self.leaks else 0

    def __bool__(self) -> bool:
        return self.leaked > 0

    def __str__(self) -> str:
        equal = "nearly equal" if self.tolerance else "equal"
        start = f"{self.copies} of {len(self.groups)} rows are {equal} to an earlier row"
        if not self:
            return f"{start}; none of them stands on both sides of a split."
        return (
            f"{start}; {self.leaked} validation rows stand in the training part of their fold, "
            "which flatters the score: keep copies together with groups=."
        )


def duplicates_across_splits(x: Any, folds: Sequence[Fold], tolerance: float = 0.0) -> Duplicates:
    """Finds validation rows whose inputs are in the same fold's training part.

    `x` holds the inputs (see `row_keys`), `folds` the pairs of row numbers; a sealed test part is
    one more pair (development rows, test rows). `tolerance` > 0 also finds rows that differ by
    less than about that share of each column's standard deviation.

    >>> from kohort.workflow.honest import Fold
    >>> x = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [5.0, 6.0]])
    >>> found = duplicates_across_splits(x, [Fold(np.array([0, 1]), np.array([2, 3]))])
    >>> found.copies, found.leaks
    (1, [array([2])])
    """
    _, first, inverse = np.unique(row_keys(x, tolerance), return_index=True, return_inverse=True)
    groups = np.argsort(np.argsort(first))[inverse]  # numbered as they appear
    leaks = [
        np.asarray(validation)[np.isin(groups[validation], groups[train])]
        for train, validation in folds
    ]
    return Duplicates(groups, len(groups) - len(first), leaks, tolerance)
