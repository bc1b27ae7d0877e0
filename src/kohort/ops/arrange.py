"""Shapes, joining, splitting, indexing: the values stay, their places change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core.dtypes import standardize_dtype
from kohort.core.symbolic import FunctionOp, KerasTensor, is_keras_tensor, op
from kohort.ops._base import CutOp, array, axes, named, shaped, unary

fliplr = unary("fliplr", jnp.fliplr, "Reverse axis 1.")
flipud = unary("flipud", jnp.flipud, "Reverse axis 0.")
ravel = unary("ravel", jnp.ravel, "All entries in one row.")


class _ReshapeOp(FunctionOp):
    def compute_output_spec(self, x: Any) -> Any:
        """Know what can be known: a -1 stays unknown when x has unknown axes."""
        shape = reshape_output_shape(x.shape, self.settings["newshape"])
        return KerasTensor(shape, x.dtype)


def reshape_output_shape(shape: Sequence[int | None], newshape: Any) -> tuple[int | None, ...]:
    """The shape after a reshape, as far as it is known.

    >>> reshape_output_shape((None, 6), (-1, 3)), reshape_output_shape((2, 6), (-1, 3))
    ((None, 3), (4, 3))
    """
    wanted = (newshape,) if isinstance(newshape, (int, np.integer)) else tuple(newshape)
    several = wanted.count(-1) > 1
    wanted = tuple(-1 if size is None else int(size) for size in wanted)
    if several or any(size < -1 for size in wanted):
        raise ValueError(
            "Each size must be a non-negative integer, or -1 for what is left: at most one "
            f"unknown dimension. Received: newshape={wanted}"
        )
    if None in shape:
        return tuple(None if size == -1 else size for size in wanted)
    total, known = math.prod(s for s in shape if s is not None), 1
    for size in wanted:
        known *= 1 if size == -1 else size
    if (known != total) if -1 not in wanted else (known == 0 or total % known):
        raise ValueError(
            "The total size of the tensor must be unchanged. Received: "
            f"input_shape={tuple(shape)}, newshape={tuple(wanted)}"
        )
    return tuple(total // known if size == -1 else size for size in wanted)


def reshape(x: Any, newshape: Any) -> Any:
    """The entries of x in another shape; one size may be -1: what is left.

    >>> reshape([[1, 2], [3, 4]], (-1,))
    Array([1, 2, 3, 4], dtype=int32)
    """
    if is_keras_tensor(x):
        return _ReshapeOp(reshape, {"newshape": newshape})(x)
    return _reshape(x, newshape)


@op
def _reshape(x: Any, newshape: Any) -> jax.Array:
    x = array(x)
    return jnp.reshape(x, reshape_output_shape(x.shape, newshape))


@op
def transpose(x: Any, axes: Any = None) -> jax.Array:
    """The axes in another order (reversed when None).

    >>> transpose([[1, 2], [3, 4]])
    Array([[1, 3], [2, 4]], dtype=int32)
    """
    x = array(x)
    places = list(range(x.ndim))
    if axes is not None and sorted(a + x.ndim if a < 0 else a for a in axes) != places:
        raise ValueError(
            "`axes` must be a list of the same length as the input shape, and a valid permutation. "
            f"Each axis in `axes` must be an integer in [-{x.ndim}, {x.ndim}). "
            f"Received: axes={axes} for an array of shape {x.shape}"
        )
    return jnp.transpose(x, axes)


@op
def expand_dims(x: Any, axis: Any) -> jax.Array:
    """Insert an axis of size 1."""
    return jnp.expand_dims(array(x), axes(axis))


@op
def squeeze(x: Any, axis: Any = None) -> jax.Array:
    """Drop axes of size 1 (all of them when None)."""
    return jnp.squeeze(array(x), axes(axis))


@op
def moveaxis(x: Any, source: Any, destination: Any) -> jax.Array:
    """Move axes to other places."""
    return jnp.moveaxis(array(x), source, destination)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> jax.Array:
    """Exchange two axes."""
    x = array(x)
    for axis in (axis1, axis2):
        _check_axis(axis, x)
    return jnp.swapaxes(x, axis1, axis2)


def _check_axis(axis: int, x: Any) -> None:
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(
            f"axis {axis} is out of bounds for array of dimension {x.ndim}. Received: axis={axis}"
        )


@op
def broadcast_to(x: Any, shape: Any) -> jax.Array:
    """Repeat x to fill a shape."""
    return jnp.broadcast_to(array(x), shape)


@op
def flip(x: Any, axis: Any = None) -> jax.Array:
    """Reverse axes (all when None)."""
    return jnp.flip(array(x), axes(axis))


@op
def rot90(array: Any, k: int = 1, axes: Any = (0, 1)) -> jax.Array:
    """Turn by k · 90° in the plane of two axes."""
    x = jnp.asarray(array)
    if x.ndim < 2:
        raise ValueError(
            f"Input array must have at least 2 dimensions. Received: array.ndim={x.ndim}"
        )
    if len(axes) != 2 or axes[0] == axes[1]:
        raise ValueError(f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions.")
    return jnp.rot90(x, k, tuple(axes))


@op
def roll(x: Any, shift: Any, axis: Any = None) -> jax.Array:
    """Move entries along an axis; what leaves at one end enters at the other."""
    return jnp.roll(array(x), shift, axes(axis))


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> jax.Array:
    """Repeat each entry.

    >>> repeat([1, 2], 2)
    Array([1, 1, 2, 2], dtype=int32)
    """
    counts = array(repeats) if isinstance(repeats, jax.Array) else np.asarray(repeats)
    return jnp.repeat(array(x), counts, axis)


@op
def tile(x: Any, repeats: Any) -> jax.Array:
    """Repeat the whole array.

    >>> tile([1, 2], 2)
    Array([1, 2, 1, 2], dtype=int32)
    """
    return jnp.tile(array(x), repeats if isinstance(repeats, int) else tuple(repeats))


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> jax.Array:
    """Add entries before and after each axis.

    >>> pad([1, 2], (1, 2), constant_values=9)
    Array([9, 1, 2, 9, 9], dtype=int32)
    """
    if constant_values is not None and mode != "constant":
        raise ValueError(
            "Argument `constant_values` can only be provided when `mode == 'constant'`. "
            f"Received: mode={mode}"
        )
    given = {} if constant_values is None else {"constant_values": constant_values}
    return jnp.pad(array(x), pad_width, mode, **given)


@op
def concatenate(xs: Any, axis: int | None = 0) -> jax.Array:
    """Join arrays along an axis.

    >>> concatenate([[1], [2, 3]])
    Array([1, 2, 3], dtype=int32)
    """
    return jnp.concatenate([array(x) for x in xs], axis)


@op
def stack(x: Any, axis: int = 0) -> jax.Array:
    """Join arrays of one shape along a new axis.

    >>> stack([[1, 2], [3, 4]], axis=1)
    Array([[1, 3], [2, 4]], dtype=int32)
    """
    return jnp.stack([array(t) for t in x], axis)


def _unstack_spec(x: Any, num: int | None = None, axis: int = 0) -> list[KerasTensor]:
    _check_axis(axis, x)
    sizes = list(x.shape)
    found = sizes.pop(axis)
    count = found if num is None else num
    if count is None:
        raise ValueError(
            f"Cannot infer argument `num` from shape {x.shape}. Received: axis={axis}\n"
            "  1. Tell the number of slices: `unstack(x, num=…)`."
        )
    return [KerasTensor(sizes, x.dtype) for _ in range(count)]


@shaped(_unstack_spec)
@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[jax.Array]:
    """The slices along an axis as a list."""
    x = array(x)
    _check_axis(axis, x)
    count = x.shape[axis] if num is None else num
    return [jax.lax.index_in_dim(x, i, axis, keepdims=False) for i in range(count)]


@op
def hstack(xs: Any) -> jax.Array:
    """Join arrays along axis 1 (vectors along axis 0)."""
    return jnp.hstack([array(x) for x in xs])


@op
def vstack(xs: Any) -> jax.Array:
    """Join arrays along axis 0, vectors as rows."""
    return jnp.vstack([array(x) for x in xs])


@op
def dstack(xs: Any) -> jax.Array:
    """Join arrays along axis 2."""
    return jnp.dstack([array(x) for x in xs])


@op
def append(x1: Any, x2: Any, axis: int | None = None) -> jax.Array:
    """x1 and then x2 (both flat when `axis` is None)."""
    return jnp.append(array(x1), array(x2), axis)


@op
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[jax.Array]:
    """Cut into equal parts, or before the given places.

    >>> split([1, 2, 3], [1])
    [Array([1], dtype=int32), Array([2, 3], dtype=int32)]
    """
    x = array(x)
    _check_axis(axis, x)
    return jnp.split(x, _places(indices_or_sections), axis)


@op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[jax.Array]:
    """Cut into parts that differ in size by at most one."""
    return jnp.array_split(array(x), _places(indices_or_sections), axis)


@op
def hsplit(x: Any, indices_or_sections: Any) -> list[jax.Array]:
    """Cut along axis 1 (a vector along axis 0)."""
    return jnp.hsplit(array(x), _places(indices_or_sections))


@op
def vsplit(x: Any, indices_or_sections: Any) -> list[jax.Array]:
    """Cut along axis 0."""
    return jnp.vsplit(array(x), _places(indices_or_sections))


@op
def dsplit(x: Any, indices_or_sections: Any) -> list[jax.Array]:
    """Cut along axis 2."""
    return jnp.dsplit(array(x), _places(indices_or_sections))


def _places(indices_or_sections: Any) -> Any:
    if isinstance(indices_or_sections, int):
        return indices_or_sections
    return np.asarray(indices_or_sections)


@op
def take(x: Any, indices: Any, axis: int | None = None) -> jax.Array:
    """The slices along `axis` at `indices`; negative ones count from the end.

    >>> take([10, 20, 30], [2, 0])
    Array([30, 10], dtype=int32)
    """
    return jnp.take(array(x), array(indices), axis)


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> jax.Array:
    """For each line along `axis` its entries at `indices`."""
    return jnp.take_along_axis(array(x), array(indices), axis)


class _GetItemOp(CutOp):
    """Where arrays would take the last entry for an index that is too large, this refuses."""

    def compute_output_spec(self, x: Any, *key: Any, **keys: Any) -> Any:
        """Check the numbers among the keys, then infer."""
        given = (*key, *keys.values(), *self.settings.values())[0]
        parts = tuple(given) if isinstance(given, (tuple, list)) else (given,)
        entries = [p for p in parts if p is not None and p is not Ellipsis]
        if len(entries) > len(x.shape) or sum(p is Ellipsis for p in parts) > 1:
            raise ValueError(f"Too many keys for the shape {x.shape}. Received: key={given}")
        before = next((i for i, p in enumerate(parts) if p is Ellipsis), len(parts))
        for i, part in enumerate(parts):
            if isinstance(part, int) and not isinstance(part, bool):
                axis = sum(p is not None for p in parts[:i])
                if i > before:
                    axis = len(x.shape) - sum(p is not None for p in parts[i:])
                size = x.shape[axis]
                if size is not None and not -size <= part < size:
                    raise ValueError(
                        f"Index {part} is out of bounds for axis {axis} with size {size}. "
                        f"Received: shape={x.shape}, key={given}"
                    )
        return super().compute_output_spec(x, *key, **keys)


@op
def get_item(x: Any, key: Any) -> jax.Array:
    """`x[key]`.

    >>> get_item([1, 2, 3], slice(1, None))
    Array([2, 3], dtype=int32)
    """
    return array(x)[tuple(key) if isinstance(key, list) else key]  # JSON has no tuples


get_item.node_class = _GetItemOp  # type: ignore[attr-defined]


@op
def unravel_index(indices: Any, shape: Any) -> tuple[jax.Array, ...]:
    """Positions in the flat array as positions along each axis."""
    return jnp.unravel_index(array(indices), tuple(shape))


@op
def view(x: Any, dtype: Any = None) -> jax.Array:
    """The same bytes read as another dtype."""
    return array(x).view(None if dtype is None else standardize_dtype(dtype))


def shape(x: Any) -> tuple[Any, ...]:
    """The shape as a tuple; None for unknown axes of a symbolic tensor.

    >>> shape([[1, 2]])
    (1, 2)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(shape(x))


def size(x: Any) -> Any:
    """The number of entries; symbolic for a symbolic tensor."""
    return _size(x) if is_keras_tensor(x) else math.prod(shape(x))


def _size_array(x: Any) -> jax.Array:
    return jnp.asarray(x.size, "int32")


_size = op(named(_size_array, "size", "The number of entries as an array."))


def dtype(x: Any) -> str:
    """The dtype as a string.

    >>> dtype([1.0])
    'float32'
    """
    return standardize_dtype(x.dtype if hasattr(x, "dtype") else array(x).dtype)
