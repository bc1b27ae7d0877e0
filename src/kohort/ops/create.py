"""Arrays made from a shape, a range or another array.

>>> zeros((2,))
Array([0., 0.], dtype=float32)
>>> arange(3)
Array([0, 1, 2], dtype=int32)
"""

from __future__ import annotations

import operator
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.core.dtypes import result_type, standardize_dtype
from kohort.core.symbolic import op
from kohort.core.variable import convert_to_tensor
from kohort.ops._base import array as _array
from kohort.ops._base import unary


def _window(name: str, function: Any, summary: str) -> Any:
    def window(x: Any) -> jax.Array:
        return function(x if isinstance(x, int) else int(_array(x))).astype(settings.floatx())

    return unary(name, window, summary, lambda x: x)


bartlett = _window("bartlett", jnp.bartlett, "The Bartlett (triangular) window of x points.")
blackman = _window("blackman", jnp.blackman, "The Blackman window of x points.")
hamming = _window("hamming", jnp.hamming, "The Hamming window of x points.")
hanning = _window("hanning", jnp.hanning, "The Hann window of x points.")


@op
def kaiser(x: Any, beta: Any) -> jax.Array:
    """The Kaiser window of x points with shape parameter `beta`."""
    return jnp.kaiser(int(x), _array(beta)).astype(settings.floatx())


def zeros(shape: Any, dtype: Any = None) -> jax.Array:
    """An array of zeros."""
    return jnp.zeros(shape, standardize_dtype(dtype))


def ones(shape: Any, dtype: Any = None) -> jax.Array:
    """An array of ones."""
    return jnp.ones(shape, standardize_dtype(dtype))


def empty(shape: Any, dtype: Any = None) -> jax.Array:
    """An array whose values do not matter."""
    return jnp.empty(shape, standardize_dtype(dtype))


def full(shape: Any, fill_value: Any, dtype: Any = None) -> jax.Array:
    """An array of one value.

    >>> full((2,), 7)
    Array([7., 7.], dtype=float32)
    """
    return jnp.full(shape, _array(fill_value), standardize_dtype(dtype))


@op
def zeros_like(x: Any, dtype: Any = None) -> jax.Array:
    """Zeros in the shape (and dtype) of x."""
    return jnp.zeros_like(_array(x), _dtype(dtype))


@op
def ones_like(x: Any, dtype: Any = None) -> jax.Array:
    """Ones in the shape (and dtype) of x."""
    return jnp.ones_like(_array(x), _dtype(dtype))


@op
def empty_like(x: Any, dtype: Any = None) -> jax.Array:
    """An array in the shape (and dtype) of x whose values do not matter."""
    return jnp.empty_like(_array(x), _dtype(dtype))


@op
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> jax.Array:
    """One value in the shape (and dtype) of x.

    >>> full_like([1, 2], 7)
    Array([7, 7], dtype=int32)
    """
    return jnp.full_like(_array(x), _array(fill_value), _dtype(dtype))


@op
def array(x: Any, dtype: Any = None) -> jax.Array:
    """x as an array: see `convert_to_tensor`."""
    return convert_to_tensor(x, dtype)


@op
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> jax.Array:
    """The numbers from `start` to before `stop` (from 0 to before `start` when None).

    >>> arange(1, 2, 0.5)
    Array([1. , 1.5], dtype=float32)
    """
    if dtype is None:
        given = [x for x in (start, stop, step) if x is not None]
        dtype = result_type(*(getattr(x, "dtype", type(x)) for x in given))
    return jnp.arange(start, stop, step, standardize_dtype(dtype))


@op
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """`num` numbers at equal distances from `start` to `stop` (and the distance: `retstep`).

    >>> linspace(0, 1, 3)
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    return jnp.linspace(
        _array(start), _array(stop), num, endpoint, retstep, _float_dtype(dtype, start, stop),
        axis=axis,
    )  # fmt: skip


@op
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10,
    dtype: Any = None, axis: int = 0,
) -> jax.Array:  # fmt: skip
    """`base` to the powers `linspace(start, stop)`."""
    dtype = _float_dtype(dtype, start, stop)
    return jnp.logspace(_array(start), _array(stop), num, endpoint, base, dtype, axis)


@op
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> jax.Array:
    """`num` numbers at equal ratios from `start` to `stop`."""
    dtype = _float_dtype(dtype, start, stop)
    first, last = _array(start).astype(dtype), _array(stop).astype(dtype)
    return jnp.geomspace(first, last, num, endpoint, dtype, axis)


def _float_dtype(dtype: Any, *numbers: Any) -> str:
    if dtype is not None:
        return standardize_dtype(dtype)
    return result_type(*(getattr(x, "dtype", type(x)) for x in map(_plain, numbers)), float)


def _plain(x: Any) -> Any:
    return _array(x) if isinstance(x, (list, tuple)) else x


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> jax.Array:
    """Ones on the k-th diagonal of N × M zeros."""
    rows, columns = operator.index(N), None if M is None else operator.index(M)
    return jnp.eye(rows, columns, operator.index(k), standardize_dtype(dtype))


def identity(n: int, dtype: Any = None) -> jax.Array:
    """The n × n identity matrix."""
    return jnp.identity(n, standardize_dtype(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> jax.Array:
    """Ones on and below the k-th diagonal of N × M zeros."""
    return jnp.tri(N, M, k, standardize_dtype(dtype))


@op
def meshgrid(*x: Any, indexing: str = "xy") -> list[jax.Array]:
    """Coordinate arrays of the grid over the given axes."""
    return list(jnp.meshgrid(*(_array(v).ravel() for v in x), indexing=indexing))


@op
def vander(x: Any, N: int | None = None, increasing: bool = False) -> jax.Array:
    """The Vandermonde matrix: powers of x in columns."""
    return jnp.vander(_array(x), N, increasing)


def _dtype(dtype: Any) -> Any:
    return None if dtype is None else standardize_dtype(dtype)
