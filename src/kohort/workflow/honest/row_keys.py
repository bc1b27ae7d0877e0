"""A number for every row of the data, equal for equal rows; and a fingerprint of all rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from kohort.workflow.failure import WorkflowError

CHUNK = 1 << 22  # numbers that are turned into float64 at a time


def row_keys(data: Any, tolerance: float = 0.0) -> np.ndarray:
    """A 64-bit key for each row, shape `(rows,)`; equal rows have equal keys in every process.

    `data` is an array of any shape and type, a data frame, or a tuple, list or dict of arrays with
    a row for each case. NaN equals NaN, -0.0 equals 0.0, and 1 equals 1.0. With `tolerance` > 0
    numbers are first rounded to that share of their column's standard deviation, so that
    near-equal rows mostly meet too (not where rounding parts two neighbours).

    >>> keys = row_keys(np.array([[1, np.nan], [2, 0.0], [1, np.nan], [2, -0.0]]))
    >>> bool(keys[0] == keys[2]), bool(keys[1] == keys[3]), bool(keys[0] == keys[1])
    (True, True, False)
    """
    arrays = _arrays(data)
    rows = {len(array) for array in arrays}
    if len(rows) != 1:
        raise WorkflowError(
            "All parts of the data must have one row for each case.",
            f"lengths {sorted(rows)}",
            "give arrays of equal length",
        )
    contents = zip(*(_contents(array, tolerance) for array in arrays), strict=True)
    digests = (hashlib.blake2b(b"".join(parts), digest_size=8).digest() for parts in contents)
    return np.frombuffer(b"".join(digests), "u8")


def fingerprint(*data: Any) -> str:
    """Sixteen hexadecimal digits that name a set of rows, in whatever order they stand.

    >>> x, y = np.arange(6).reshape(3, 2), np.array([0, 1, 0])
    >>> fingerprint(x, y) == fingerprint(x[::-1], y[::-1])
    True
    >>> fingerprint(x, y) == fingerprint(x, 1 - y)
    False
    """
    return name_of(row_keys(data))


def name_of(keys: np.ndarray) -> str:
    """The fingerprint of rows whose keys are known."""
    return hashlib.blake2b(np.sort(keys).tobytes(), digest_size=8).hexdigest()


def _arrays(data: Any) -> list[np.ndarray]:
    if hasattr(data, "columns"):  # a data frame: columns of different types
        return [np.asarray(data[name]) for name in data.columns]
    if isinstance(data, dict):
        data = tuple(data.values())
    if isinstance(data, tuple) or (isinstance(data, list) and hasattr(data[0], "shape")):
        return [array for part in data for array in _arrays(part)]
    return [np.asarray(data)]


def _contents(array: np.ndarray, tolerance: float) -> Iterator[bytes]:
    flat = array.reshape(len(array), -1)
    if array.dtype.kind not in "biuf":
        for row in flat:
            # The lengths keep ("ab", "c") from being ("a", "bc").
            yield "".join(f"{len(text)}:{text}" for text in map(str, row)).encode()
        return
    width = max(flat.shape[1], 1)
    step = _step(flat, tolerance) if tolerance else None
    for start in range(0, len(flat), max(1, CHUNK // width)):
        block = flat[start : start + max(1, CHUNK // width)].astype("float64")
        if step is not None:
            block = np.round(block / step)
        block += 0.0  # -0.0 becomes 0.0
        block[np.isnan(block)] = np.nan  # there are many NaNs, and they differ in their bits
        yield from map(bytes, block)


def _step(flat: np.ndarray, tolerance: float) -> np.ndarray:
    spread = np.array([_spread(flat[:, i]) for i in range(flat.shape[1])])
    return np.where(spread > 0, spread * tolerance, 1.0)


def _spread(column: np.ndarray) -> float:
    known = column[np.isfinite(column)]
    return float(known.std(dtype="float64")) if len(known) else 0.0
