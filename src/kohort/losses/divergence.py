"""Losses between distributions: Kullback-Leibler divergence and Poisson's likelihood."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.core.symbolic import op
from kohort.losses.arrays import pair
from kohort.losses.loss import LossFunctionWrapper


@op
def kl_divergence(y_true: Any, y_pred: Any) -> jax.Array:
    """`sum(y_true log(y_true / y_pred))` over the last axis, of distributions.

    >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).tolist()
    [0.0]
    """
    y_true, y_pred = (jnp.clip(y, settings.epsilon(), 1) for y in pair(y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@op
def poisson(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(y_pred - y_true log(y_pred))` over the last axis, of counts and expected counts.

    >>> poisson([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
    [2.0]
    """
    y_true, y_pred = pair(y_true, y_pred)
    least = jnp.asarray(settings.epsilon(), y_pred.dtype)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + least), axis=-1)


class KLDivergence(LossFunctionWrapper, fn=kl_divergence):
    """`sum(y_true log(y_true / y_pred))`, of distributions.

    >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
    0.0
    """


class Poisson(LossFunctionWrapper, fn=poisson):
    """`mean(y_pred - y_true log(y_pred))`, of counts and expected counts.

    >>> float(Poisson()([[0.0, 0.0]], [[1.0, 3.0]]))
    2.0
    """
