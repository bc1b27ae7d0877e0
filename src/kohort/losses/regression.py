"""Losses for regression."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.core.component import hyper
from kohort.core.symbolic import op
from kohort.losses.arguments import omit_defaults
from kohort.losses.arrays import aligned_pair, like
from kohort.losses.loss import LossFunctionWrapper


@op
def mean_squared_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean((y_true - y_pred)**2)` over the last axis: `(batch, ..., d) -> (batch, ...)`.

    >>> mean_squared_error([[0.0, 2.0]], [[0.0, 0.0]]).tolist()
    [2.0]
    """
    y_true, y_pred = aligned_pair(y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@op
def mean_absolute_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(|y_true - y_pred|)` over the last axis: `(batch, ..., d) -> (batch, ...)`.

    >>> mean_absolute_error([[0.0, 2.0]], [[0.0, 0.0]]).tolist()
    [1.0]
    """
    y_true, y_pred = aligned_pair(y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@op
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`100 mean(|y_true - y_pred| / max(|y_true|, epsilon))` over the last axis.

    >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]).tolist()
    [25.0]
    """
    y_true, y_pred = aligned_pair(y_true, y_pred)
    least = jnp.asarray(settings.epsilon(), y_pred.dtype)
    return 100.0 * jnp.mean(
        jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), least)), axis=-1
    )


@op
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean((log(y_true + 1) - log(y_pred + 1))**2)` over the last axis.

    Values below epsilon count as epsilon.

    >>> mean_squared_logarithmic_error([[0.0]], [[0.0]]).tolist()
    [0.0]
    """
    y_true, y_pred = aligned_pair(y_true, y_pred)
    least = jnp.asarray(settings.epsilon(), settings.floatx())  # not in half precision
    logs = [jnp.log(jnp.maximum(y, least) + 1.0) for y in (y_pred, y_true)]
    return jnp.mean(jnp.square(logs[0] - logs[1]), axis=-1)


def unit_norm(x: jax.Array, axis: Any = -1) -> jax.Array:
    """`x / max(||x||, epsilon)`, with a finite gradient at 0."""
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(settings.floatx())
    square = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    positive = square > 0
    limit = min(1.0 / settings.epsilon(), float(jnp.finfo(square.dtype).max))
    inverse = jax.lax.rsqrt(jnp.where(positive, square, 1))
    return x * jnp.where(positive, jnp.minimum(inverse, limit), limit)


@op
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """`-sum(y_true y_pred / (||y_true|| ||y_pred||))` over `axis`: -1 for equal directions.

    >>> cosine_similarity([[0.0, 2.0]], [[0.0, 5.0]]).tolist()
    [-1.0]
    """
    y_true, y_pred = aligned_pair(y_true, y_pred)
    return -jnp.sum(unit_norm(y_true, axis) * unit_norm(y_pred, axis), axis=axis)


@op
def huber(y_true: Any, y_pred: Any, delta: Any = 1.0) -> jax.Array:
    """Huber's loss: squared for errors `e` up to `delta`, linear beyond; mean of the last axis.

    `e**2 / 2` where `|e| <= delta`, else `delta |e| - delta**2 / 2`. Source: Huber, Robust
    Estimation of a Location Parameter, 1964.

    >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
    [1.5]
    """
    y_true, y_pred = aligned_pair(y_true, y_pred)
    delta = jnp.asarray(delta, y_pred.dtype)
    half = jnp.asarray(0.5, y_pred.dtype)
    error = y_pred - y_true
    size = jnp.abs(error)
    linear = delta * size - half * jnp.square(delta)
    return jnp.mean(jnp.where(size <= delta, half * jnp.square(error), linear), axis=-1)


@op
def log_cosh(y_true: Any, y_pred: Any) -> jax.Array:
    """`mean(log(cosh(y_pred - y_true)))` over the last axis.

    >>> log_cosh([[0.0]], [[0.0]]).tolist()
    [0.0]
    """
    y_true, y_pred = aligned_pair(y_true, y_pred)
    error = y_pred - y_true
    return jnp.mean(error + jax.nn.softplus(-2.0 * error) - like(math.log(2.0), error), axis=-1)


class MeanSquaredError(LossFunctionWrapper, fn=mean_squared_error):
    """`mean((y_true - y_pred)**2)`.

    >>> float(MeanSquaredError()([[0.0, 2.0]], [[0.0, 0.0]]))
    2.0
    """


class MeanAbsoluteError(LossFunctionWrapper, fn=mean_absolute_error):
    """`mean(|y_true - y_pred|)`.

    >>> float(MeanAbsoluteError()([[0.0, 2.0]], [[0.0, 0.0]]))
    1.0
    """


class MeanAbsolutePercentageError(LossFunctionWrapper, fn=mean_absolute_percentage_error):
    """`100 mean(|y_true - y_pred| / |y_true|)`.

    >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
    25.0
    """


class MeanSquaredLogarithmicError(LossFunctionWrapper, fn=mean_squared_logarithmic_error):
    """`mean((log(y_true + 1) - log(y_pred + 1))**2)`.

    >>> float(MeanSquaredLogarithmicError()([[3.0]], [[3.0]]))
    0.0
    """


class CosineSimilarity(LossFunctionWrapper, fn=cosine_similarity, args="axis reduction name dtype"):
    """Minus the cosine of the angle between labels and predictions: -1 is best.

    >>> float(CosineSimilarity()([[0.0, 2.0]], [[0.0, 5.0]]))
    -1.0
    """

    axis: int = -1

    def get_config(self) -> dict[str, Any]:
        """The configuration; `axis` only where it is not the default, as in Keras's files."""
        return omit_defaults(self, super().get_config(), "axis")


class Huber(LossFunctionWrapper, fn=huber, args="delta reduction name dtype", name="huber_loss"):
    """Squared for errors up to `delta`, linear beyond.

    Args:
        delta: where the loss changes from quadratic to linear (a leaf).

    >>> float(Huber()([[0.0, 0.0]], [[1.0, 3.0]]))
    1.5
    """

    delta: float = hyper(default=1.0, low=0, neutral=None)

    def get_config(self) -> dict[str, Any]:
        """The configuration; `delta` only where it is not the default, as in Keras's files."""
        return omit_defaults(self, super().get_config(), "delta")


class LogCosh(LossFunctionWrapper, fn=log_cosh):
    """`mean(log(cosh(y_pred - y_true)))`: smooth, quadratic near 0, linear far off.

    >>> float(LogCosh()([[0.0]], [[0.0]]))
    0.0
    """
