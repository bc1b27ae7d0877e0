"""The area under a curve: ROC, precision-recall, or precision-recall-gain."""

from __future__ import annotations

from enum import Enum
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import settings
from kohort.losses.arrays import divide_no_nan, to_array
from kohort.metrics import confusion
from kohort.metrics.metric import Metric


class AUCCurve(Enum):
    """What is plotted: true over false positive rate, precision over recall, or their gains."""

    ROC = "ROC"
    PR = "PR"
    PRGAIN = "PRGAIN"

    @classmethod
    def from_str(cls, key: Any) -> AUCCurve:
        """Return the curve of a name (or a curve as it is)."""
        if isinstance(key, cls):
            return key
        if key not in ("roc", "ROC", "pr", "PR", "prgain", "PRGAIN"):
            raise ValueError(
                f'Invalid AUC curve value: "{key}". Expected values are ["PR", "ROC", "PRGAIN"]'
            )
        return cls(key.upper())


class AUCSummationMethod(Enum):
    """How high the curve is between two thresholds: their mean, the higher or the lower."""

    INTERPOLATION = "interpolation"
    MAJORING = "majoring"
    MINORING = "minoring"

    @classmethod
    def from_str(cls, key: Any) -> AUCSummationMethod:
        """Return the method of a name (or a method as it is)."""
        if isinstance(key, cls):
            return key
        if key not in (name for method in cls for name in (method.value, method.value.title())):
            raise ValueError(
                f'Invalid AUC summation method value: "{key}". Expected values are '
                '["interpolation", "majoring", "minoring"]'
            )
        return cls(key.lower())


