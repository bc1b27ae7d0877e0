"""Correlations of labels and predictions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.core.symbolic import op
from kohort.losses.arrays import aligned_pair
from kohort.metrics.reduction import MeanMetricWrapper


@op
def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """The covariance over the product of the standard deviations, along `axis`.

    >>> pearson_correlation([[0.0, 1.0, 2.0]], [[0.0, 2.0, 4.0]]).tolist()
    [1.0]
    """
    standard = []
    for y in aligned_pair(y_true, y_pred):
        centred = y - jnp.mean(y, axis=axis, keepdims=True)
        standard.append(centred / jnp.std(centred, axis=axis, keepdims=True))
    return jnp.mean(standard[0] * standard[1], axis=axis)


@op
def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """Pearson's correlation lowered by differences of mean and scale, along `axis`.

    `2 cov / (var_true + var_pred + (mean_true - mean_pred)**2)`. Source: Lin, A Concordance
    Correlation Coefficient to Evaluate Reproducibility, 1989.

    >>> concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).tolist()
    [1.0]
    """
    y_true, y_pred = aligned_pair(y_true, y_pred)
    mean_true = jnp.mean(y_true, axis=axis, keepdims=True)
    mean_pred = jnp.mean(y_pred, axis=axis, keepdims=True)
    covariance = (y_true - mean_pred) * (y_pred - mean_pred)  # equal in the mean
    spread = jnp.var(y_true, axis=axis, keepdims=True) + jnp.var(y_pred, axis=axis, keepdims=True)
    norm = spread + jnp.square(mean_true - mean_pred)
    return jnp.mean(2 * covariance / (norm + settings.epsilon()), axis=axis)


class PearsonCorrelation(
    MeanMetricWrapper, fn=pearson_correlation, args="name dtype axis", direction="up"
):
    """Pearson's correlation coefficient of each sample, averaged.

    Args:
        axis: the axis along which labels and predictions correlate; 0 is the batch.

    >>> float(PearsonCorrelation(axis=0)([0.0, 1.0, 2.0], [0.0, 2.0, 4.0]))
    1.0
    """

    axis: int = -1


class ConcordanceCorrelation(
    MeanMetricWrapper, fn=concordance_correlation, args="name dtype axis", direction="up"
):
    """The concordance correlation coefficient of each sample, averaged.

    Args:
        axis: the axis along which labels and predictions correlate; 0 is the batch.

    >>> float(ConcordanceCorrelation(axis=0)([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]))
    1.0
    """

    axis: int = -1
