"""Metrics that are the mean of a loss."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort import losses
from kohort.losses.arrays import aligned_pair, to_array
from kohort.metrics.reduction import Mean, MeanMetricWrapper


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle over `axis`: minus the loss of this name."""
    return -losses.cosine_similarity(y_true, y_pred, axis=axis)


class MeanSquaredError(MeanMetricWrapper, fn=losses.mean_squared_error, direction="down"):
    """`mean((y_true - y_pred)**2)`.

    >>> float(MeanSquaredError()([[0.0, 2.0]], [[0.0, 0.0]]))
    2.0
    """


class MeanAbsoluteError(MeanMetricWrapper, fn=losses.mean_absolute_error, direction="down"):
    """`mean(|y_true - y_pred|)`.

    >>> float(MeanAbsoluteError()([[0.0, 2.0]], [[0.0, 0.0]]))
    1.0
    """


class MeanAbsolutePercentageError(
    MeanMetricWrapper, fn=losses.mean_absolute_percentage_error, direction="down"
):
    """`100 mean(|y_true - y_pred| / |y_true|)`.

    >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
    25.0
    """


class MeanSquaredLogarithmicError(
    MeanMetricWrapper, fn=losses.mean_squared_logarithmic_error, direction="down"
):
    """`mean((log(y_true + 1) - log(y_pred + 1))**2)`.

    >>> float(MeanSquaredLogarithmicError()([[3.0]], [[3.0]]))
    0.0
    """


class RootMeanSquaredError(Mean):
    """`sqrt(mean((y_true - y_pred)**2))`.

    >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[3.0], [3.0]]))
    3.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Add a batch of labels and predictions."""
        y_true, y_pred = aligned_pair(y_true, to_array(y_pred, self.dtype))
        super().update_state(jnp.square(y_pred - y_true), sample_weight=sample_weight)

    def result(self) -> Any:
        """The error so far."""
        return jnp.sqrt(super().result())


class CosineSimilarity(
    MeanMetricWrapper, fn=cosine_similarity, args="name dtype axis", direction="up"
):
    """The cosine of the angle between labels and predictions: 1 is best.

    >>> float(CosineSimilarity()([[0.0, 2.0]], [[0.0, 5.0]]))
    1.0
    """

    axis: int = -1


class LogCoshError(MeanMetricWrapper, fn=losses.log_cosh, name="logcosh", direction="down"):
    """`mean(log(cosh(y_pred - y_true)))`.

    >>> float(LogCoshError()([[0.0]], [[0.0]]))
    0.0
    """


class Hinge(MeanMetricWrapper, fn=losses.hinge, direction="down"):
    """`mean(max(1 - y_true y_pred, 0))`, for labels -1 and 1 (or 0 and 1).

    >>> float(Hinge()([[0.0, 1.0]], [[-2.0, 0.5]]))
    0.25
    """


class SquaredHinge(MeanMetricWrapper, fn=losses.squared_hinge, direction="down"):
    """`mean(max(1 - y_true y_pred, 0)**2)`, for labels -1 and 1 (or 0 and 1).

    >>> float(SquaredHinge()([[0.0, 1.0]], [[-2.0, 0.5]]))
    0.125
    """


class CategoricalHinge(MeanMetricWrapper, fn=losses.categorical_hinge, direction="down"):
    """`max(neg - pos + 1, 0)`, for one-hot labels.

    >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.25, 0.5]]))
    0.75
    """


class KLDivergence(MeanMetricWrapper, fn=losses.kl_divergence, direction="down"):
    """`sum(y_true log(y_true / y_pred))`, of distributions.

    >>> float(KLDivergence()([[0.5, 0.5]], [[0.5, 0.5]]))
    0.0
    """


class Poisson(MeanMetricWrapper, fn=losses.poisson, direction="down"):
    """`mean(y_pred - y_true log(y_pred))`, of counts and expected counts.

    >>> float(Poisson()([[0.0, 0.0]], [[1.0, 3.0]]))
    2.0
    """


class BinaryCrossentropy(
    MeanMetricWrapper,
    fn=losses.binary_crossentropy,
    args="name dtype from_logits label_smoothing",
    direction="down",
):
    """Crossentropy of labels 0 and 1.

    Args:
        from_logits: whether predictions are logits.
        label_smoothing: moves labels towards 0.5 by this share.

    >>> float(BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]]))
    0.6931
    """

    from_logits: bool = False
    label_smoothing: float = 0


class CategoricalCrossentropy(
    MeanMetricWrapper,
    fn=losses.categorical_crossentropy,
    args="name dtype from_logits label_smoothing axis",
    direction="down",
):
    """Crossentropy of one-hot labels.

    Args:
        from_logits: whether predictions are logits.
        label_smoothing: the share of the mass that goes evenly to all classes.
        axis: the axis of the classes.

    >>> float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]))
    0.6931
    """

    from_logits: bool = False
    label_smoothing: float = 0
    axis: int = -1


class SparseCategoricalCrossentropy(
    MeanMetricWrapper,
    fn=losses.sparse_categorical_crossentropy,
    args="name dtype from_logits ignore_class axis",
    direction="down",
):
    """Crossentropy of labels that are class numbers.

    Args:
        from_logits: whether predictions are logits.
        ignore_class: labels of this class have value 0.
        axis: the axis of the classes.

    >>> float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]))
    0.6931
    """

    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1
