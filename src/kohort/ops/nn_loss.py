"""Crossentropies and the encodings of classes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.core.dtypes import standardize_dtype
from kohort.core.symbolic import op
from kohort.ops._base import array


def _inside(output: jax.Array) -> jax.Array:
    """Probabilities kept off 0 and 1, where the logarithm ends."""
    return jnp.clip(output, settings.epsilon(), 1.0 - settings.epsilon())


def _same_shape(target: jax.Array, output: jax.Array) -> None:
    if target.shape != output.shape:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. Received: "
            f"target.shape={target.shape}, output.shape={output.shape}"
        )


@op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> jax.Array:
    """-target · log(output) - (1 - target) · log(1 - output), entry by entry.

    >>> binary_crossentropy([1.0], [0.5])
    Array([0.6931472], dtype=float32)
    """
    target, output = array(target), array(output)
    _same_shape(target, output)
    if from_logits:
        positive, negative = jax.nn.log_sigmoid(output), jax.nn.log_sigmoid(-output)
        return -1.0 * target * positive - (1.0 - target) * negative
    output = _inside(output)
    return -(target * jnp.log(output) + (1.0 - target) * jnp.log(1.0 - output))


def _log_probabilities(output: jax.Array, from_logits: bool, axis: Any) -> jax.Array:
    if from_logits:
        return jax.nn.log_softmax(output, axis)
    return jnp.log(_inside(output / jnp.sum(output, axis, keepdims=True)))


@op
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: Any = -1
) -> jax.Array:
    """-Σ target · log(output) along `axis`; the output is first made to sum to 1.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]])
    Array([0.6931472], dtype=float32)
    """
    target, output = array(target), array(output)
    _same_shape(target, output)
    if target.ndim < 1:
        raise ValueError(
            "Arguments `target` and `output` must be at least rank 1. Received: "
            f"target.shape={target.shape}, output.shape={output.shape}"
        )
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis), axis)


@op
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> jax.Array:
    """-log(output) at the target's class; the output is first made to sum to 1.

    Shapes: target (...) or (..., 1), output (..., classes) -> (...).

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]])
    Array([0.6931472], dtype=float32)
    """
    target, output = array(target).astype("int32"), array(output)
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    if output.ndim < 1:
        raise ValueError(
            f"Argument `output` must be at least rank 1. Received: output.shape={output.shape}"
        )
    if target.shape != output.shape[:-1]:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last "
            f"dimension: target.shape={target.shape}, output.shape={output.shape}"
        )
    log_probabilities = _log_probabilities(output, from_logits, axis)
    chosen = jax.nn.one_hot(target, output.shape[axis], axis=axis, dtype=log_probabilities.dtype)
    return -jnp.sum(chosen * log_probabilities, axis)


def _refuse_sparse(sparse: bool) -> None:
    if sparse:
        raise ValueError(
            "Sparse tensors do not exist here. Received: sparse=True\n"
            "  1. Leave `sparse` at False: the result is a dense array of the same numbers."
        )


@op
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> jax.Array:
    """A new axis with 1 at the class and 0 elsewhere (all 0 for classes out of range).

    >>> one_hot([0, 2], 3)
    Array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    _refuse_sparse(sparse)
    return jax.nn.one_hot(array(x), num_classes, axis=axis, dtype=standardize_dtype(dtype))


@op
def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None,
    sparse: bool = False, **kwargs: Any,
) -> jax.Array:  # fmt: skip
    """1 for each class that occurs in a row, 0 for the others.

    >>> multi_hot([[0, 2]], 4)
    Array([[1., 0., 1., 0.]], dtype=float32)
    """
    _refuse_sparse(sparse)
    num_classes = kwargs.pop("num_tokens", num_classes)
    if num_classes is None:
        raise ValueError("Argument `num_classes` must be specified.")
    x, dtype = array(inputs).astype("int32"), standardize_dtype(dtype)
    hot = jax.nn.one_hot(x, num_classes, axis=axis, dtype=dtype)
    return jnp.max(hot, axis=1 if x.ndim > 1 else 0)


@op
def psnr(x1: Any, x2: Any, max_val: Any) -> jax.Array:
    """The peak signal-to-noise ratio in decibels: 20 log10(max_val) - 10 log10(MSE)."""
    x1, x2 = array(x1), array(x2)
    if x1.shape != x2.shape:
        raise ValueError(
            f"Input shapes {x1.shape} and {x2.shape} must match for PSNR calculation. "
        )
    error = jnp.mean(jnp.square(x1 - x2))
    return 20 * jnp.log10(jnp.asarray(max_val, x2.dtype)) - 10 * jnp.log10(error)
