"""Crossentropies of single entries, from probabilities or logits: what the losses are made of."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings


def clip_probability(p: jax.Array) -> jax.Array:
    """Keep probabilities off 0 and 1 by epsilon, so that logarithms are finite."""
    return jnp.clip(p, settings.epsilon(), 1.0 - settings.epsilon())


def binary(target: jax.Array, output: jax.Array, from_logits: bool = False) -> jax.Array:
    """`-target log(p) - (1 - target) log(1 - p)`, entry by entry."""
    if target.shape != output.shape:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. "
            f"Received: target.shape={target.shape}, output.shape={output.shape}"
        )
    if from_logits:
        log_p, log_not_p = jax.nn.log_sigmoid(output), jax.nn.log_sigmoid(-output)
        return -(target * log_p + (1.0 - target) * log_not_p)
    p = clip_probability(output)
    return -(target * jnp.log(p) + (1.0 - target) * jnp.log(1.0 - p))


def categorical(
    target: jax.Array, output: jax.Array, from_logits: bool = False, axis: int = -1
) -> jax.Array:
    """`-sum(target log(p))` over `axis`; probabilities are divided by their sum first."""
    if target.shape != output.shape:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape. "
            f"Received: target.shape={target.shape}, output.shape={output.shape}"
        )
    if not target.shape:
        raise ValueError(
            "Arguments `target` and `output` must be at least rank 1. "
            f"Received: target.shape={target.shape}, output.shape={output.shape}"
        )
    if from_logits:
        log_p = jax.nn.log_softmax(output, axis=axis)
    else:
        log_p = jnp.log(clip_probability(output / jnp.sum(output, axis, keepdims=True)))
    return -jnp.sum(target * log_p, axis=axis)


def sparse(
    labels: jax.Array, output: jax.Array, from_logits: bool = False, axis: int = -1
) -> jax.Array:
    """`-log(p[label])`, without one-hot labels; 0 for a label that is no class.

    As in Keras on JAX, the shapes must fit as if the classes were on the last axis.
    Only the chosen entry meets the logarithm: the same numbers as `categorical` at less work.
    """
    if labels.shape != output.shape[:-1]:
        raise ValueError(
            "Arguments `target` and `output` must have the same shape up until the last "
            f"dimension: target.shape={labels.shape}, output.shape={output.shape}. "
            "Move the axis of the classes to the end where it is another one."
        )
    axis = axis % output.ndim
    classes = output.shape[axis]
    chosen = jnp.expand_dims(labels, axis) == jnp.expand_dims(
        jnp.arange(classes, dtype=labels.dtype), [d for d in range(output.ndim) if d != axis]
    )
    picked = jnp.sum(jnp.where(chosen, output, 0), axis=axis)
    if from_logits:
        loss = jax.nn.logsumexp(output, axis=axis) - picked
    else:
        loss = -jnp.log(clip_probability(picked / jnp.sum(output, axis=axis)))
    return jnp.where((labels >= 0) & (labels < classes), loss, 0)


def smooth(target: jax.Array, amount: Any, classes: int) -> jax.Array:
    """Move the share `amount` of the labels' mass evenly to all classes."""
    return target * (1.0 - amount) + amount / classes
