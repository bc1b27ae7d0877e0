"""The coefficient of determination."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from kohort.losses.arrays import match_ranks, to_array
from kohort.metrics.metric import Metric

AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")
# Attribute -> the variable's name.
STATE = {"squared_sum": "squared_sum", "sum": "sum", "total_mse": "residual", "count": "count"}


class R2Score(Metric):
    """`1 - sum((y_true - y_pred)**2) / sum((y_true - mean(y_true))**2)`, of each output.

    1 is best, 0 is what the mean alone gives. Labels and predictions are `(batch, outputs)`.

    Args:
        class_aggregation: `"uniform_average"`, `"variance_weighted_average"` or None (no average).
        num_regressors: the number of inputs; unless 0, the score is adjusted for it.

    >>> import numpy as np
    >>> y_true = np.array([[1.0], [4.0], [3.0]], "float32")
    >>> float(R2Score()(y_true, np.array([[2.0], [4.0], [4.0]], "float32")))
    0.5714
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in AGGREGATIONS:
            raise ValueError(
                "Invalid value for argument `class_aggregation`. Expected one of "
                f"{AGGREGATIONS}. Received: class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ValueError(
                "Invalid value for argument `num_regressors`. Expected a value >= 0. "
                f"Received: num_regressors={num_regressors}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), name="num_samples")
        self._built = False

    def _build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        """Make the variables for labels and predictions of these shapes."""
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ValueError(
                "R2Score expects 2D inputs with shape (batch_size, output_dim). Received input "
                f"shapes: y_pred.shape={y_pred_shape} and y_true.shape={y_true_shape}."
            )
        for attribute, name in STATE.items():
            setattr(self, attribute, self.add_variable((y_pred_shape[-1],), name=name))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and predictions."""
        y_true, y_pred = match_ranks(to_array(y_true, self.dtype), to_array(y_pred, self.dtype))
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        weight = to_array(1 if sample_weight is None else sample_weight, self.dtype)
        weight = weight[:, None] if weight.ndim == 1 else weight
        weight = jnp.broadcast_to(weight, y_true.shape)
        weighted = y_true * weight
        errors = (y_true - y_pred) ** 2 * weight
        parts = (y_true * weighted, weighted, errors, weight)
        for name, part in zip(STATE, parts, strict=True):
            getattr(self, name).assign_add(jnp.sum(part, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> Any:
        """The score so far, `()` or `(outputs,)`."""
        squares, labels, errors, count = (getattr(self, name).value for name in STATE)
        total = squares - labels * (labels / count)
        scores = 1 - errors / total
        scores = jnp.where(jnp.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = jnp.sum(total * scores) / jnp.sum(total)
        return self._adjust(scores) if self.num_regressors else scores

    def _adjust(self, scores: jax.Array) -> jax.Array:
        """`1 - (1 - score) (n - 1) / (n - p - 1)`; the score itself where that is undefined."""
        n, p = self.num_samples.value, self.num_regressors
        freedom = n - p - 1
        if not isinstance(freedom, jax.core.Tracer) and freedom <= 0:
            warnings.warn(
                "More independent predictors than datapoints in adjusted R2 score. Falling back "
                "to standard R2 score."
                if freedom < 0
                else "Division by zero in Adjusted R2 score. Falling back to standard R2 score.",
                stacklevel=3,
            )
        adjusted = 1.0 - (1.0 - scores) * (n - 1.0) / jnp.where(freedom > 0, freedom, 1)
        return jnp.where(freedom > 0, adjusted, scores)

    def base_config(self) -> dict[str, Any]:
        """Name, dtype, class_aggregation and num_regressors."""
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().base_config(), **own}
