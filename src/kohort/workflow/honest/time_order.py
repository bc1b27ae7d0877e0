"""Time order: no row may teach that is later than a row it is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest.splits import Fold


@dataclass(frozen=True)
class TimeOrder:
    """What was found.

    `ordered`: the rows stand in time order; `ties`: rows at the same time as an earlier one;
    `longest_gap`: the largest step between neighbouring times, in typical (median) steps;
    `leaks`: for each fold the training rows that are not earlier than all its validation rows.
    """

    ordered: bool
    ties: int
    longest_gap: float
    leaks: list[np.ndarray] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(len(rows) for rows in self.leaks)

    def __str__(self) -> str:
        parts = [
            "The rows stand in time order" if self.ordered else "The rows are not in time order"
        ]
        if self.ties:
            parts.append(f"{self.ties} share their time with another row")
        if self.longest_gap > 10:
            parts.append(f"the longest gap is {self.longest_gap:.3g} typical steps")
        late = sum(len(rows) > 0 for rows in self.leaks)
        if late:
            parts.append(
                f"in {late} of {len(self.leaks)} folds some training rows are not earlier than the "
                "validation rows, so the future teaches the past: split with time="
            )
        elif self.leaks:
            parts.append("every fold trains on earlier rows only")
        return "; ".join(parts) + "."


def time_order(time: ArrayLike, folds: Sequence[Fold] = ()) -> TimeOrder:
    """Looks whether rows are ordered by `time`, shape `(rows,)`, and whether folds respect it.

    `time` may hold numbers or dates. Source of the rule: Tashman (2000), "Out-of-sample tests of
    forecasting accuracy".

    >>> from kohort.workflow.honest import Fold
    >>> found = time_order([1, 2, 3, 4], [Fold(np.array([0, 3]), np.array([1, 2]))])
    >>> found.leaks
    [array([3])]
    """
    times = as_times(time)
    steps = np.diff(np.unique(times))
    gap = float(steps.max() / np.median(steps)) if len(steps) else 0.0
    leaks = [
        np.asarray(train)[times[train] >= times[validation].min()] for train, validation in folds
    ]
    return TimeOrder(bool((np.diff(times) >= 0).all()), len(times) - len(steps) - 1, gap, leaks)


def as_times(time: ArrayLike) -> np.ndarray:
    """Times as float64, dates as seconds; a missing time is an error.

    >>> as_times(np.array(["1970-01-02", "1970-01-01"], "datetime64[D]")).tolist()
    [86400.0, 0.0]
    """
    times = np.asarray(time)
    if times.dtype.kind in "OUS":
        times = times.astype("datetime64[ns]")
    missing = np.isnat(times) if times.dtype.kind == "M" else np.isnan(times)
    if times.ndim != 1 or missing.any():
        raise WorkflowError(
            "time must hold a number or date for each row.",
            f"shape {times.shape}, {int(missing.sum())} missing",
            "leave out rows without a time",
        )
    if times.dtype.kind == "M":
        times = times.astype("datetime64[ns]").astype("int64") / 1e9
    return times.astype("float64")
