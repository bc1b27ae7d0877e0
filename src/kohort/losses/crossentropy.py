"""Losses between labels and class probabilities (or logits)."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.component import hyper, is_zero
from kohort.core.masks import set_mask
from kohort.core.symbolic import op
from kohort.losses import entropy
from kohort.losses.arrays import like, pair, to_array
from kohort.losses.loss import LossFunctionWrapper


def check_class_axis(name: str, y_pred: jax.Array, axis: Any) -> None:
    """Refuse a boolean axis; warn when there is one class only."""
    if isinstance(axis, bool):
        raise ValueError(
            f"`axis` must be of type `int`. Received: axis={axis} of type {type(axis)}"
        )
    if y_pred.shape[-1:] == (1,):
        warnings.warn(
            f"In loss {name}, expected y_pred.shape to be (batch_size, num_classes) with "
            f"num_classes > 1. Received: y_pred.shape={y_pred.shape}. Consider using "
            "'binary_crossentropy' if you only have 2 classes.",
            SyntaxWarning,
            stacklevel=4,
        )


@op
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`mean(-y_true log(y_pred) - (1 - y_true) log(1 - y_pred))` over `axis`.

    Args:
        y_true: labels 0 or 1 (or between), `(batch, ..., d)`.
        y_pred: probabilities, or logits with `from_logits`; same shape.
        from_logits: whether the sigmoid is still to be applied.
        label_smoothing: moves labels towards 0.5 by this share.
        axis: the axis that is averaged.

    >>> binary_crossentropy([[1.0, 0.0]], [[0.5, 0.5]]).tolist()
    [0.6931]
    """
    y_true, y_pred = pair(y_true, y_pred)
    if not is_zero(label_smoothing):
        y_true = entropy.smooth(y_true, like(label_smoothing, y_pred), 2)
    return jnp.mean(entropy.binary(y_true, y_pred, from_logits), axis=axis)


@op
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`-sum(y_true log(y_pred))` over the classes, for one-hot labels.

    Args:
        y_true: one-hot labels, `(batch, ..., classes)`.
        y_pred: probabilities, or logits with `from_logits`; same shape.
        from_logits: whether the softmax is still to be applied.
        label_smoothing: the share of the labels' mass that goes evenly to all classes.
        axis: the axis of the classes.

    >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).tolist()
    [0.6931]
    """
    y_true, y_pred = pair(y_true, y_pred)
    check_class_axis("categorical_crossentropy", y_pred, axis)
    if not is_zero(label_smoothing):
        y_true = entropy.smooth(y_true, like(label_smoothing, y_pred), y_true.shape[-1])
    return entropy.categorical(y_true, y_pred, from_logits, axis)


@op
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> jax.Array:
    """`-log(y_pred[y_true])`, for labels that are class numbers.

    Args:
        y_true: class numbers, `(batch, ...)` or `(batch, ..., 1)`.
        y_pred: probabilities, or logits with `from_logits`: `(batch, ..., classes)`.
        from_logits: whether the softmax is still to be applied.
        ignore_class: labels of this class have loss 0 and are masked.
        axis: the axis of the classes.

    >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).tolist()
    [0.6931]
    """
    y_true, y_pred = to_array(y_true), to_array(y_pred)
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        y_true = jnp.squeeze(y_true, axis)
    labels = y_true.astype("int32")
    if ignore_class is None:
        return entropy.sparse(labels, y_pred, from_logits, axis)
    valid = y_true != ignore_class
    labels = jnp.where(valid, labels, 0)
    y_pred = jnp.where(jnp.expand_dims(valid, axis), y_pred, 0)
    loss = jnp.where(valid, entropy.sparse(labels, y_pred, from_logits, axis), 0.0)
    set_mask(loss, valid)
    return loss


@op
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: Any) -> jax.Array:
    """`(1 - p**q) / q` for the probability `p` of the class: robust to wrong labels.

    Labels are class numbers. Source: Zhang and Sabuncu, https://arxiv.org/abs/1805.07836.

    >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], 0.5).tolist()
    [1.0]
    """
    y_pred = to_array(y_pred)
    one_hot = jax.nn.one_hot(to_array(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    q = like(q, y_pred)
    return (1 - jnp.power(jnp.sum(y_pred * one_hot, axis=-1), q)) / q


class BinaryCrossentropy(
    LossFunctionWrapper,
    fn=binary_crossentropy,
    args="from_logits label_smoothing axis reduction name dtype",
):
    """Crossentropy of labels 0 and 1.

    Args:
        from_logits: whether predictions are logits.
        label_smoothing: moves labels towards 0.5 by this share (a leaf).
        axis: the axis that is averaged.

    >>> float(BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]]))
    0.6931
    """

    from_logits: bool = False
    label_smoothing: float = hyper(default=0.0, low=0, high=1)
    axis: int = -1


class CategoricalCrossentropy(
    LossFunctionWrapper,
    fn=categorical_crossentropy,
    args="from_logits label_smoothing axis reduction name dtype",
):
    """Crossentropy of one-hot labels.

    Args:
        from_logits: whether predictions are logits.
        label_smoothing: the share of the mass that goes evenly to all classes (a leaf).
        axis: the axis of the classes.

    >>> float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]))
    0.6931
    """

    from_logits: bool = False
    label_smoothing: float = hyper(default=0.0, low=0, high=1)
    axis: int = -1


class SparseCategoricalCrossentropy(
    LossFunctionWrapper,
    fn=sparse_categorical_crossentropy,
    args="from_logits ignore_class reduction axis name dtype",
):
    """Crossentropy of labels that are class numbers.

    Args:
        from_logits: whether predictions are logits.
        ignore_class: labels of this class do not count.
        axis: the axis of the classes.

    >>> float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]))
    0.6931
    """

    from_logits: bool = False
    ignore_class: int | None = None
    axis: int = -1


def _check_q(name: str, value: Any) -> None:
    if isinstance(value, (int, float)) and not 0 < value < 1:
        raise ValueError(f"q must be in the interval (0, 1). Received: {name}={value}")


class CategoricalGeneralizedCrossEntropy(
    LossFunctionWrapper,
    fn=categorical_generalized_cross_entropy,
    args="q reduction name dtype",
):
    """`(1 - p**q) / q`: between crossentropy (q to 0) and absolute error (q = 1).

    Args:
        q: how robust to wrong labels, between 0 and 1 (a leaf).

    >>> float(CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
    1.0
    """

    q: float = hyper(default=0.5, low=0, high=1, neutral=None, check=_check_q)
