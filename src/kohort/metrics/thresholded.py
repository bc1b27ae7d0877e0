"""Metrics from counts at thresholds: precision, recall, and one at a given value of the other."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from kohort.core.variable import Variable
from kohort.losses.arrays import divide_no_nan
from kohort.metrics import confusion
from kohort.metrics.metric import Metric


class _CountMetric(Metric):
    """A metric whose state is counts at thresholds."""

    counts: ClassVar[tuple[str, ...]] = confusion.COUNTS

    def __init__(
        self,
        name: str | None = None,
        dtype: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.top_k = top_k
        self.class_id = class_id

    def set_thresholds(self, thresholds: list[float], even: bool) -> None:
        """Fix the thresholds and make a variable for each count."""
        self.thresholds = thresholds
        self._even = even
        for name in self.counts:
            setattr(self, name, self.add_variable((len(thresholds),), name=name))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and scores."""
        found = confusion.count(
            y_true,
            y_pred,
            self.thresholds,
            sample_weight=sample_weight,
            top_k=self.top_k,
            class_id=self.class_id,
            even=self._even,
        )
        for name in self.counts:
            getattr(self, name).assign_add(found[name])

    def ratio(self, part: str, rest: str) -> jax.Array:
        """`part / (part + rest)` of two counts, 0 where there are none."""
        part, rest = getattr(self, part), getattr(self, rest)
        return divide_no_nan(part, part + rest)


