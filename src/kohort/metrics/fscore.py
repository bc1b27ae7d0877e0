"""F-scores: the weighted harmonic mean of precision and recall."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.losses.arrays import to_array
from kohort.metrics.metric import Metric

AVERAGES = (None, "micro", "macro", "weighted")
STATE = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


def _check(average: Any, beta: Any, threshold: Any) -> None:
    if average not in AVERAGES:
        raise ValueError(
            "Invalid `average` argument value. Expected one of: {None, 'micro', 'macro', "
            f"'weighted'}}. Received: average={average}"
        )
    for name, value in (("beta", beta), ("threshold", threshold)):
        if not isinstance(value, float) and (value is not None or name == "beta"):
            raise ValueError(
                f"Invalid `{name}` argument value. It should be a Python float. "
                f"Received: {name}={value} of type '{type(value)}'"
            )
    if beta <= 0.0:
        raise ValueError(f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}")
    if threshold is not None and not 0.0 < threshold <= 1.0:
        raise ValueError(
            "Invalid `threshold` argument value. It should verify 0 < threshold <= 1. "
            f"Received: threshold={threshold}"
        )


class FBetaScore(Metric):
    """`(1 + beta**2) precision recall / (beta**2 precision + recall)`, of each class.

    Labels are one-hot or multi-hot, `(batch, classes)`.

    Args:
        average: None (one score per class), `"micro"` (from the total counts), `"macro"` (the mean
            of the classes) or `"weighted"` (their mean, weighted by their frequency).
        beta: how many times as important recall is.
        threshold: scores above count as 1; None takes the best class.

    >>> import numpy as np
    >>> y_true = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]])
    >>> y_pred = np.array([[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])
    >>> FBetaScore(beta=2.0, threshold=0.5)(y_true, y_pred).tolist()
    [0.3846, 0.9091, 0.8333]
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ):
        super().__init__(name=name, dtype=dtype)
        _check(average, beta, threshold)
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        """Make the variables for labels and scores of these shapes."""
        received = (
            f"Received input shapes: y_pred.shape={y_pred_shape} and y_true.shape={y_true_shape}."
        )
        expects = "FBetaScore expects 2D inputs with shape (batch_size, output_dim)"
        if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
            raise ValueError(f"{expects}. {received}")
        if y_pred_shape[-1] is None or y_true_shape[-1] is None:
            raise ValueError(f"{expects}, with output_dim fully defined (not None). {received}")
        shape = () if self.average == "micro" else (y_pred_shape[-1],)
        for name in STATE:
            setattr(self, name, self.add_variable(shape, dtype=self.dtype, name=name))
        self._built = True

    def _decide(self, y_pred: jax.Array) -> jax.Array:
        """Scores as 0 and 1."""
        if self.threshold is not None:
            return (y_pred > self.threshold).astype(y_pred.dtype)
        best = y_pred >= jnp.max(y_pred, axis=-1, keepdims=True)
        return (best & (jnp.abs(y_pred) > 1e-9)).astype(y_pred.dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and scores."""
        y_true, y_pred = to_array(y_true, self.dtype), to_array(y_pred, self.dtype)
        if not self._built:
            self._build(y_true.shape, y_pred.shape)
        y_pred = self._decide(y_pred)
        parts = (y_pred * y_true, y_pred * (1 - y_true), (1 - y_pred) * y_true, y_true)
        for name, part in zip(STATE, parts, strict=True):
            if sample_weight is not None:
                part = part * jnp.expand_dims(to_array(sample_weight, self.dtype), 1)
            getattr(self, name).assign_add(jnp.sum(part, axis=self.axis))

    def result(self) -> Any:
        """The score so far, `(classes,)` or averaged."""
        tp, fp, fn, frequency = (getattr(self, name).value for name in STATE)
        least = settings.epsilon()
        precision, recall = tp / (tp + fp + least), tp / (tp + fn + least)
        beta2 = self.beta**2
        score = (1 + beta2) * (precision * recall / (beta2 * precision + recall + least))
        if self.average == "weighted":
            return jnp.sum(score * (frequency / (jnp.sum(frequency) + least)))
        return score if self.average is None else jnp.mean(score)

    def base_config(self) -> dict[str, Any]:
        """Name, dtype, average, beta and threshold."""
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {**super().base_config(), **own}


class F1Score(FBetaScore):
    """`2 precision recall / (precision + recall)`, of each class.

    Labels are one-hot or multi-hot, `(batch, classes)`.

    Args:
        average: None, `"micro"`, `"macro"` or `"weighted"` (see `FBetaScore`).
        threshold: scores above count as 1; None takes the best class.

    >>> import numpy as np
    >>> y_true = np.array([[1, 1, 1], [1, 0, 0], [1, 1, 0]])
    >>> y_pred = np.array([[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]])
    >>> F1Score(threshold=0.5)(y_true, y_pred).tolist()
    [0.5, 0.8, 0.6667]
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ):
        super().__init__(average, 1.0, threshold, name=name, dtype=dtype)

    def base_config(self) -> dict[str, Any]:
        """Name, dtype, average and threshold."""
        config = super().base_config()
        del config["beta"]
        return config
