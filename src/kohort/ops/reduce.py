"""Sums, means, extremes and orders along axes.

>>> mean([[1, 2], [3, 4]], axis=0)
Array([2., 3.], dtype=float32)
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.dtypes import standardize_dtype
from kohort.core.symbolic import op
from kohort.ops._base import array, axes, floating, floating_together, reduction, sum_dtype

all = reduction("all", jnp.all, "Whether all entries along `axis` are true.")
any = reduction("any", jnp.any, "Whether one entry along `axis` is true.")
amax = reduction("amax", jnp.max, "The greatest entry along `axis`.")
amin = reduction("amin", jnp.min, "The smallest entry along `axis`.")
median = reduction("median", jnp.median, "The median along `axis`.", floating)
nanargmax = reduction("nanargmax", jnp.nanargmax, "Where the greatest entry is, NaN aside.")
nanargmin = reduction("nanargmin", jnp.nanargmin, "Where the smallest entry is, NaN aside.")
nanmax = reduction("nanmax", jnp.nanmax, "The greatest entry, NaN aside.")
nanmean = reduction("nanmean", jnp.nanmean, "The mean, NaN aside.", floating)
nanmedian = reduction("nanmedian", jnp.nanmedian, "The median, NaN aside.", floating)
nanmin = reduction("nanmin", jnp.nanmin, "The smallest entry, NaN aside.")
nanprod = reduction("nanprod", jnp.nanprod, "The product, NaN as 1.")
nanstd = reduction("nanstd", jnp.nanstd, "The standard deviation, NaN aside.", floating)
nansum = reduction("nansum", jnp.nansum, "The sum, NaN as 0.")
nanvar = reduction("nanvar", jnp.nanvar, "The variance, NaN aside.", floating)
ptp = reduction("ptp", jnp.ptp, "The greatest minus the smallest entry along `axis`.")
std = reduction("std", jnp.std, "The standard deviation along `axis`.", floating)
sum = reduction("sum", jnp.sum, "The sum along `axis`.")
logsumexp = reduction("logsumexp", jax.nn.logsumexp, "log Σ exp(x) along `axis`, stable.", floating)


@op
def mean(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    """The mean along `axis`; half precision is summed in float32.

    >>> mean([1, 2])
    Array(1.5, dtype=float32)
    """
    x = floating(x)
    return jnp.mean(x, axes(axis), dtype=sum_dtype(x), keepdims=keepdims).astype(x.dtype)


@op
def var(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
    """The variance along `axis`; half precision is summed in float32.

    >>> var([1, 3])
    Array(1., dtype=float32)
    """
    x = floating(x)
    return jnp.var(x, axes(axis), dtype=sum_dtype(x), keepdims=keepdims).astype(
        jnp.finfo(x.dtype).dtype
    )


@op
def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> jax.Array:
    """The greatest entry along `axis`, and not less than `initial`.

    >>> max([[1, 5], [7, 2]], axis=1)
    Array([5, 7], dtype=int32)
    """
    return jnp.max(array(x), axes(axis), keepdims=keepdims, initial=initial)


@op
def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> jax.Array:
    """The smallest entry along `axis`, and not more than `initial`.

    >>> min([[1, 5], [7, 2]], axis=1)
    Array([1, 2], dtype=int32)
    """
    return jnp.min(array(x), axes(axis), keepdims=keepdims, initial=initial)


@op
def prod(x: Any, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> jax.Array:
    """The product along `axis`.

    >>> prod([2, 3])
    Array(6, dtype=int32)
    """
    return jnp.prod(array(x), axes(axis), _dtype(dtype), keepdims=keepdims)


@op
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> jax.Array:
    """Where the greatest entry along `axis` is (the first of equal ones).

    >>> argmax([1, 5, 2])
    Array(1, dtype=int32)
    """
    return jnp.argmax(_ordered(array(x)), axis, keepdims=keepdims)


@op
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> jax.Array:
    """Where the smallest entry along `axis` is (the first of equal ones).

    >>> argmin([1, 5, 2])
    Array(0, dtype=int32)
    """
    return jnp.argmin(_ordered(array(x)), axis, keepdims=keepdims)


def _ordered(x: jax.Array) -> jax.Array:
    """Let -0.0 and tiny negative floats, which XLA's CPU takes for 0, count as below 0."""
    if not jnp.issubdtype(x.dtype, jnp.floating) or x.ndim == 0:
        return x
    x = x.astype(sum_dtype(x))
    return jnp.where((x == 0) & jnp.signbit(x), -jnp.finfo(x.dtype).tiny, x)


@op
def average(x: Any, axis: Any = None, weights: Any = None) -> jax.Array:
    """The mean along `axis`, weighted by `weights`.

    >>> average([1.0, 2.0], weights=[3.0, 1.0])
    Array(1.25, dtype=float32)
    """
    if weights is None:
        return jnp.average(floating(x), axes(axis))
    x, weights = floating_together(x, weights)
    return jnp.average(x, axes(axis), weights)


@op
def count_nonzero(x: Any, axis: Any = None) -> jax.Array:
    """The number of entries along `axis` that are not 0.

    >>> count_nonzero([0, 3, 4])
    Array(2, dtype=int32)
    """
    return jnp.count_nonzero(array(x), axes(axis)).astype("int32")


@op
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> jax.Array:
    """Running sums along `axis` (of the flat array when None).

    >>> cumsum([1, 2, 3])
    Array([1, 3, 6], dtype=int32)
    """
    return jnp.cumsum(array(x), axis, _dtype(dtype))


@op
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> jax.Array:
    """Running products along `axis` (of the flat array when None).

    >>> cumprod([1, 2, 3])
    Array([1, 2, 6], dtype=int32)
    """
    return jnp.cumprod(array(x), axis, _dtype(dtype))


@op
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> jax.Array:
    """Running sums along `axis`, NaN as 0."""
    return jnp.nancumsum(array(x), axis, _dtype(dtype))


@op
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> jax.Array:
    """Running products along `axis`, NaN as 1."""
    return jnp.nancumprod(array(x), axis, _dtype(dtype))


@op
def quantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> jax.Array:
    """The value below which a share `q` (from 0 to 1) of the entries along `axis` lies.

    >>> quantile([1.0, 2.0, 3.0], 0.5)
    Array(2., dtype=float32)
    """
    return jnp.quantile(floating(x), array(q), axes(axis), method=method, keepdims=keepdims)


@op
def percentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> jax.Array:
    """The value below which `q` per cent of the entries along `axis` lie."""
    return jnp.percentile(floating(x), array(q), axes(axis), method=method, keepdims=keepdims)


@op
def nanquantile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> jax.Array:
    """`quantile`, NaN aside."""
    return jnp.nanquantile(floating(x), array(q), axes(axis), method=method, keepdims=keepdims)


@op
def nanpercentile(
    x: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False
) -> jax.Array:
    """`percentile`, NaN aside."""
    return jnp.nanpercentile(floating(x), array(q), axes(axis), method=method, keepdims=keepdims)


@op
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> jax.Array:
    """The integral of y over x by the trapezoidal rule.

    >>> trapezoid([0.0, 1.0, 2.0])
    Array(2., dtype=float32)
    """
    return jnp.trapezoid(array(y), None if x is None else array(x), dx, axis)


def _dtype(dtype: Any) -> Any:
    return None if dtype is None else standardize_dtype(dtype)
