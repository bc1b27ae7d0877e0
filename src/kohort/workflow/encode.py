"""Stage 4: from columns to a matrix, in two steps that never look at rows they must not see.

The code book says how each column enters, from the development rows. What is learned from values
(categories, words, and the scaler's median, mean and spread) is learned anew inside the training
part of each fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from kohort.workflow import dates
from kohort.workflow.failure import WorkflowError
from kohort.workflow.table import Column, Table, is_row_number
from kohort.workflow.words import is_prose, occurrences, vocabulary

MOST_CATEGORIES = 50


@dataclass(frozen=True)
class Code:
    """How one column enters: `use` is `"number"`, `"yes-no"` (0 or 1), `"one-hot"`, `"words"`,
    `"date"` or `"aside"`. `categories` are those of a one-hot column, the words, or the parts of a
    date (`dates.telling_parts`), whose time is counted from the day `origin` on.
    """

    name: str
    use: str
    categories: list[str] = field(default_factory=list)
    gaps: bool = False
    reason: str = ""
    origin: float = 0.0

    @property
    def features(self) -> list[str]:
        """The names of the columns that this one becomes."""
        if self.use in ("one-hot", "words"):
            mark = "=" if self.use == "one-hot" else ": "
            out = [f"{self.name}{mark}{category}" for category in self.categories]
        elif self.use == "date":
            out = [f"{self.name} ({part})" for part in dates.names_of(self.categories)]
        elif self.use in ("number", "yes-no"):
            out = [self.name]
        else:
            return []
        return out + ([f"{self.name} is missing"] if self.gaps else [])

    @property
    def yes_no(self) -> list[bool]:
        """Which of its columns are 0 or 1 by construction."""
        flags = [self.use != "number"] * (len(self.features) - self.gaps)
        if self.use == "date":
            flags = [name in dates.DAYS for name in dates.names_of(self.categories)]
        return flags + [True] * self.gaps

    @property
    def learns(self) -> bool:
        """Whether it depends on the values of the rows that it was made from."""
        return self.use in ("one-hot", "words")

    def relearned(self, column: Column) -> Code:
        """The same use with the categories of these rows; in the room of those that are lacking
        stands an empty name, so that the width stays."""
        if not self.learns:
            return self
        found = vocabulary(column.values) if self.use == "words" else _most_common(column)
        return replace(self, categories=found + [""] * (len(self.categories) - len(found)))

    def apply(self, column: Column) -> np.ndarray:
        """Shape `(rows, features)`; gaps in numbers stay NaN until the scaler fills them."""
        missing = column.missing
        if self.use == "one-hot":
            place = {category: i for i, category in enumerate(self.categories)}
            out = np.zeros((len(missing), len(self.categories)), dtype="float32")
            for row, value in enumerate(_as_text(column)):
                if value in place:
                    out[row, place[value]] = 1
        elif self.use == "words":
            out = occurrences(_as_text(column), self.categories)
        elif self.use == "date":
            out = dates.columns_of(column.values, self.categories, self.origin)
        else:
            out = column.values.astype("float32")[:, None]
        if self.gaps:
            out = np.concatenate([out, missing[:, None].astype("float32")], axis=1)
        return out


def _as_text(column: Column) -> Sequence[str | None]:
    if column.kind == "category":
        return list(column.values)
    return [None if np.isnan(value) else f"{value:g}" for value in column.values]


@dataclass(frozen=True)
class CodeBook:
    """The codes of all columns, in the order of the file. Written to `config.json`."""

    codes: list[Code]
    pixels: bool = False
    text: list[str] = field(default_factory=list)

    @property
    def features(self) -> list[str]:
        return [name for code in self.codes for name in code.features]

    def place_of(self, name: str) -> int | None:
        """Where the column of a number stands in the matrix; None where there is none."""
        return self.features.index(name) if name in self.features else None

    def relearned(self, columns: list[Column]) -> CodeBook:
        """A book of the same width that knows these rows only; itself where nothing is learned."""
        if not any(code.learns for code in self.codes):
            return self
        by_name = {column.name: column for column in columns}
        return replace(self, codes=[code.relearned(by_name[code.name]) for code in self.codes])

    def apply(self, columns: list[Column]) -> np.ndarray:
        """The coded matrix, shape `(rows, features)`, float32, NaN where a number is missing."""
        by_name = {column.name: column for column in columns}
        rows = len(columns[0].values)
        out = np.empty((rows, len(self.features)), dtype="float32")
        start = 0
        for code in self.codes:
            if code.use != "aside":
                part = code.apply(by_name[code.name])
                out[:, start : start + part.shape[1]] = part
                start += part.shape[1]
        return out

    def to_json(self) -> dict[str, Any]:
        return {"codes": [asdict(code) for code in self.codes], "pixels": self.pixels}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> CodeBook:
        return cls([Code(**code) for code in saved["codes"]], saved["pixels"])


def make_code_book(table: Table, development: np.ndarray) -> CodeBook:
    """Decides for each column, from the development rows only, how it enters the matrix."""
    part = table.take(development)
    pixels = table.row_shape is not None and part.inputs[0].values.dtype == np.uint8
    counting = {c.name for c in table.inputs if is_row_number(c)} if len(table.inputs) > 1 else ()
    codes = [_code(column, column.name in counting, pixels) for column in part.inputs]
    if all(code.use == "aside" for code in codes):
        raise WorkflowError(
            "At least one column must say something about the target.",
            "; ".join(f"{code.name} is {code.reason}" for code in codes[:10]),
            "add columns that vary and are known before the target is",
        )
    return CodeBook(codes, pixels, _describe(codes, part.inputs, pixels))


def _code(column: Column, counts_rows: bool, pixel: bool) -> Code:
    name, missing = column.name, column.missing
    gaps = bool(missing.any())
    if missing.all():
        return Code(name, "aside", reason="empty")
    if column.kind == "date":
        parts = dates.telling_parts(column.values)
        if parts:
            return Code(name, "date", parts, gaps, origin=float(np.nanmin(column.values)))
        return Code(name, "aside", reason="the same in every row")
    if column.kind == "numeric":
        if counts_rows:
            return Code(name, "aside", reason="a row number")
        known = column.values[~missing]
        yes_no = not pixel and bool(np.isin(known, (0, 1)).all())
        return Code(name, "yes-no" if yes_no else "number", gaps=gaps)
    counts = Counter(value for value in column.values if value is not None)
    if len(counts) == 1 and not gaps:
        return Code(name, "aside", reason="the same in every row")
    if len(counts) > len(column.values) / 2 and is_prose(column.values):
        words = vocabulary(column.values)
        if words:
            return Code(name, "words", words, gaps)
    if len(counts) > len(column.values) / 2:
        return Code(name, "aside", reason="different in most rows (a name, or free text)")
    return Code(name, "one-hot", _most_common(column), gaps)


def _most_common(column: Column) -> list[str]:
    counts = Counter(value for value in column.values if value is not None)
    return sorted(value for value, _ in counts.most_common(MOST_CATEGORIES))


def _describe(codes: list[Code], columns: list[Column], pixels: bool) -> list[str]:
    text = []
    uses = Counter(code.use for code in codes)
    if pixels:
        text.append(f"{uses['number']} pixels, divided by the largest value of the training part.")
    elif uses["number"]:
        text.append(
            f"{_columns(uses['number'])} of numbers: centred and scaled to unit spread with the "
            "mean and deviation of the training part of each fold, never of rows that judge."
        )
    if uses["yes-no"]:
        text.append(f"{_columns(uses['yes-no'])} of 0 and 1, taken as they are.")
    if uses["one-hot"]:
        width = sum(len(code.categories) for code in codes if code.use == "one-hot")
        text.append(
            f"{_columns(uses['one-hot'])} of categories: {width} yes/no columns, for those that "
            "the training part of each fold has."
        )
    if uses["words"]:
        width = sum(len(code.categories) for code in codes if code.use == "words")
        text.append(
            f"{_columns(uses['words'])} of texts: {width} yes/no columns, one for each frequent "
            "word of the training part of each fold."
        )
    for code in [code for code in codes if code.use == "date"]:
        text.append(f"Dates of {code.name!r} become {dates.describe(code.categories)}.")
    for code in [code for code in codes if code.use == "aside"][:10]:
        text.append(f"Column {code.name!r} is set aside: {code.reason}.")
    gaps = [
        f"{code.name} ({int(column.missing.sum())})"
        for code, column in zip(codes, columns, strict=True)
        if code.gaps
    ]
    if gaps:
        text.append(
            "Missing values, filled with the training part's median and flagged by a column of "
            f"their own: {', '.join(gaps[:12])}{', …' if len(gaps) > 12 else ''}."
        )
    return text


def _columns(count: int) -> str:
    return "1 column" if count == 1 else f"{count} columns"


@dataclass(frozen=True)
class Scaler:
    """z = (x - mean) / spread after gaps are filled; `dead` columns do not vary and give 0."""

    fill: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    dead: np.ndarray

    @classmethod
    def fit(cls, coded: np.ndarray, yes_no: np.ndarray, pixels: bool = False) -> Scaler:
        """Fits to the training rows `coded`; `yes_no` columns stay 0/1."""
        gap = np.isnan(coded)
        fill = np.zeros(coded.shape[1], dtype="float32")
        for i in np.flatnonzero(gap.any(axis=0)):
            known = coded[~gap[:, i], i]
            fill[i] = np.median(known) if len(known) else 0
        filled = np.where(gap, fill, coded) if gap.any() else coded
        low, high = filled.min(axis=0), filled.max(axis=0)
        dead = low == high
        if pixels:
            mean, spread = np.zeros_like(fill), np.full_like(fill, max(float(high.max()), 1.0))
        else:
            mean = filled.mean(axis=0, dtype="float64").astype("float32")
            spread = filled.std(axis=0, dtype="float64").astype("float32")
            mean[yes_no], spread[yes_no] = 0, 1
            mean[dead], spread[dead] = low[dead], 1
        return cls(fill, mean, spread, dead)

    def fill_gaps(self, coded: np.ndarray) -> np.ndarray:
        """Numbers for NaN: what the saved model takes."""
        gap = np.isnan(coded)
        return np.where(gap, self.fill, coded) if gap.any() else coded

    def apply(self, coded: np.ndarray) -> np.ndarray:
        """Float32 features, shape `(rows, features)`; dead columns are 0 in every row."""
        out = (self.fill_gaps(coded) - self.mean) / self.spread
        out[:, self.dead] = 0
        return out


def yes_no_columns(book: CodeBook) -> np.ndarray:
    """A mask of the coded columns that are 0 or 1 by construction."""
    return np.array([flag for code in book.codes for flag in code.yes_no], dtype=bool)


def constant_columns(book: CodeBook, coded: np.ndarray) -> list[str]:
    """Names of the coded columns without variation in these rows."""
    with np.errstate(invalid="ignore"):
        varies = (coded != coded[:1]).any(axis=0)
    return [name for name, moves in zip(book.features, varies, strict=True) if not moves]
