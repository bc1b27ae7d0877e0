"""Intersection over union, for segmentation: `TP / (TP + FP + FN)` of each class."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.losses.arrays import array_dtype, to_array
from kohort.metrics.metric import Metric


class IoU(Metric):
    """Intersection over union of some classes, averaged.

    Args:
        num_classes: how many classes there are.
        target_class_ids: which of them count.
        ignore_class: labels of this class do not count.
        sparse_y_true: whether labels are class numbers (else one-hot).
        sparse_y_pred: whether predictions are class numbers (else scores of the classes).
        axis: the axis of the classes, where they are not numbers.

    >>> float(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]))
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(name=name, dtype=dtype or "int32")
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"Target class id {max(target_class_ids)} is out of range, which is "
                f"[0, {num_classes})."
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable(
            (num_classes, num_classes), dtype=self.dtype, name="total_confusion_matrix"
        )

    def _class_numbers(self, y: Any, sparse: bool) -> jax.Array:
        y = to_array(y) if sparse else jnp.argmax(to_array(y), axis=self.axis)
        return y.astype("int32").reshape(-1)

    def _weights(self, sample_weight: Any, size: int) -> jax.Array:
        dtype = array_dtype(self.dtype)
        if sample_weight is None:
            return jnp.ones(size, dtype)
        given = str(getattr(sample_weight, "dtype", ""))
        if "float" in given and "int" in self.dtype:
            warnings.warn(
                "You are passing weight as `float`, but dtype is `int`. This may result in an "
                "incorrect weight due to type casting Consider using integer weights.",
                stacklevel=4,
            )
        weights = to_array(sample_weight).astype(dtype)
        return jnp.broadcast_to(weights.reshape(-1) if weights.ndim > 1 else weights, (size,))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and predictions; class numbers out of range do not count."""
        y_true = self._class_numbers(y_true, self.sparse_y_true)
        y_pred = self._class_numbers(y_pred, self.sparse_y_pred)
        weights = self._weights(sample_weight, y_true.size)
        valid = (y_true >= 0) & (y_true < self.num_classes)
        valid &= (y_pred >= 0) & (y_pred < self.num_classes)
        if self.ignore_class is not None:
            valid &= y_true != self.ignore_class
        rows, columns = jnp.where(valid, y_true, 0), jnp.where(valid, y_pred, 0)
        self.total_cm.assign(
            self.total_cm.value.at[rows, columns].add(jnp.where(valid, weights, 0))
        )

    def result(self) -> Any:
        """The mean over the target classes that occur."""
        matrix = self.total_cm.value
        both = jnp.diag(matrix)
        union = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - both
        targets = jnp.asarray(self.target_class_ids)
        both, union = both[targets].astype("float32"), union[targets].astype("float32")
        occurs = union > 1e-9
        scores = jnp.where(occurs, both / (union + settings.epsilon()), 0.0)
        return jnp.sum(scores) / (jnp.sum(occurs) + settings.epsilon())

    def _config(self, *names: str) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype, **{n: getattr(self, n) for n in names}}

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return self._config(
            "num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred",
            "axis",
        )  # fmt: skip


class BinaryIoU(IoU):
    """Intersection over union for labels 0 and 1.

    Args:
        target_class_ids: which of the classes 0 and 1 count.
        threshold: scores from here on count as 1.

    >>> float(BinaryIoU()([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]))
    0.5833
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ):
        super().__init__(2, target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of labels and scores."""
        super().update_state(y_true, to_array(y_pred, "float32") >= self.threshold, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return self._config("target_class_ids", "threshold")


class MeanIoU(IoU):
    """Intersection over union, averaged over all classes.

    Args:
        num_classes: how many classes there are.
        ignore_class: labels of this class do not count.
        sparse_y_true: whether labels are class numbers (else one-hot).
        sparse_y_pred: whether predictions are class numbers (else scores of the classes).
        axis: the axis of the classes, where they are not numbers.

    >>> float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]))
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ):
        super().__init__(
            num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true,
            sparse_y_pred, axis,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return self._config("num_classes", "ignore_class", "sparse_y_true", "sparse_y_pred", "axis")


class OneHotIoU(IoU):
    """Intersection over union for one-hot labels.

    Args:
        num_classes: how many classes there are.
        target_class_ids: which of them count.
        ignore_class: labels of this class do not count.
        sparse_y_pred: whether predictions are class numbers (else scores of the classes).
        axis: the axis of the classes.

    >>> metric = OneHotIoU(num_classes=2, target_class_ids=[0])
    >>> float(metric([[1, 0], [0, 1]], [[0.9, 0.1], [0.6, 0.4]]))
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return self._config(
            "num_classes", "target_class_ids", "ignore_class", "sparse_y_pred", "axis"
        )


class OneHotMeanIoU(MeanIoU):
    """Intersection over union for one-hot labels, averaged over all classes.

    Args:
        num_classes: how many classes there are.
        ignore_class: labels of this class do not count.
        sparse_y_pred: whether predictions are class numbers (else scores of the classes).
        axis: the axis of the classes.

    >>> float(OneHotMeanIoU(num_classes=2)([[1, 0], [0, 1]], [[0.9, 0.1], [0.6, 0.4]]))
    0.25
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ):
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return self._config("num_classes", "ignore_class", "sparse_y_pred", "axis")
