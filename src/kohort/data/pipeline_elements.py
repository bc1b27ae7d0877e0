"""Elements of a pipeline: tuples and dicts of NumPy arrays, and what is done with several."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kohort.core import tree

_STRINGS = (str, bytes)


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """Shape (None: unknown) and dtype of an array, as in `tf.TensorSpec`.

    >>> TensorSpec((None, 3), "float32")
    TensorSpec(shape=(None, 3), dtype='float32', name=None)
    """

    shape: tuple[int | None, ...]
    dtype: Any = "float32"
    name: str | None = None


class EagerArray(np.ndarray):
    """A NumPy array with the `.numpy()` that scripts written for tf.data call.

    >>> images = np.ones((2, 3)).view(EagerArray)
    >>> type(images[0].numpy()).__name__, images[0, 0].numpy().shape
    ('ndarray', ())
    """

    def numpy(self) -> np.ndarray:
        """The plain array."""
        return self.view(np.ndarray)

    def __getitem__(self, key: Any) -> Any:
        item = super().__getitem__(key)
        return np.asarray(item).view(EagerArray) if isinstance(item, np.generic) else item


def eager(element: Any) -> Any:
    """The element with arrays that have `.numpy()`."""
    return tree.map_structure(
        lambda a: a.view(EagerArray) if isinstance(a, (np.ndarray, np.generic)) else a, element
    )


def as_element(structure: Any) -> Any:
    """Tuples and dicts stay; lists, numbers, frames, series and tensors become arrays.

    Python numbers are 32 bits wide, as in TensorFlow; strings stay strings, alone, and are
    objects in arrays.

    >>> as_element({"a": [1, 2], "b": ("x", 0.5)})
    {'a': array([1, 2], dtype=int32), 'b': ('x', array(0.5, dtype=float32))}
    """
    if isinstance(structure, Mapping):
        return {key: as_element(value) for key, value in structure.items()}
    if isinstance(structure, tuple):
        values = [as_element(value) for value in structure]
        return type(structure)(*values) if hasattr(structure, "_fields") else tuple(values)
    return _leaf(structure)


def _leaf(x: Any) -> Any:
    if x is None or isinstance(x, (np.ndarray, *_STRINGS)) or hasattr(x, "element_spec"):
        return x
    if hasattr(x, "to_numpy"):  # pandas, polars
        array = x.to_numpy()
    elif hasattr(x, "numpy"):  # TensorFlow, PyTorch
        array = np.asarray(x.numpy())
    else:
        array = np.asarray(x)
        if not hasattr(x, "dtype"):
            array = _narrow(array)
    return array.astype(object) if array.dtype.kind in "US" else array


def _narrow(array: np.ndarray) -> np.ndarray:
    """Python's numbers in 32 bits, where they fit."""
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype == np.int64 and np.all(np.abs(array) < 2**31):
        return array.astype(np.int32)
    return array


def stack(elements: Sequence[Any]) -> Any:
    """Elements of one shape as one, with a new first axis."""
    return tree.map_structure(lambda *leaves: _stack_leaves(leaves), *elements)


def _stack_leaves(leaves: Sequence[Any]) -> Any:
    if leaves[0] is None:
        return None
    if isinstance(leaves[0], _STRINGS):
        return np.array(leaves, dtype=object)
    try:
        return np.stack(leaves)
    except ValueError:
        shapes = sorted({np.shape(leaf) for leaf in leaves})
        raise ValueError(
            "The elements of a batch must have one shape. "
            f"Received: elements of the shapes {shapes}.\n"
            "  1. Pad them: `padded_batch` in place of `batch`.\n"
            "  2. Or bring them to one shape in `map`."
        ) from None


def unstack(element: Any) -> list[Any]:
    """The rows of an element's arrays, one element each."""
    length = next(len(a) for a in tree.flatten(element) if a is not None)
    return [
        tree.map_structure(lambda a: None if a is None else a[row], element)  # noqa: B023
        for row in range(length)
    ]


def stack_padded(elements: Sequence[Any], shapes: Any, values: Any) -> Any:
    """Like `stack`, after padding at the ends, to `shapes` or the longest of the elements.

    Args:
        shapes: a structure of shapes like the element's, or None; -1 and None: the longest.
        values: what to pad with, one for all or a structure; None: 0, and "" for strings.
    """
    rows = [tree.flatten(element) for element in elements]
    columns = list(zip(*rows, strict=True))
    wanted = _shapes(elements[0], shapes, len(columns))
    fills = tree.flatten(values) if tree.is_nested(values) else [values] * len(columns)
    padded = [_pad(*column) for column in zip(columns, wanted, fills, strict=True)]
    return tree.pack_sequence_as(elements[0], padded)


def _shapes(element: Any, shapes: Any, count: int) -> list[Any]:
    """A shape, or None, for each leaf of the element."""
    if shapes is None:
        return [None] * count
    if not tree.is_nested(element):
        return [tuple(shapes)]
    found: list[Any] = []

    def visit(part: Any, shape: Any) -> None:
        if not tree.is_nested(part):
            found.append(None if shape is None else tuple(shape))
            return
        for key in tree.keys(part) if isinstance(part, Mapping) else range(len(part)):
            visit(part[key], shape[key])

    visit(element, shapes)
    return found


def _pad(leaves: Sequence[Any], shape: tuple | None, fill: Any) -> Any:
    if leaves[0] is None or isinstance(leaves[0], _STRINGS):
        return _stack_leaves(leaves)
    arrays = [np.asarray(leaf) for leaf in leaves]
    longest = tuple(max(sizes) for sizes in zip(*(a.shape for a in arrays), strict=True))
    size = tuple(
        most if wanted in (None, -1) else wanted
        for most, wanted in zip(longest, shape or [None] * len(longest), strict=True)
    )
    if any(most > room for most, room in zip(longest, size, strict=True)):
        raise ValueError(
            "`padded_shapes` must be at least as large as the elements. "
            f"Received: padded_shapes={size} for elements of up to {longest}"
        )
    if fill is None:
        fill = "" if arrays[0].dtype.kind == "O" else 0
    out = np.full((len(arrays), *size), fill, arrays[0].dtype)
    for row, array in enumerate(arrays):
        place: Any = (row, *map(slice, array.shape))
        out[place] = array
    return out


def spec_of(element: Any) -> Any:
    """The `TensorSpec`s of an element."""

    def spec(x: Any) -> Any:
        if x is None or hasattr(x, "element_spec"):
            return x
        if isinstance(x, _STRINGS):
            return TensorSpec((), "string")
        dtype = np.asarray(x).dtype
        return TensorSpec(np.shape(x), "string" if dtype.kind == "O" else dtype.name)

    return tree.map_structure(spec, element)


def batched_spec(spec: Any, size: int | None, unknown: bool = False) -> Any:
    """The specification of a batch of `size`; `unknown`: of padded elements."""

    def grow(s: Any) -> Any:
        if not isinstance(s, TensorSpec):
            return s
        shape = (None,) * len(s.shape) if unknown else s.shape
        return TensorSpec((size, *shape), s.dtype, s.name)

    return tree.map_structure(grow, spec)


def calling(function: Callable[..., Any], element: Any) -> Any:
    """Call with the parts of a tuple, or with the element itself."""
    return function(*element) if type(element) is tuple else function(element)
