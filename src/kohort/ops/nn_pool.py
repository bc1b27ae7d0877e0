"""Pooling over windows, and to a wanted size."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kohort.core.settings import standardize_data_format
from kohort.core.symbolic import op
from kohort.ops._base import array
from kohort.ops.nn_conv import spatial


def _windows(x: jax.Array, size: Any, strides: Any, data_format: str | None) -> tuple[Any, Any]:
    """Window and strides over all axes."""
    count = x.ndim - 2
    last = standardize_data_format(data_format) == "channels_last"
    full = [
        (1, *spatial(value, count), 1) if last else (1, 1, *spatial(value, count))
        for value in (size, size if strides is None else strides)
    ]
    return full[0], full[1]


def _padding(padding: str) -> str:
    if padding.lower() not in ("same", "valid"):
        raise ValueError(f"Invalid padding '{padding}', must be 'same' or 'valid'.")
    return padding.upper()


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
    window, strides = _windows(x, pool_size, strides, data_format)
    floats = jnp.issubdtype(x.dtype, jnp.floating)
    lowest = -np.inf if floats else jnp.iinfo(x.dtype).min
    return lax.reduce_window(
        x, np.array(lowest, x.dtype)[()], lax.max, window, strides, _padding(padding)
    )


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

    def total(values: jax.Array) -> jax.Array:
        zero = np.zeros((), values.dtype)[()]
        return lax.reduce_window(values, zero, lax.add, window, strides, _padding(padding))

    if padding.lower() == "valid":
        return total(x) / math.prod(window)
    shape = [size if w != 1 else 1 for size, w in zip(x.shape, window, strict=True)]
    return total(x) / total(jnp.ones(shape, x.dtype))


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
    for axis, parts in enumerate(spatial(output_size, count), first):
        size = x.shape[axis]
        windows = [
            slice(part * size // parts, -(-(part + 1) * size // parts)) for part in range(parts)
        ]
        before = (slice(None),) * axis
        x = jnp.stack([reduce(x[(*before, window)], axis) for window in windows], axis)
    return x
