"""Linear algebra over the last two axes; leading axes are batches."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.symbolic import op
from kohort.core.tracing import portable
from kohort.ops._base import array, axes, floating


def _matrix(x: Any, square: bool = False) -> jax.Array:
    x = floating(x)
    if x.ndim < 2:
        raise ValueError(f"Expected input to have rank >= 2. Received input with shape {x.shape}.")
    if square and x.shape[-1] != x.shape[-2]:
        raise ValueError(
            f"Expected a square matrix or a batch of square matrices. Received: x.shape={x.shape}"
        )
    return x


@op
def cholesky(x: Any, upper: bool = False) -> jax.Array:
    """L with L · Lᵀ = x for a positive definite x (its transpose: `upper`).

    >>> cholesky([[4.0]])
    Array([[2.]], dtype=float32)
    """
    factor = jnp.linalg.cholesky(_matrix(x, True), upper=upper)
    if not isinstance(factor, jax.core.Tracer) and bool(jnp.isnan(factor).any()):
        raise ValueError(
            "Cholesky decomposition failed. The input might not be a valid positive definite "
            "matrix."
        )
    return factor


@op
def cholesky_inverse(x: Any, upper: bool = False) -> jax.Array:
    """The inverse of the matrix whose Cholesky factor is x."""
    x = _matrix(x, True)
    identity = jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape)
    inverse = jax.lax.linalg.triangular_solve(x, identity, left_side=True, lower=not upper)
    transposed = jnp.swapaxes(inverse, -1, -2)
    return inverse @ transposed if upper else transposed @ inverse


@op
def det(x: Any) -> jax.Array:
    """The determinant."""
    return jnp.linalg.det(_matrix(x, True))


@op
def slogdet(x: Any) -> tuple[jax.Array, jax.Array]:
    """The sign and the logarithm of the absolute value of the determinant."""
    return tuple(jnp.linalg.slogdet(_matrix(x, True)))


@op
def logdet(x: Any) -> jax.Array:
    """The logarithm of the determinant of a positive definite matrix."""
    return jnp.linalg.slogdet(_matrix(x, True))[1]


@op
def eig(x: Any) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues and eigenvectors of a square matrix (on the CPU only)."""
    values, vectors = jnp.linalg.eig(_matrix(x, True))
    return values, vectors


@op
def eigh(x: Any) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues, the smallest first, and eigenvectors of a symmetric matrix."""
    return tuple(jnp.linalg.eigh(_matrix(x, True)))


@op
def inv(x: Any) -> jax.Array:
    """The inverse.

    >>> inv([[4.0]])
    Array([[0.25]], dtype=float32)
    """
    return jnp.linalg.inv(_matrix(x, True))


@op
def pinv(x: Any, rcond: Any = None) -> jax.Array:
    """Moore and Penrose's pseudo-inverse."""
    return jnp.linalg.pinv(_matrix(x), rcond)


@op
def matrix_rank(x: Any, tol: Any = None) -> jax.Array:
    """The number of singular values above `tol`."""
    return jnp.linalg.matrix_rank(_matrix(x), tol).astype("int32")


@op
def lu_factor(x: Any) -> tuple[jax.Array, jax.Array]:
    """The LU decomposition in one matrix, and the pivots."""
    packed, pivots, _ = jax.lax.linalg.lu(_matrix(x))
    return packed, pivots


@op
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> jax.Array:
    """The norm of vectors (one axis) or matrices (two axes).

    >>> norm([3.0, 4.0])
    Array(5., dtype=float32)
    """
    return jnp.linalg.norm(floating(x), ord, axes(axis), keepdims)


@op
def qr(x: Any, mode: str = "reduced") -> tuple[jax.Array, jax.Array]:
    """Q with orthonormal columns and upper triangular R with Q · R = x."""
    if mode not in {"reduced", "complete"}:
        raise ValueError(
            "`mode` argument value not supported. Expected one of {'reduced', 'complete'}. "
            f"Received: mode={mode}"
        )
    return tuple(jnp.linalg.qr(_matrix(x), mode))


@op
def solve(a: Any, b: Any) -> jax.Array:
    """x with a · x = b.

    >>> solve([[2.0]], [[6.0]])
    Array([[3.]], dtype=float32)
    """
    a, b = _matrix(a, True), floating(b)
    if b.ndim == a.ndim - 1:
        return jnp.linalg.solve(a, b[..., None])[..., 0]
    return jnp.linalg.solve(a, b)


@op
def solve_triangular(a: Any, b: Any, lower: bool = False) -> jax.Array:
    """x with a · x = b for a triangular a."""
    a, b = _matrix(a, True), floating(b)
    vector = b.ndim == a.ndim - 1
    right = b[..., None] if vector else b
    x = jax.lax.linalg.triangular_solve(a, right, left_side=True, lower=lower)
    return x[..., 0] if vector else x


@op
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """U, s, Vᵀ with U · diag(s) · Vᵀ = x (only s unless `compute_uv`)."""
    found = jnp.linalg.svd(_matrix(x), full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


@op
def lstsq(a: Any, b: Any, rcond: Any = None) -> jax.Array:
    """x that makes ‖a · x - b‖ least."""
    return jnp.linalg.lstsq(floating(a), floating(b), rcond)[0]


@op
def jvp(fun: Any, primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """The value of `fun` and its directional derivative.

    >>> jvp(lambda x: x * x, (3.0,), (1.0,))[1]
    Array(6., dtype=float32, weak_type=True)
    """
    primals, tangents = (
        tuple(x if isinstance(x, float) else array(x) for x in xs) for xs in (primals, tangents)
    )
    with portable():  # the faster loops of recurrent layers know gradients, but no tangents
        return jax.jvp(fun, primals, tangents, has_aux=has_aux)
