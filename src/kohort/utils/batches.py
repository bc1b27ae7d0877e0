"""The `(x, y, sample_weight)` convention of batches."""

from __future__ import annotations

from typing import Any


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Split `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`; what is missing is None.

    >>> unpack_x_y_sample_weight(([1, 2], [0, 1]))
    ([1, 2], [0, 1], None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, "
            f"found: {data}"
        )
    x, y, sample_weight = data + (None,) * (3 - len(data))
    return x, y, sample_weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The inverse of `unpack_x_y_sample_weight`: a lone array stays bare, the rest is a tuple.

    >>> pack_x_y_sample_weight([1, 2], [0, 1])
    ([1, 2], [0, 1])
    """
    if y is not None:
        return (x, y) if sample_weight is None else (x, y, sample_weight)
    # A bare tuple or list would be read as (x, y), so several inputs are wrapped.
    return (x,) if isinstance(x, (tuple, list)) else x
