"""Hinge losses, for maximum-margin classification."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.symbolic import op
from kohort.losses.arrays import pair
from kohort.losses.loss import LossFunctionWrapper


def _signs(y_true: jax.Array) -> jax.Array:
    """Labels 0 and 1 as -1 and 1; others as they are."""
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2.0 * y_true - 1.0, y_true)


def _margins(y_true: Any, y_pred: Any) -> jax.Array:
    y_true, y_pred = pair(y_true, y_pred)
    return jnp.maximum(1.0 - _signs(y_true) * y_pred, 0.0)


@op
def hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(max(1 - y_true y_pred, 0))` over the last axis; labels are -1 and 1, or 0 and 1.

    >>> hinge([[0.0, 1.0]], [[-2.0, 0.5]]).tolist()
    [0.25]
    """
    return jnp.mean(_margins(y_true, y_pred), axis=-1)


@op
def squared_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(max(1 - y_true y_pred, 0)**2)` over the last axis; labels as for `hinge`.

    >>> squared_hinge([[0.0, 1.0]], [[-2.0, 0.5]]).tolist()
    [0.125]
    """
    return jnp.mean(jnp.square(_margins(y_true, y_pred)), axis=-1)


@op
def categorical_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """`max(neg - pos + 1, 0)`, where `pos` is the score of the class and `neg` the best other.

    Labels are one-hot: `(batch, classes) -> (batch,)`.

    >>> categorical_hinge([[0.0, 1.0]], [[0.25, 0.5]]).tolist()
    [0.75]
    """
    y_true, y_pred = pair(y_true, y_pred)
    positive = jnp.sum(y_true * y_pred, axis=-1)
    negative = jnp.max((1.0 - y_true) * y_pred, axis=-1)
    return jnp.maximum(negative - positive + 1.0, 0.0)


class Hinge(LossFunctionWrapper, fn=hinge):
    """`mean(max(1 - y_true y_pred, 0))`, for labels -1 and 1 (or 0 and 1).

    >>> float(Hinge()([[0.0, 1.0]], [[-2.0, 0.5]]))
    0.25
    """


class SquaredHinge(LossFunctionWrapper, fn=squared_hinge):
    """`mean(max(1 - y_true y_pred, 0)**2)`, for labels -1 and 1 (or 0 and 1).

    >>> float(SquaredHinge()([[0.0, 1.0]], [[-2.0, 0.5]]))
    0.125
    """


class CategoricalHinge(LossFunctionWrapper, fn=categorical_hinge):
    """`max(neg - pos + 1, 0)`, for one-hot labels.

    >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.25, 0.5]]))
    0.75
    """
