"""Nested structures of lists, tuples, named tuples and dicts (Keras's `keras.tree`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kohort.core.tree import (
    MAP_TO_NONE,
    assert_same_paths,
    assert_same_structure,
    flatten,
    flatten_with_path,
    is_nested,
    lists_to_tuples,
    map_shape_structure,
    map_structure,
    pack_sequence_as,
    traverse,
)

__all__ = [
    "MAP_TO_NONE",
    "assert_same_paths",
    "assert_same_structure",
    "flatten",
    "flatten_with_path",
    "is_nested",
    "lists_to_tuples",
    "map_shape_structure",
    "map_structure",
    "map_structure_up_to",
    "pack_sequence_as",
    "traverse",
]


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Apply `func` at the leaves of `shallow_structure`; the others may nest deeper there.

    >>> map_structure_up_to([0, 0], len, [[1, 2], [3]])
    [2, 1]
    """
    if not is_nested(shallow_structure):
        return func(*structures)
    keys = (
        list(shallow_structure)
        if isinstance(shallow_structure, dict)
        else range(len(shallow_structure))
    )
    for structure in structures:
        if not is_nested(structure) or len(structure) != len(shallow_structure):
            raise ValueError(
                "The structures do not nest as the shallow structure does. Received: "
                f"shallow_structure={shallow_structure}, structure={structure}"
            )
    found = [
        map_structure_up_to(shallow_structure[key], func, *(s[key] for s in structures))
        for key in keys
    ]
    return _like(shallow_structure, found)


def _like(structure: Any, children: list[Any]) -> Any:
    if isinstance(structure, dict):
        return type(structure)(zip(structure, children, strict=True))
    if hasattr(structure, "_fields"):
        return type(structure)(*children)
    return type(structure)(children)
