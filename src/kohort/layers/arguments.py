"""Sizes that many layers take: an int or a tuple of ints, checked and made a tuple."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def standardize_tuple(value: Any, n: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """Return `n` whole numbers: one int is repeated.

    >>> standardize_tuple(2, 3, "size")
    (2, 2, 2)
    """
    rule = f"The `{name}` argument must be a tuple of {n} integers. Received {name}={value}"
    if isinstance(value, int):
        sizes: tuple[Any, ...] = (value,) * n
    else:
        try:
            sizes = tuple(value)
        except TypeError:
            raise ValueError(rule) from None
        if len(sizes) != n:
            raise ValueError(rule)
    for size in sizes:
        try:
            int(size)
        except (ValueError, TypeError):
            raise ValueError(f"{rule}, including element {size} of type {type(size)}") from None
    wrong = {size for size in sizes if size < 0 or (size == 0 and not allow_zero)}
    if wrong:
        limit = ">= 0" if allow_zero else "> 0"
        raise ValueError(f"{rule}, including values {wrong} that do not satisfy `value {limit}`")
    return sizes


def size_tuple(n: int, name: str, allow_zero: bool = False) -> Callable[[Any], tuple[int, ...]]:
    """A converter for a field that holds `n` sizes."""
    return lambda value: standardize_tuple(value, n, name, allow_zero)


def side_pairs(n: int, name: str) -> Callable[[Any], tuple[Any, ...]]:
    """A converter for a field that holds (before, after) for each of `n` axes.

    An int goes to all sides; an int for an axis goes to both of its sides.

    >>> side_pairs(2, "padding")((1, (0, 2)))
    ((1, 1), (0, 2))
    """
    ordinals = ("1st", "2nd", "3rd")

    def convert(value: Any) -> tuple[Any, ...]:
        if isinstance(value, int):
            if value < 0:
                raise ValueError(f"`{name}` cannot be negative. Received: {name}={value}.")
            return ((value, value),) * n
        if not hasattr(value, "__len__"):
            raise ValueError(
                f"`{name}` should be either an int, a tuple of {n} ints (the same on both sides of "
                f"an axis), or a tuple of {n} tuples of 2 ints (before, after). "
                f"Received: {name}={value}."
            )
        if len(value) != n:
            count = "two" if n == 2 else n
            raise ValueError(f"`{name}` should have {count} elements. Received: {name}={value}.")
        return tuple(
            standardize_tuple(side, 2, f"{ordinal} entry of {name}", allow_zero=True)
            for side, ordinal in zip(value, ordinals, strict=False)
        )

    return convert
