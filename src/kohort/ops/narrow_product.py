"""A product with a narrow matrix whose gradient is quick on a CPU.

XLA computes the gradient of a kernel of few columns, xᵀ·g, about half as fast on a CPU as its
transpose, gᵀ·x, and exchanges one for the other where they stand alone. Barriers keep the latter.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

_MOST_COLUMNS = 31
"""From 32 columns on the transpose gains nothing (measured for 64 to 10,000 inputs)."""
_MOST_COLUMNS_OF_LARGE = 64
_LARGE = 2**22
"""For inputs of so many values, which no cache holds, up to twice as many columns gain."""


def product(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """`x @ kernel`, the last axis of x with the first of the kernel.

    >>> product(jnp.ones((2, 3)), jnp.ones((3, 4))).shape
    (2, 4)
    """
    large = isinstance(x.size, int) and x.size > _LARGE  # in an export the size may be unknown
    most = _MOST_COLUMNS_OF_LARGE if large else _MOST_COLUMNS
    narrow = 1 < kernel.shape[-1] <= most and x.dtype == kernel.dtype == jnp.float32
    return _narrow(x, kernel) if narrow else x @ kernel


@jax.custom_jvp
def _narrow(x: jax.Array, kernel: jax.Array) -> jax.Array:
    return x @ kernel


def _tangent(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (x, kernel), (d_x, d_kernel) = primals, tangents
    outputs, terms = _narrow(x, kernel), []
    if not isinstance(d_x, SymbolicZero):
        terms.append(d_x @ kernel)
    if not isinstance(d_kernel, SymbolicZero):
        terms.append(lax.platform_dependent(x, d_kernel, cpu=_by_transpose, default=jnp.matmul))
    return outputs, sum(terms[1:], terms[0]) if terms else jnp.zeros_like(outputs)


_narrow.defjvp(_tangent, symbolic_zeros=True)


def _by_transpose(x: jax.Array, d_kernel: jax.Array) -> jax.Array:
    """`x @ d_kernel`, so written that its gradient for `d_kernel` is (gᵀ·x)ᵀ in two steps."""
    transposed = lax.optimization_barrier(lax.optimization_barrier(d_kernel).T)
    return lax.dot_general(x, transposed, (((x.ndim - 1,), (1,)), ((), ())))
