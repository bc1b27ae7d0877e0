"""Activation functions."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.symbolic import op
from kohort.errors import KohortWarning
from kohort.ops._base import array, floating, unary

relu = unary("relu", jax.nn.relu, "max(x, 0).")
relu6 = unary("relu6", jax.nn.relu6, "min(max(x, 0), 6).")
sigmoid = unary("sigmoid", jax.nn.sigmoid, "1 / (1 + exp(-x)).")
sparse_sigmoid = unary("sparse_sigmoid", jax.nn.sparse_sigmoid, "(x + 1) / 2 cut to [0, 1].")
softplus = unary("softplus", jax.nn.softplus, "log(1 + exp(x)).")
softsign = unary("softsign", jax.nn.soft_sign, "x / (1 + |x|).")
silu = unary("silu", jax.nn.silu, "x · sigmoid(x), also called swish.")
log_sigmoid = unary("log_sigmoid", jax.nn.log_sigmoid, "log(sigmoid(x)), stable.")
hard_sigmoid = unary("hard_sigmoid", jax.nn.hard_sigmoid, "x / 6 + 1/2 cut to [0, 1].")
hard_silu = unary("hard_silu", jax.nn.hard_silu, "x · hard_sigmoid(x).")
hard_tanh = unary("hard_tanh", jax.nn.hard_tanh, "x cut to [-1, 1].")
selu = unary("selu", jax.nn.selu, "1.0507 · elu(x, 1.67326) (Klambauer et al., 2017).")
sparse_plus = unary(
    "sparse_plus", jax.nn.sparse_plus, "0 below -1, (x + 1)² / 4 between, x above 1."
)
tanh_shrink = unary("tanh_shrink", lambda x: x - jnp.tanh(x), "x - tanh(x).")
swish, hard_swish = silu, hard_silu


@op
def leaky_relu(x: Any, negative_slope: Any = 0.2) -> jax.Array:
    """Return x where positive, `negative_slope` · x elsewhere.

    >>> leaky_relu([-10.0, 10.0])
    Array([-2., 10.], dtype=float32)
    """
    return jax.nn.leaky_relu(array(x), negative_slope)


@op
def elu(x: Any, alpha: Any = 1.0) -> jax.Array:
    """Return x where positive, `alpha` · (exp(x) - 1) elsewhere (Clevert et al., 2016).

    >>> elu([-1.0, 1.0])
    Array([-0.63212055,  1.        ], dtype=float32)
    """
    return jax.nn.elu(array(x), alpha)


@op
def celu(x: Any, alpha: Any = 1.0) -> jax.Array:
    """Return x where positive, `alpha` · (exp(x / alpha) - 1) elsewhere (Barron, 2017).

    >>> celu([-1.0, 1.0])
    Array([-0.63212055,  1.        ], dtype=float32)
    """
    return jax.nn.celu(array(x), alpha)


@op
def gelu(x: Any, approximate: bool = True) -> jax.Array:
    """Return x · Φ(x), Φ the normal distribution's (or its tanh approximation).

    >>> gelu([1.0], approximate=False)
    Array([0.8413447], dtype=float32)
    """
    return jax.nn.gelu(array(x), approximate)


@op
def squareplus(x: Any, b: Any = 4) -> jax.Array:
    """Return (x + sqrt(x² + b)) / 2 (Barron, 2021).

    >>> squareplus([0.0])
    Array([1.], dtype=float32)
    """
    return jax.nn.squareplus(array(x), b)


@op
def soft_shrink(x: Any, threshold: Any = 0.5) -> jax.Array:
    """Move x towards 0 by `threshold`; 0 where |x| is smaller.

    >>> soft_shrink([-2.0, 0.2, 2.0])
    Array([-1.5,  0. ,  1.5], dtype=float32)
    """
    x = array(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@op
def hard_shrink(x: Any, threshold: Any = 0.5) -> jax.Array:
    """Return x where |x| exceeds `threshold`, 0 elsewhere.

    >>> hard_shrink([-2.0, 0.2, 2.0])
    Array([-2.,  0.,  2.], dtype=float32)
    """
    x = array(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@op
def threshold(x: Any, threshold: Any, default_value: Any) -> jax.Array:
    """Return x where it exceeds `threshold`, `default_value` elsewhere.

    >>> threshold([-2.0, 2.0], 0.0, 9.0)
    Array([9., 2.], dtype=float32)
    """
    x = array(x)
    return jnp.where(x > threshold, x, default_value)


@op
def glu(x: Any, axis: int = -1) -> jax.Array:
    """Return a · sigmoid(b), where a and b are the halves of x along `axis`.

    >>> glu([1.0, 0.0])
    Array([0.5], dtype=float32)
    """
    return jax.nn.glu(array(x), axis)


@op
def softmax(x: Any, axis: Any = -1) -> jax.Array:
    """Return exp(x) / Σ exp(x) along `axis` (over several axes at once for a tuple).

    >>> softmax([0.0, 0.0])
    Array([0.5, 0.5], dtype=float32)
    """
    x = floating(x)
    if isinstance(axis, int) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warnings.warn(
            f"You are using a softmax over axis {axis} of a tensor of shape {x.shape}. This axis "
            "has size 1. The softmax operation will always return the value 1, which is likely "
            "not what you intended. Did you mean to use a sigmoid instead?\n"
            "  1. For two classes: Dense(1, activation='sigmoid'), loss='binary_crossentropy'.\n"
            "  2. For k classes: Dense(k, activation='softmax').",
            KohortWarning,
            stacklevel=3,
        )
    return jax.nn.softmax(x, _axes(axis))


@op
def log_softmax(x: Any, axis: Any = -1) -> jax.Array:
    """Return x - log Σ exp(x) along `axis`, stable.

    >>> log_softmax([0.0, 0.0])
    Array([-0.6931472, -0.6931472], dtype=float32)
    """
    return jax.nn.log_softmax(floating(x), _axes(axis))


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, (list, tuple)) else axis


@op
def sparsemax(x: Any, axis: int = -1) -> jax.Array:
    """Return max(x - τ, 0): like softmax, but with exact zeros.

    Source: Martins and Astudillo, 2016 (arXiv:1602.02068). As in Keras 3.15, whose numbers
    this gives, τ adds up the running totals of the support, so that entries sum to 1 only
    where one entry is left.

    >>> sparsemax([3.0, 1.0, 0.0])
    Array([1., 0., 0.], dtype=float32)
    """
    x = array(x)
    descending = jnp.flip(jnp.sort(x, axis), axis)
    total = jnp.cumsum(descending, axis)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    rank = jnp.arange(1, x.shape[axis] + 1).reshape(shape)
    support = descending - (total - 1) / rank > 0
    size = jnp.sum(support, axis, keepdims=True)
    tau = (jnp.sum(jnp.where(support, total, 0.0), axis, keepdims=True) - 1) / size
    return jnp.maximum(x - tau, 0.0)
