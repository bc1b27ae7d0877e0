"""Products of vectors, matrices and tensors; diagonals and triangles.

>>> matmul([[1, 2]], [[3], [4]])
Array([[11]], dtype=int32)
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.symbolic import op
from kohort.ops._base import array, cut, floating, floating_together


@op
def matmul(x1: Any, x2: Any) -> jax.Array:
    """The matrix product x1 · x2, batched over leading axes (int8 is summed in int32)."""
    x1, x2 = array(x1), array(x2)
    return jnp.matmul(x1, x2, preferred_element_type=_element_type(x1, x2))


@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> jax.Array:
    """Einstein's summation: `einsum("ij,jk->ik", a, b)` is the matrix product."""
    arrays = [array(x) for x in operands]
    return jnp.einsum(subscripts, *arrays, preferred_element_type=_element_type(*arrays), **kwargs)


def _element_type(*xs: jax.Array) -> Any:
    return "int32" if {x.dtype.name for x in xs} == {"int8"} else None


@op
def dot(x1: Any, x2: Any) -> jax.Array:
    """The product over the last axis of x1 and the last but one of x2; a number scales."""
    x1, x2 = array(x1), array(x2)
    return jnp.dot(x1, x2) if x1.ndim and x2.ndim else x1 * x2


@op
def vdot(x1: Any, x2: Any) -> jax.Array:
    """The scalar product of the flat arrays, x1 conjugated."""
    return jnp.vdot(array(x1), array(x2))


@op
def inner(x1: Any, x2: Any) -> jax.Array:
    """The product over the last axes."""
    x1, x2 = array(x1), array(x2)
    if x1.ndim and x2.ndim and x1.shape[-1] != x2.shape[-1]:
        raise ValueError(
            "`inner` needs vectors of one size in the last dimension. "
            f"Received: x1.shape={x1.shape}, x2.shape={x2.shape}"
        )
    return jnp.inner(x1, x2)


@op
def outer(x1: Any, x2: Any) -> jax.Array:
    """All products of an entry of x1 and one of x2."""
    return jnp.outer(array(x1), array(x2))


@op
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> jax.Array:
    """The product over the given axes (or the last `axes` of x1 and first of x2)."""
    return jnp.tensordot(array(x1), array(x2), axes)


@op
def kron(x1: Any, x2: Any) -> jax.Array:
    """The Kronecker product."""
    return jnp.kron(array(x1), array(x2))


@op
def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> jax.Array:
    """The cross product of vectors of size 2 or 3."""
    return jnp.cross(array(x1), array(x2), axisa, axisb, axisc, axis)


@cut
@op
def diag(x: Any, k: int = 0) -> jax.Array:
    """The k-th diagonal of a matrix, or the matrix with a vector on it."""
    return jnp.diag(array(x), k)


@op
def diagflat(x: Any, k: int = 0) -> jax.Array:
    """The matrix with the entries of x on its k-th diagonal."""
    return jnp.diagflat(array(x), k)


@cut
@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> jax.Array:
    """The diagonals of the matrices over two axes."""
    return jnp.diagonal(_with_two_axes(x, axis1, axis2), offset, axis1, axis2)


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> jax.Array:
    """The sums of the diagonals."""
    return jnp.trace(_with_two_axes(x, axis1, axis2), offset, axis1, axis2)


def _with_two_axes(x: Any, axis1: int, axis2: int) -> jax.Array:
    x = array(x)
    if (axis1 - axis2) % max(x.ndim, 1) == 0:
        raise ValueError(
            "`axis1` and `axis2` cannot be the same. "
            f"Received: axis1={axis1}, axis2={axis2} for an array of shape {x.shape}"
        )
    return x


@op
def tril(x: Any, k: int = 0) -> jax.Array:
    """Zeros above the k-th diagonal."""
    return jnp.tril(array(x), k)


@op
def triu(x: Any, k: int = 0) -> jax.Array:
    """Zeros below the k-th diagonal."""
    return jnp.triu(array(x), k)


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> jax.Array:
    """The n-th differences of neighbours along `axis`."""
    return jnp.diff(array(a), n, axis)


@op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> jax.Array:
    """The cross-correlation of two vectors."""
    return jnp.correlate(*floating_together(x1, x2), mode)


@op
def corrcoef(x: Any) -> jax.Array:
    """Pearson's correlation of the rows."""
    return jnp.corrcoef(floating(x))