class AUC(Metric):
    """The area under a curve, from counts at thresholds.

    Args:
        num_thresholds: at how many thresholds the curve is known.
        curve: `"ROC"`, `"PR"` (precision over recall) or `"PRGAIN"`.
        summation_method: `"interpolation"`, `"minoring"` or `"majoring"`; for PR the first
            interpolates the counts (Davis and Goadrich, ICML 2006).
        thresholds: thresholds between 0 and 1, in place of even ones.
        multi_label: whether each column is a problem of its own, averaged.
        num_labels: the number of columns, to make the variables at once.
        label_weights: the weights of the columns.
        from_logits: whether the sigmoid is still to be applied.

    >>> float(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: Any = "ROC",
        summation_method: Any = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ):
        self.curve = AUCCurve.from_str(curve)
        self.summation_method = AUCSummationMethod.from_str(summation_method)
        self._init_from_thresholds = thresholds is not None
        self._set_thresholds(num_thresholds, thresholds)
        super().__init__(name=name, dtype=dtype)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else to_array(label_weights, self.dtype)
        self._from_logits = from_logits
        self._built = False
        if num_labels and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        if num_labels or not multi_label:
            self._build((None, num_labels))

    def _set_thresholds(self, num_thresholds: int, thresholds: Any) -> None:
        """Store the thresholds, from just below 0 to just above 1."""
        if thresholds is not None:
            inner = sorted(thresholds)
            self._even = confusion.are_even([0.0, *inner, 1.0])
        elif num_thresholds <= 1:
            raise ValueError(
                "Argument `num_thresholds` must be an integer > 1. "
                f"Received: num_thresholds={num_thresholds}"
            )
        else:
            inner = confusion.even_thresholds(num_thresholds)[1:-1]
            self._even = True
        self.num_thresholds = len(inner) + 2
        margin = settings.epsilon()
        self._thresholds = np.array([0.0 - margin, *inner, 1.0 + margin])

    @property
    def thresholds(self) -> list[float]:
        """The thresholds, the outermost just outside of 0 to 1."""
        return list(self._thresholds)

    def _build(self, shape: tuple[int | None, ...]) -> None:
        """Make the variables; scores have this shape."""
        variable_shape: tuple[Any, ...] = (self.num_thresholds,)
        if self.multi_label:
            if len(shape) != 2:
                raise ValueError(
                    "`y_pred` must have rank 2 when `multi_label=True`. "
                    f"Found rank {len(shape)}. Full shape received for `y_pred`: {shape}"
                )
            variable_shape += (shape[1],)
        for name in confusion.COUNTS:
            setattr(self, name, self.add_variable(variable_shape, name=name))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and scores."""
        y_pred = to_array(y_pred)
        if not self._built:
            self._build(y_pred.shape)
        found = confusion.count(
            y_true,
            jax.nn.sigmoid(y_pred) if self._from_logits else y_pred,
            self.thresholds,
            sample_weight=sample_weight,
            label_weights=None if self.multi_label else self.label_weights,
            multi_label=self.multi_label,
            even=self._even,
        )
        for name in confusion.COUNTS:
            getattr(self, name).assign_add(found[name])

    def _counts(self) -> list[jax.Array]:
        return [getattr(self, name).value for name in confusion.COUNTS]

    def interpolate_pr_auc(self) -> jax.Array:
        """The area under precision over recall, with counts interpolated between thresholds."""
        tp, fp, _, fn = self._counts()
        p = tp + fp
        rise = tp[:-1] - tp[1:]
        slope = divide_no_nan(rise, jnp.maximum(p[:-1] - p[1:], 0))
        intercept = tp[1:] - slope * p[1:]
        ratio = jnp.where((p[:-1] > 0) & (p[1:] > 0), divide_no_nan(p[:-1], p[1:]), 1)
        areas = slope * (rise + intercept * jnp.log(ratio))
        return self._total(divide_no_nan(areas, jnp.maximum(tp[1:] + fn[1:], 0)))

    def _points(self) -> tuple[jax.Array, jax.Array]:
        """The curve at the thresholds, as x and y."""
        tp, fp, tn, fn = self._counts()
        recall = divide_no_nan(tp, tp + fn)
        if self.curve is AUCCurve.ROC:
            return divide_no_nan(fp, fp + tn), recall
        if self.curve is AUCCurve.PR:
            return recall, divide_no_nan(tp, tp + fp)
        scale = divide_no_nan(tp + fn, tn + fp)
        recall_gain = jnp.where(tp == 0, 0.0, 1.0 - scale * divide_no_nan(fn, tp))
        precision_gain = jnp.where(tp == 0, 1.0, 1.0 - scale * divide_no_nan(fp, tp))
        return jnp.maximum(recall_gain, 0.0), precision_gain

    def _total(self, areas: jax.Array) -> jax.Array:
        """The sum over the thresholds, averaged over the columns if there are any."""
        if not self.multi_label:
            return jnp.sum(areas)
        by_label = jnp.sum(areas, axis=0)
        if self.label_weights is None:
            return jnp.mean(by_label)
        weighted = jnp.sum(by_label * self.label_weights)
        return divide_no_nan(weighted, jnp.sum(self.label_weights))

    def result(self) -> Any:
        """The area so far."""
        method = self.summation_method
        if self.curve is AUCCurve.PR and method is AUCSummationMethod.INTERPOLATION:
            return self.interpolate_pr_auc()
        x, y = self._points()
        if method is AUCSummationMethod.INTERPOLATION:
            heights = (y[:-1] + y[1:]) / 2.0
        elif method is AUCSummationMethod.MINORING:
            heights = jnp.minimum(y[:-1], y[1:])
        else:
            heights = jnp.maximum(y[:-1], y[1:])
        return self._total((x[:-1] - x[1:]) * heights)

    def get_config(self) -> dict[str, Any]:
        """The configuration; `thresholds` only where they were given."""
        config = {
            **super().get_config(),
            "num_thresholds": self.num_thresholds,
            "curve": self.curve.value,
            "summation_method": self.summation_method.value,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self._from_logits,
        }
        if self._init_from_thresholds:
            config["thresholds"] = self.thresholds[1:-1]
        return config
