"""Pooling over windows, and to a wanted size."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kohort.core.settings import standardize_data_format
from kohort.core.symbolic import op
from kohort.core.tracing import is_portable
from kohort.ops._base import array, sum_dtype
from kohort.ops.nn_conv import spatial

_LONGEST = 16
"""A window longer than this is reduced by XLA, whose gradient is slow on a CPU."""
_MOST_PLACES = 16
"""Larger windows are reduced axis by axis."""


@op
def max_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """The greatest entry of each window.

    >>> max_pool(jnp.arange(4.0).reshape(1, 4, 1), 2).ravel()
    Array([1., 3.], dtype=float32)
    """
    x = array(inputs)
    return _reduce(x, *_windows(x, pool_size, strides, data_format), _pads(padding), "max")


@op
def average_pool(
    inputs: Any, pool_size: Any, strides: Any = None, padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """The mean of each window; padded places do not count.

    >>> average_pool(jnp.arange(4.0).reshape(1, 4, 1), 2).ravel()
    Array([0.5, 2.5], dtype=float32)
    """
    x = array(inputs)
    window, strides = _windows(x, pool_size, strides, data_format)
    total = _reduce(x, window, strides, _pads(padding), "sum")
    if padding.lower() == "valid":
        return total / np.prod(window).item()
    shape = [size if w != 1 else 1 for size, w in zip(x.shape, window, strict=True)]
    return total / _reduce(jnp.ones(shape, x.dtype), window, strides, "SAME", "sum")


def _windows(x: jax.Array, size: Any, strides: Any, data_format: str | None) -> tuple[Any, Any]:
    """Window and strides over all axes."""
    count = x.ndim - 2
    last = standardize_data_format(data_format) == "channels_last"
    full = [
        (1, *spatial(value, count), 1) if last else (1, 1, *spatial(value, count))
        for value in (size, size if strides is None else strides)
    ]
    return full[0], full[1]


def _pads(padding: str) -> str:
    if padding.lower() not in ("same", "valid"):
        raise ValueError(f"Invalid padding '{padding}', must be 'same' or 'valid'.")
    return padding.upper()


def _reduce(
    x: jax.Array, window: tuple[int, ...], strides: tuple[int, ...], padding: str, kind: str
) -> jax.Array:
    return _reduced(x, window, strides, padding, kind, is_portable())


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4, 5), inline=True)
def _reduced(
    x: jax.Array, window: tuple[int, ...], strides: tuple[int, ...], padding: str, kind: str,
    portable: bool,
) -> jax.Array:  # fmt: skip
    """Reduce windows: XLA's own way, or slice by slice on a CPU."""
    combine: Callable[..., Any]
    if kind == "sum":
        neutral, combine, native = np.zeros((), x.dtype)[()], jnp.add, lax.add
    else:
        floats = jnp.issubdtype(x.dtype, jnp.floating)
        lowest = -np.inf if floats else jnp.iinfo(x.dtype).min
        neutral, combine, native = np.array(lowest, x.dtype)[()], _first_max, lax.max

    def whole(x: jax.Array) -> jax.Array:
        return lax.reduce_window(x, neutral, native, window, strides, padding)

    if max(window) > _LONGEST or 0 in x.shape:
        return whole(x)
    pads = lax.padtype_to_pads(x.shape, window, strides, padding)
    tiled = kind == "max" and window == strides and math.prod(window) <= _MOST_PLACES

    def by_axis(x: jax.Array) -> jax.Array:
        dtype = x.dtype
        x = x.astype(sum_dtype(x)) if kind == "sum" else x
        x = _padded(x, neutral, pads)
        if tiled and not portable:
            return _max_of_tiles(x, window)
        for axis in reversed(range(x.ndim)):
            x = _along(x, axis, window[axis], strides[axis], combine)
        return x.astype(dtype)

    if portable:  # ONNX has no windows over four axes
        return by_axis(x)
    return lax.platform_dependent(x, cpu=by_axis, default=whole)


def _padded(x: jax.Array, value: Any, pads: Any) -> jax.Array:
    if not is_portable():
        return lax.pad(x, jnp.asarray(value, x.dtype), [(low, high, 0) for low, high in pads])
    for axis, sides in enumerate(pads):  # for ONNX, whose `Pad` wants to know the batch's size
        ends = [jnp.full_like(lax.slice_in_dim(x, 0, n, axis=axis), value) for n in sides if n]
        x = jnp.concatenate([*ends[:1], x, *ends[1:]] if sides[0] else [x, *ends], axis)
    return x