class _SingleCount(_CountMetric):
    """One kind of count, at one threshold (0.5 unless told) or several."""

    counts = ("accumulator",)
    counted: ClassVar[str]
    accumulator: ClassVar[Variable]

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        parsed = confusion.parse_thresholds(thresholds)
        self.set_thresholds(parsed, confusion.are_even(parsed))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and scores."""
        found = confusion.count(
            y_true, y_pred, self.thresholds, sample_weight=sample_weight, even=self._even
        )
        self.accumulator.assign_add(found[self.counted])

    def result(self) -> Any:
        """The count so far, `()` or `(thresholds,)`."""
        return self.accumulator[0] if len(self.thresholds) == 1 else self.accumulator.value

    def base_config(self) -> dict[str, Any]:
        """Name, dtype and thresholds."""
        return {**super().base_config(), "thresholds": self.init_thresholds}


class FalsePositives(_SingleCount):
    """The number of scores above the threshold with label 0.

    >>> float(FalsePositives()([0, 1, 0], [0.9, 0.8, 0.1]))
    1.0
    """

    counted = "false_positives"


class FalseNegatives(_SingleCount):
    """The number of scores below the threshold with label 1.

    >>> float(FalseNegatives()([0, 1, 1], [0.9, 0.8, 0.1]))
    1.0
    """

    counted = "false_negatives"


class TrueNegatives(_SingleCount):
    """The number of scores below the threshold with label 0.

    >>> float(TrueNegatives()([0, 1, 0], [0.9, 0.8, 0.1]))
    1.0
    """

    counted = "true_negatives"


class TruePositives(_SingleCount):
    """The number of scores above the threshold with label 1.

    >>> float(TruePositives()([0, 1, 0], [0.9, 0.8, 0.1]))
    1.0
    """

    counted = "true_positives"


class _PrecisionOrRecall(_CountMetric):
    """True positives over a sum, at thresholds, for the best `k` classes or for one class."""

    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name, dtype, top_k, class_id)
        self.init_thresholds = thresholds
        default = 0.5 if top_k is None else confusion.NEG_INF
        parsed = confusion.parse_thresholds(thresholds, default)
        self.set_thresholds(parsed, confusion.are_even(parsed))

    def result(self) -> Any:
        """The value so far, `()` or `(thresholds,)`."""
        value = self.ratio(*self.counts)
        return value[0] if len(self.thresholds) == 1 else value

    def base_config(self) -> dict[str, Any]:
        """Name, dtype, thresholds, top_k and class_id."""
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return {**super().base_config(), **own}


class Precision(_PrecisionOrRecall):
    """`true_positives / (true_positives + false_positives)`.

    Args:
        thresholds: scores above count as positive; a number or several (0.5 unless told).
        top_k: only the `k` best classes of a sample count as positive.
        class_id: only this class counts.

    >>> float(Precision()([0, 1, 1, 1], [1, 0, 1, 1]))
    0.6667
    """

    counts = ("true_positives", "false_positives")


class Recall(_PrecisionOrRecall):
    """`true_positives / (true_positives + false_negatives)`.

    Args:
        thresholds: scores above count as positive; a number or several (0.5 unless told).
        top_k: only the `k` best classes of a sample count as positive.
        class_id: only this class counts.

    >>> float(Recall()([0, 1, 1, 1], [1, 0, 1, 1]))
    0.6667
    """

    counts = ("true_positives", "false_negatives")


class _BestUnderConstraint(_CountMetric):
    """The best value of one ratio among the thresholds where another reaches a given value."""

    _direction = "up"
    constrained: ClassVar[tuple[str, str]]
    wanted: ClassVar[tuple[str, str]]
    argument: ClassVar[str]

    def _set(self, value: float, num_thresholds: int) -> None:
        if not 0 <= value <= 1:
            raise ValueError(
                f"Argument `{self.argument}` must be in the range [0, 1]. "
                f"Received: {self.argument}={value}"
            )
        if num_thresholds <= 0:
            raise ValueError(
                "Argument `num_thresholds` must be an integer > 0. "
                f"Received: num_thresholds={num_thresholds}"
            )
        setattr(self, self.argument, value)
        self.num_thresholds = num_thresholds
        self.set_thresholds(confusion.even_thresholds(num_thresholds), even=num_thresholds > 1)

    @property
    def value(self) -> float:
        """What the constrained ratio must reach."""
        return getattr(self, self.argument)

    def result(self) -> Any:
        """The best value so far, 0 where no threshold will do."""
        feasible = self.ratio(*self.constrained) >= self.value
        return jnp.max(jnp.where(feasible, self.ratio(*self.wanted), 0), initial=0)

    def base_config(self) -> dict[str, Any]:
        """Name, dtype, class_id, num_thresholds and the value."""
        own = {"class_id": self.class_id, "num_thresholds": self.num_thresholds}
        return {**super().base_config(), **own, self.argument: self.value}


_PRECISION = ("true_positives", "false_positives")
_SENSITIVITY = ("true_positives", "false_negatives")
_SPECIFICITY = ("true_negatives", "false_positives")


class SensitivityAtSpecificity(_BestUnderConstraint):
    """The best sensitivity (recall) where the specificity is at least `specificity`.

    Args:
        specificity: what `TN / (TN + FP)` must reach.
        num_thresholds: how many thresholds are tried.
        class_id: only this class counts.

    >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    constrained, wanted, argument = _SPECIFICITY, _SENSITIVITY, "specificity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name, dtype, class_id=class_id)
        self._set(specificity, num_thresholds)


class SpecificityAtSensitivity(_BestUnderConstraint):
    """The best specificity where the sensitivity (recall) is at least `sensitivity`.

    Args:
        sensitivity: what `TP / (TP + FN)` must reach.
        num_thresholds: how many thresholds are tried.
        class_id: only this class counts.

    >>> float(SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.6667
    """

    constrained, wanted, argument = _SENSITIVITY, _SPECIFICITY, "sensitivity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name, dtype, class_id=class_id)
        self._set(sensitivity, num_thresholds)


class PrecisionAtRecall(_BestUnderConstraint):
    """The best precision where the recall is at least `recall`.

    Args:
        recall: what `TP / (TP + FN)` must reach.
        num_thresholds: how many thresholds are tried.
        class_id: only this class counts.

    >>> float(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    constrained, wanted, argument = _SENSITIVITY, _PRECISION, "recall"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name, dtype, class_id=class_id)
        self._set(recall, num_thresholds)


class RecallAtPrecision(_BestUnderConstraint):
    """The best recall where the precision is at least `precision`.

    Args:
        precision: what `TP / (TP + FP)` must reach.
        num_thresholds: how many thresholds are tried.
        class_id: only this class counts.

    >>> float(RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.5
    """

    constrained, wanted, argument = _PRECISION, _SENSITIVITY, "precision"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(name, dtype, class_id=class_id)
        self._set(precision, num_thresholds)
