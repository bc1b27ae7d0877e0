"""Normalisation of activations, and attention."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.core.symbolic import op
from kohort.ops._base import array, axes, sum_dtype


@op
def moments(
    x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False
) -> tuple[jax.Array, jax.Array]:
    """The mean and the variance over `axes`; half precision is summed in float32.

    >>> moments([1.0, 3.0], 0)
    (Array(2., dtype=float32), Array(1., dtype=float32))
    """
    if synchronized:
        raise NotImplementedError("Argument synchronized=True is not supported with JAX.")
    x = array(x)
    over = tuple(axes) if isinstance(axes, (list, tuple)) else axes
    wide = x.astype(sum_dtype(x)) if x.dtype.itemsize == 2 else x
    mean, variance = jnp.mean(wide, over, keepdims=keepdims), jnp.var(wide, over, keepdims=keepdims)
    if wide is x:
        return mean, variance
    limit = jnp.finfo(jnp.float16)
    mean, variance = (jnp.clip(v, limit.min, limit.max) for v in (mean, variance))
    return mean.astype(x.dtype), variance.astype(x.dtype)


@op
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None,
    epsilon: Any = 1e-3,
) -> jax.Array:  # fmt: skip
    """scale · (x - mean) / sqrt(variance + epsilon) + offset, along `axis`."""
    x, mean, variance = array(x), array(mean), array(variance)
    offset, scale = (None if v is None else array(v) for v in (offset, scale))
    size = x.shape[axis]
    vectors = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    for name, vector in vectors.items():
        if vector is not None and vector.shape != (size,):
            raise ValueError(
                f"`{name}` must be a vector of length `x.shape[axis]`. Expected: `{size}`. "
                f"Received: `{vector.shape}`"
            )
    shape = [1] * x.ndim
    shape[axis] = size
    inverse = jax.lax.rsqrt(variance.reshape(shape) + epsilon)
    if scale is not None:
        inverse = inverse * scale.reshape(shape)
    rest = -mean.reshape(shape) * inverse
    if offset is not None:
        rest = rest + offset.reshape(shape)
    return x * inverse + rest


@op
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: Any = None,
    **kwargs: Any,
) -> jax.Array:  # fmt: skip
    """gamma · (x - mean) / sqrt(variance + epsilon) + beta, mean and variance over `axis`.

    Source: Ba et al., 2016 (arXiv:1607.06450).

    >>> layer_normalization([1.0, 3.0], epsilon=0.0)
    Array([-1.,  1.], dtype=float32)
    """
    x = array(x)
    dtype, x = x.dtype, x.astype(sum_dtype(x))
    over = sorted(axis) if isinstance(axis, (list, tuple)) else [axis]
    shape = [1] * x.ndim
    for i in over:
        shape[i] = x.shape[i]

    def broadcast(v: Any) -> jax.Array:
        v = array(v).astype(x.dtype)
        return v.reshape(shape) if v.ndim != x.ndim and over != [x.ndim - 1] else v

    epsilon = settings.epsilon() if epsilon is None else epsilon
    rms_scaling = kwargs.pop("rms_scaling", False)
    mean, variance = moments(x, over, keepdims=True)
    inverse = jax.lax.rsqrt(variance + epsilon)
    if gamma is not None:
        inverse = inverse * broadcast(gamma)
    if rms_scaling:
        return (x * inverse).astype(dtype)
    rest = -mean * inverse
    if beta is not None:
        rest = rest + broadcast(beta)
    return (x * inverse + rest).astype(dtype)


@op
def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: Any = None) -> jax.Array:
    """scale · x / sqrt(mean(x²) + epsilon), the mean over `axis`.

    Source: Zhang and Sennrich, 2019 (arXiv:1910.07467).
    """
    x = jnp.atleast_1d(array(x))
    dtype, x = x.dtype, x.astype(sum_dtype(x))
    epsilon = settings.epsilon() if epsilon is None else epsilon
    outputs = x * jax.lax.rsqrt(jnp.mean(x * x, axes(axis), keepdims=True) + epsilon)
    if scale is not None:
        outputs = outputs * array(scale).astype(x.dtype)
    return outputs.astype(dtype)


@op
def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: Any = None) -> jax.Array:
    """x divided by its norm of an order along `axis`.

    >>> normalize([3.0, 4.0])
    Array([0.6, 0.8], dtype=float32)
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"Argument `order` must be an int >= 1. Received: order={order}")
    x = jnp.atleast_1d(array(x))
    epsilon = settings.epsilon() if epsilon is None else epsilon
    if order == 2:
        squares = jnp.sum(jnp.square(x), axes(axis), keepdims=True)
        return x * jnp.minimum(jax.lax.rsqrt(squares), 1.0 / epsilon)
    norm = jnp.linalg.norm(x, order, axes(axis), keepdims=True)
    return x / jnp.maximum(norm, epsilon)


@op
def dot_product_attention(
    query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: Any = None,
    is_causal: bool = False, flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> jax.Array:  # fmt: skip
    """softmax(query · keyᵀ · scale + bias) · value, head by head.

    Shapes: query (batch, targets, heads, size), key and value (batch, sources, key heads, size),
    bias and mask broadcast to (batch, heads, targets, sources).
    Source: Vaswani et al., 2017 (arXiv:1706.03762).
    """
    query, key, value = array(query), array(key), array(value)
    dtype = jnp.result_type(query, key, value)
    query, key, value = (x.astype(dtype) for x in (query, key, value))
    for name, x in (("query", query), ("key", key), ("value", value)):
        if x.ndim != 4:
            raise ValueError(
                f"`dot_product_attention` only supports 4D inputs. Received: {name}.shape={x.shape}"
            )
    if attn_logits_soft_cap is not None and jax.default_backend() != "tpu":
        raise ValueError(
            "attn_logits_soft_cap is only supported for JAX on TPU. Set "
            "attn_logits_soft_cap=None when not using JAX on TPU."
        )
    bias = None if bias is None else array(bias)
    mask = None if mask is None else array(mask).astype(bool)
    return jax.nn.dot_product_attention(
        query, key, value, bias, mask, scale=scale, is_causal=is_causal,
        implementation="cudnn" if flash_attention and jax.default_backend() == "gpu" else "xla",
    )  # fmt: skip
