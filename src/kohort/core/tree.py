"""Nested structures of lists, tuples, named tuples, deques and dicts. None is a leaf."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

_MISSING = object()


def is_nested(structure: Any) -> bool:
    """Whether this is a list, tuple, deque or dict.

    >>> is_nested([1]), is_nested(1)
    (True, False)
    """
    return isinstance(structure, (list, tuple, deque, Mapping))


def keys(mapping: Mapping) -> list[Any]:
    """The keys in the order of the leaves: sorted, as in JAX and Keras, but for OrderedDicts.

    >>> keys({"b": 1, "a": 2})
    ['a', 'b']
    """
    if not isinstance(mapping, OrderedDict):
        try:
            return sorted(mapping)
        except TypeError:  # keys of several kinds
            pass
    return list(mapping)


def _items(structure: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(structure, Mapping):
        return ((key, structure[key]) for key in keys(structure))
    return enumerate(structure)


def _like(structure: Any, values: Iterable[Any]) -> Any:
    """Put `values`, in the order of `_items`, into a container of the kind of `structure`."""
    values = list(values)
    if isinstance(structure, Mapping):
        found = dict(zip(keys(structure), values, strict=True))
        made = {key: found[key] for key in structure}
        return made if type(structure) is dict else _as_mapping(structure, made)
    if hasattr(structure, "_fields"):
        return type(structure)(*values)
    if isinstance(structure, deque):
        return deque(values, structure.maxlen)
    return (
        type(structure)(values)
        if type(structure) in (list, tuple)
        else _sequence(structure, values)
    )


def _as_mapping(structure: Any, made: dict) -> Any:
    if isinstance(structure, defaultdict):
        return defaultdict(structure.default_factory, made)
    try:
        return type(structure)(made)
    except TypeError:
        return made


def _sequence(structure: Any, values: list) -> Any:
    return tuple(values) if isinstance(structure, tuple) else values


def flatten(structure: Any) -> list[Any]:
    """The leaves in order; those of dicts by sorted keys, of an OrderedDict in its order.

    >>> flatten({"a": 1, "b": [2, (3, None)]})
    [1, 2, 3, None]
    """
    if not is_nested(structure):
        return [structure]
    return [leaf for _, child in _items(structure) for leaf in flatten(child)]


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """The leaves with their paths (keys and positions).

    >>> flatten_with_path({"a": [5]})
    [(('a', 0), 5)]
    """
    if not is_nested(structure):
        return [((), structure)]
    return [
        ((key, *path), leaf)
        for key, child in _items(structure)
        for path, leaf in flatten_with_path(child)
    ]


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply `func` leaf by leaf to structures of one shape.

    >>> map_structure(lambda a, b: a + b, {"x": 1, "y": [2]}, {"x": 10, "y": [20]})
    {'x': 11, 'y': [22]}
    """
    first, *others = structures
    if not is_nested(first):
        if first is None and not none_is_leaf:
            return None
        return func(*structures)
    for other in others:
        _check_same(first, other)
    rows = ([child, *(other[key] for other in others)] for key, child in _items(first))
    return _like(first, [map_structure(func, *row, none_is_leaf=none_is_leaf) for row in rows])


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """Apply `func` to each shape (a tuple or list of ints and Nones) in a structure.

    >>> map_shape_structure(len, {"a": (None, 3), "b": [(1,)]})
    {'a': 2, 'b': [1]}
    """
    if is_shape(structure):
        return func(tuple(structure))
    if not is_nested(structure):
        raise ValueError(f"Cannot map function to unknown objects {structure}")
    return _like(structure, [map_shape_structure(func, child) for _, child in _items(structure)])


def is_shape(value: Any) -> bool:
    """Whether this is a tuple or list of ints and Nones.

    >>> is_shape((None, 3)), is_shape([(None, 3)])
    (True, False)
    """
    return isinstance(value, (list, tuple)) and all(
        d is None or (isinstance(d, int) or hasattr(d, "__index__")) for d in value
    )


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """Put a flat list of leaves into the shape of `structure`.

    >>> pack_sequence_as({"a": 0, "b": [0]}, [1, 2])
    {'a': 1, 'b': [2]}
    """
    flat = list(flat_sequence)
    expected = len(flatten(structure))
    if expected != len(flat):
        raise ValueError(
            "Could not pack sequence. Structure had "
            f"{expected} atoms, but flat_sequence had {len(flat)} items."
        )
    leaves = iter(flat)
    return map_structure(lambda _: next(leaves), structure)


def _check_same(a: Any, b: Any) -> None:
    same = is_nested(a) == is_nested(b) and (
        not is_nested(a) or (isinstance(a, Mapping) == isinstance(b, Mapping) and len(a) == len(b))
    )
    if same and isinstance(a, Mapping):
        same = set(a) == set(b)
    if not same:
        raise ValueError(
            "The two structures don't have the same nested structure: expected "
            f"{_describe(a)}, received {_describe(b)}."
        )


def _describe(structure: Any) -> str:
    if not is_nested(structure):
        return f"a leaf ({structure!r})"
    inside = list(structure) if isinstance(structure, Mapping) else len(structure)
    return f"an instance of {type(structure).__name__} with {inside} entries"


def assert_same_structure(a: Any, b: Any) -> None:
    """Raise ValueError unless `a` and `b` nest alike."""
    _check_same(a, b)
    if is_nested(a):
        if type(a) is not type(b) and not isinstance(a, Mapping):
            raise ValueError(
                "The two structures don't have the same nested structure: expected an instance of "
                f"{type(a).__name__}, received one of {type(b).__name__}."
            )
        for key, child in _items(a):
            assert_same_structure(child, b[key])


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise ValueError unless the leaves of `a` and `b` have the same paths."""
    left = {path for path, _ in flatten_with_path(a)}
    right = {path for path, _ in flatten_with_path(b)}
    if left != right:
        raise ValueError(
            "`a` and `b` don't have the same paths. "
            f"Missing in `b`: {left - right}. Missing in `a`: {right - left}."
        )


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Call `func` on each node; a result that is not None replaces the node.

    `MAP_TO_NONE` as a result replaces the node by None.
    """

    def replace(node: Any) -> Any:
        found = func(node)
        return _MISSING if found is None else None if found is MAP_TO_NONE else found

    if top_down:
        found = replace(structure)
        if found is not _MISSING:
            return found
    if is_nested(structure):
        children = [traverse(func, child, top_down) for _, child in _items(structure)]
        structure = _like(structure, children)
    if not top_down:
        found = replace(structure)
        return structure if found is _MISSING else found
    return structure


class MAP_TO_NONE:
    """A marker: `traverse` puts None where the function returns this."""


def lists_to_tuples(structure: Any) -> Any:
    """Turn every list into a tuple.

    >>> lists_to_tuples([1, [2]])
    (1, (2,))
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, False)
