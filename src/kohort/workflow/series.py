"""Series: a value is to be foreseen from the values before it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from kohort.workflow.failure import UsageError
from kohort.workflow.table import Column, Table

LAGS = 14  # values that a series of its own is foreseen from


def lag_name(target: str, steps: int) -> str:
    """The name of the column that holds the target `steps` rows before."""
    return f"{target} {steps} before"


def lags_of(target: str, features: Sequence[str]) -> int:
    """How many of the target's last values are among the features.

    >>> lags_of("t", ["day", "t 1 before", "t 2 before", "text: t 3 before"])
    2
    """
    names = set(features)
    return next(k for k in itertools.count() if lag_name(target, k + 1) not in names)


def is_series(table: Table) -> bool:
    """Whether all there is, is a number that changes with time: dates in order, and the target."""
    if len(table.targets) != 1 or table.targets[0].kind != "numeric" or len(table.inputs) != 1:
        return False
    date = table.inputs[0]
    return date.kind == "date" and not date.missing.any() and bool(np.all(np.diff(date.values) > 0))


def with_lags(table: Table, lags: int | None) -> Table:
    """The table with the target's last `lags` values as inputs, without the rows that lack them.

    None adds them where the table is nothing but a series.
    """
    if lags is None:
        lags = LAGS if is_series(table) else 0
    if not lags:
        return table
    if not 0 < lags <= table.rows // 4:
        raise UsageError(
            f"--lags must lie between 1 and a quarter of the rows ({table.rows // 4}).",
            str(lags),
            "say how many values before it a value follows from",
        )
    if len(table.targets) != 1 or table.targets[0].kind != "numeric":
        raise UsageError("--lags needs one target, of numbers.", "another", "leave it away")
    target = table.targets[0]
    past = lag_columns(target, lags)
    whole = Table(
        table.source, [*table.inputs, *past], table.targets, table.given_test, table.row_shape,
        [*table.notes, f"A series: the last {lags} values of {target.name!r} are inputs."],
    )  # fmt: skip
    return whole.take(np.arange(lags, table.rows))


def lag_columns(target: Column, lags: int) -> list[Column]:
    """The target 1, 2, … rows before.

    >>> one, two = lag_columns(Column("t", "numeric", np.array([1.0, 2, 3])), 2)
    >>> one.name, one.values.tolist(), two.values.tolist()
    ('t 1 before', [nan, 1.0, 2.0], [nan, nan, 1.0])
    """
    values = target.values.astype("float64")
    columns = []
    for steps in range(1, lags + 1):
        shifted = np.full(len(values), np.nan)
        shifted[steps:] = values[:-steps]
        columns.append(Column(lag_name(target.name, steps), "numeric", shifted))
    return columns


def with_next(columns: Sequence[Column], target: str, lags: int) -> list[Column]:
    """The columns of a file to predict from: the row after the last one, and the past values.

    Dates go on by their usual step; what else the next row holds is not known.
    """
    out = []
    for column in columns:
        if column.kind == "category":
            nothing: object = None
        elif column.kind == "date":
            nothing = column.values[-1] + np.nanmedian(np.diff(column.values))
        else:
            nothing = np.nan
        values = np.append(column.values, np.array([nothing], column.values.dtype))
        out.append(Column(column.name, column.kind, values))
    own = next(column for column in out if column.name == target)
    return [*out, *lag_columns(own, lags)]