def _along(x: jax.Array, axis: int, size: int, stride: int, combine: Callable[..., Any]) -> Any:
    """Combine the entries of windows along one axis, the first entry first."""
    if size == stride == 1:
        return x
    span = (x.shape[axis] - size) // stride * stride + 1
    entries = (lax.slice_in_dim(x, i, i + span, stride, axis) for i in range(size))
    return functools.reduce(combine, entries)


def _max_of_tiles(x: jax.Array, window: tuple[int, ...]) -> jax.Array:
    """The greatest entry of each window, where windows neither overlap nor leave gaps."""
    counts = [n // w for n, w in zip(x.shape, window, strict=True)]
    whole = tuple(slice(n * w) for n, w in zip(counts, window, strict=True))
    tiles = x[whole].reshape([size for pair in zip(counts, window, strict=True) for size in pair])
    return _max_of_odd_axes(tiles)


@jax.custom_jvp
def _max_of_odd_axes(tiles: jax.Array) -> jax.Array:
    return functools.reduce(lax.max, _entries(tiles))


def _entries(tiles: jax.Array) -> list[jax.Array]:
    """What each place of the windows holds, the windows' sizes being the axes 1, 3, 5, …"""
    places = itertools.product(*map(range, tiles.shape[1::2]))
    return [tiles[tuple(i for at in place for i in (slice(None), at))] for place in places]


@_max_of_odd_axes.defjvp
def _max_of_odd_axes_tangent(primals: Any, tangents: Any) -> tuple[Any, Any]:
    """The tangent of the first of the greatest, as in XLA's pooling.

    Its transpose is one pass over the inputs, where that of slices is one a place. The numbers of
    the places are roots of squares: XLA thinks a root dear and keeps it, where it would find the
    number, and what its window holds, anew for each input.
    """
    (tiles,), (d_tiles,) = primals, tangents
    best, *others = _entries(tiles)
    square = jnp.zeros(best.shape, jnp.float32)
    for number, entry in enumerate(others, 1):
        square = jnp.where(entry > best, jnp.float32(number**2), square)
        best = lax.max(best, entry)
    sizes = [1 if i % 2 == 0 else size for i, size in enumerate(tiles.shape)]
    numbers = jnp.arange(len(others) + 1, dtype=jnp.float32).reshape(sizes)
    odd = tuple(range(1, tiles.ndim, 2))
    place = jnp.expand_dims(lax.sqrt(square), odd)
    return best, jnp.where(place == numbers, d_tiles, 0).sum(odd, dtype=d_tiles.dtype)


@jax.custom_jvp
def _first_max(a: jax.Array, b: jax.Array) -> jax.Array:
    """The greater one; of equal ones `a` gets the gradient, as in XLA's pooling.

    Axes are reduced from the last to the first, so that this is the first entry of a window.
    """
    return lax.max(a, b)


@_first_max.defjvp
def _first_max_tangent(primals: Any, tangents: Any) -> tuple[Any, Any]:
    return lax.max(*primals), lax.select(lax.ge(*primals), *tangents)


@op
def adaptive_average_pool(
    inputs: Any, output_size: Any, data_format: str | None = None
) -> jax.Array:
    """The means of windows that cut each spatial axis into `output_size` parts."""
    return _adaptive(inputs, output_size, data_format, jnp.mean, "adaptive_average_pool")


@op
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> jax.Array:
    """The greatest entries of windows that cut each spatial axis into `output_size` parts."""
    return _adaptive(inputs, output_size, data_format, jnp.max, "adaptive_max_pool")


def _adaptive(inputs: Any, output_size: Any, data_format: Any, reduce: Any, name: str) -> jax.Array:
    x = array(inputs)
    count = x.ndim - 2
    if count not in (1, 2, 3):
        raise ValueError(f"{name} supports only 1D/2D/3D inputs. Received: shape={x.shape}")
    first = 1 if standardize_data_format(data_format) == "channels_last" else 2
    return _in_parts(x, first, spatial(output_size, count), reduce)


@functools.partial(jax.jit, static_argnums=(1, 2, 3), inline=True)
def _in_parts(x: jax.Array, first: int, sizes: tuple[int, ...], reduce: Any) -> jax.Array:
    for axis, parts in enumerate(sizes, first):
        size = x.shape[axis]
        windows = [
            slice(part * size // parts, -(-(part + 1) * size // parts)) for part in range(parts)
        ]
        before = (slice(None),) * axis
        x = jnp.stack([reduce(x[(*before, window)], axis) for window in windows], axis)
    return x
