"""Losses of overlap, for image segmentation."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.core.component import hyper
from kohort.core.symbolic import op
from kohort.losses.arrays import like, pair
from kohort.losses.loss import LossFunctionWrapper


@op
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> jax.Array:
    """`1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred))`, summed over `axis`.

    All axes unless told, the batch included. Source: Milletari et al.,
    https://arxiv.org/abs/1606.04797.

    >>> float(dice([[1.0, 1.0]], [[1.0, 1.0]]))
    0.0
    """
    y_true, y_pred = pair(y_true, y_pred)
    both = jnp.sum(y_true * y_pred, axis=axis)
    total = jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis)
    return 1 - 2.0 * both / (total + settings.epsilon())


@op
def tversky(
    y_true: Any, y_pred: Any, alpha: Any = 0.5, beta: Any = 0.5, axis: Any = None
) -> jax.Array:
    """Dice's loss with weights for the two kinds of error; equal to it at 0.5 and 0.5.

    `1 - both / (both + alpha * missed + beta * spurious)`, where `missed` is
    `sum(y_true (1 - y_pred))` and `spurious` is `sum((1 - y_true) y_pred)`. Source: Salehi et
    al., https://arxiv.org/abs/1706.05721.

    >>> float(tversky([[1.0, 1.0]], [[1.0, 1.0]]))
    0.0
    """
    y_true, y_pred = pair(y_true, y_pred)
    both = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum(y_true * (1 - y_pred), axis=axis) * like(alpha, y_pred)
    spurious = jnp.sum((1 - y_true) * y_pred, axis=axis) * like(beta, y_pred)
    return 1 - both / (both + missed + spurious + settings.epsilon())


class Dice(LossFunctionWrapper, fn=dice, args="reduction name axis dtype"):
    """`1 - 2 sum(y_true y_pred) / (sum(y_true) + sum(y_pred))`.

    Args:
        axis: the axes that are summed over; all, unless told.

    >>> float(Dice()([[1.0, 1.0]], [[1.0, 1.0]]))
    0.0
    """

    axis: Any = None


class Tversky(LossFunctionWrapper, fn=tversky, args="alpha beta reduction name axis dtype"):
    """Dice's loss with weights for the two kinds of error.

    Args:
        alpha: the weight of what was missed (a leaf).
        beta: the weight of what is spurious (a leaf).
        axis: the axes that are summed over; all, unless told.

    >>> float(Tversky()([[1.0, 1.0]], [[1.0, 1.0]]))
    0.0
    """

    alpha: float = hyper(default=0.5, low=0, neutral=None)
    beta: float = hyper(default=0.5, low=0, neutral=None)
    axis: Any = None
