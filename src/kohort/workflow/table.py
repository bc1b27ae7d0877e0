"""The table: named input columns, target columns, and what was noticed while reading them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from kohort.workflow.dates import day_number, is_ambiguous
from kohort.workflow.failure import UsageError, WorkflowError

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "nil", "missing"})
MOSTLY = 0.95  # from this share of readable cells on, a column counts as numbers (or dates)


@dataclass(frozen=True)
class Column:
    """One column: `kind` is `"numeric"` (floats, NaN is missing), `"category"` or `"date"`.

    Categories are strings, None is missing; dates are day numbers, with fractions for
    the time of day (floats, NaN is missing).
    """

    name: str
    kind: str
    values: np.ndarray

    @property
    def missing(self) -> np.ndarray:
        """A mask of the rows without a value, shape `(rows,)`."""
        if self.kind == "category":
            return np.array([value is None for value in self.values], dtype=bool)
        if self.values.dtype.kind != "f":
            return np.zeros(len(self.values), dtype=bool)
        return np.isnan(self.values)

    def take(self, rows: np.ndarray) -> Column:
        return Column(self.name, self.kind, self.values[rows])


@dataclass(frozen=True)
class Table:
    """Rows of inputs and targets. `given_test` rows at the end are a test part by origin."""

    source: str
    inputs: list[Column]
    targets: list[Column]
    given_test: int = 0
    row_shape: tuple[int, ...] | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return len(self.targets[0].values)

    def take(self, rows: np.ndarray) -> Table:
        """The same table with these rows only (a given test part keeps its last places)."""
        kept = int(np.sum(np.asarray(rows) >= self.rows - self.given_test))
        return Table(
            self.source,
            [column.take(rows) for column in self.inputs],
            [column.take(rows) for column in self.targets],
            kept,
            self.row_shape,
            list(self.notes),
        )


def blocks_of(columns: Sequence[Column]) -> tuple[np.ndarray, ...]:
    """Columns as few arrays: one matrix of all numbers, and one array for each of categories."""
    numbers = [column.values for column in columns if column.kind != "category"]
    blocks = [np.stack(numbers, axis=1)] if numbers else []
    return (*blocks, *(column.values for column in columns if column.kind == "category"))


def column_of(
    name: str, cells: Sequence[str], lines: Sequence[int], notes: list[str], comma: bool = False
) -> Column:
    """Finds out what a column of text cells holds: numbers, dates or categories.

    Cells that do not fit an otherwise numeric column count as missing and are noted. `comma` says
    that numbers may have a decimal comma (and points between thousands).
    """
    known = [i for i, cell in enumerate(cells) if cell.strip().lower() not in MISSING]
    for kind, parse in (("numeric", partial(number, comma=comma)), ("date", day_number)):
        values = np.full(len(cells), np.nan)
        strange = []
        for i in known:
            value = parse(cells[i])
            if value is None:
                strange.append(i)
                if len(strange) > (1 - MOSTLY) * len(known):
                    break
            else:
                values[i] = value
        if known and len(strange) <= (1 - MOSTLY) * len(known):
            if strange:
                notes.append(_strange_cells(name, kind, cells, lines, strange))
            return Column(name, kind, values)
    if known and all(is_ambiguous(cells[i]) for i in known):
        notes.append(
            f"Column {name!r} holds dates such as {cells[known[0]]!r}, whose day and month depend "
            "on the country: they are taken for text. Write them as 2024-12-31 to use them."
        )
    text = np.full(len(cells), None, dtype=object)
    for i in known:
        text[i] = cells[i].strip()
    return Column(name, "category", text)


def _strange_cells(
    name: str, kind: str, cells: Sequence[str], lines: Sequence[int], strange: list[int]
) -> str:
    what = "number" if kind == "numeric" else "date"
    first = strange[0]
    count = "1 cell is" if len(strange) == 1 else f"{len(strange)} cells are"
    return (
        f"Column {name!r}: {count} not a {what} "
        f"(first: {cells[first]!r} in line {lines[first]}); counted as missing."
    )


def number(cell: str, comma: bool = False) -> float | None:
    """The number that a cell holds; None for other text.

    >>> number("1e3"), number("1.234,5", comma=True), number("1,5")
    (1000.0, 1234.5, None)
    """
    if comma and re.fullmatch(r"\s*[-+]?(\d+|\d{1,3}(\.\d{3})+)?,\d+(e[-+]?\d+)?\s*", cell, re.I):
        cell = cell.replace(".", "").replace(",", ".")
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def is_row_number(column: Column) -> bool:
    """Whether a column merely counts the rows, in any order: n different whole numbers in a row."""
    if column.kind != "numeric" or column.missing.any():
        return False
    values = column.values
    low, high = float(values.min()), float(values.max())
    if high - low != len(values) - 1 or low != round(low):
        return False
    return len(np.unique(values)) == len(values) and bool(np.all(values == np.round(values)))


def matrix_columns(x: np.ndarray, names: Sequence[str] | None, notes: list[str]) -> list[Column]:
    """The columns of a numeric array of shape `(rows, ...)`, as views; infinities are missing."""
    flat = x.reshape(len(x), -1)
    if flat.dtype.kind not in "fiub":
        raise WorkflowError(
            "Inputs given as an array must be numbers.",
            f"dtype {x.dtype}",
            "store numbers, with NaN for missing values",
            "store text columns in a CSV or Parquet file",
        )
    if flat.dtype.kind == "f" and np.isinf(flat).any():
        notes.append(f"{int(np.isinf(flat).sum())} infinite values counted as missing.")
        flat = np.where(np.isinf(flat), np.nan, flat)
    labels = names or [f"x{i}" for i in range(flat.shape[1])]
    return [Column(label, "numeric", flat[:, i]) for i, label in enumerate(labels)]


def split_columns(columns: list[Column], wanted: str | None) -> tuple[list[Column], list[Column]]:
    """Parts inputs from targets. `wanted` names columns (by comma), or counts them (`-1`)."""
    names = [column.name for column in columns]
    listed = ", ".join(names[:30]) + (", …" if len(names) > 30 else "")
    if wanted is None:
        raise UsageError(
            "Say which column is to be predicted.",
            f"no --target for a table with the columns {listed}",
            "add --target NAME",
            "add --target -1 if it is the last column",
        )
    chosen = [_find(part.strip(), names, listed) for part in _parts(wanted, names)]
    targets = [columns[i] for i in dict.fromkeys(chosen)]
    inputs = [column for i, column in enumerate(columns) if i not in chosen]
    if not inputs:
        raise WorkflowError(
            "A table needs at least one column besides the target.",
            f"only {listed}",
            "check the separator of the file: comma, semicolon, tab or |",
        )
    return inputs, targets


def _parts(wanted: str, names: list[str]) -> list[str]:
    return [wanted] if wanted in names else wanted.split(",")


def _find(part: str, names: list[str], listed: str) -> int:
    if part in names:
        return names.index(part)
    try:
        place = int(part)
    except ValueError:
        place = None
    if place is not None and -len(names) <= place < len(names):
        return place % len(names)
    close = difflib.get_close_matches(part, names, 1)
    remedies = [f"did you mean {close[0]!r}?"] if close else []
    raise WorkflowError(
        "The target must be a column of the table.",
        f"{part!r}, where the columns are {listed}",
        *remedies,
        "name a column, or count it: 0 is the first, -1 the last",
    )
