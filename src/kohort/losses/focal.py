"""Focal losses: crossentropies that give less weight to what is classified well.

Source: Lin et al., https://arxiv.org/abs/1708.02002.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.component import hyper, is_zero
from kohort.core.symbolic import op
from kohort.losses import entropy
from kohort.losses.arrays import like, pair
from kohort.losses.crossentropy import check_class_axis
from kohort.losses.loss import LossFunctionWrapper


@op
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: Any = 0.25,
    gamma: Any = 2.0,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`mean((1 - p)**gamma * crossentropy)` over `axis`; `p` is the probability of the label.

    Args:
        y_true: labels 0 or 1, `(batch, ..., d)`.
        y_pred: probabilities, or logits with `from_logits`; same shape.
        apply_class_balancing: weight class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: the weight of class 1.
        gamma: how much less well-classified entries count; 0 is plain crossentropy.
        from_logits: whether the sigmoid is still to be applied.
        label_smoothing: moves labels towards 0.5 by this share.
        axis: the axis that is averaged.

    >>> binary_focal_crossentropy([[1.0]], [[0.5]]).tolist()
    [0.1733]
    """
    y_true, y_pred = pair(y_true, y_pred)
    if not is_zero(label_smoothing):
        y_true = entropy.smooth(y_true, like(label_smoothing, y_pred), 2)
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    loss = entropy.binary(y_true, p)
    if not is_zero(gamma):
        p_label = y_true * p + (1 - y_true) * (1 - p)
        loss = jnp.power(1.0 - p_label, like(gamma, p)) * loss
    if apply_class_balancing:
        alpha = like(alpha, p)
        loss = (y_true * alpha + (1 - y_true) * (1 - alpha)) * loss
    return jnp.mean(loss, axis=axis)


@op
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: Any = 2.0,
    from_logits: bool = False,
    label_smoothing: Any = 0.0,
    axis: int = -1,
) -> jax.Array:
    """`-sum(alpha (1 - p)**gamma * y_true log(p))` over the classes, for one-hot labels.

    Args:
        y_true: one-hot labels, `(batch, ..., classes)`.
        y_pred: probabilities, or logits with `from_logits`; same shape.
        alpha: a weight, or one for each class.
        gamma: how much less well-classified entries count.
        from_logits: whether the softmax is still to be applied.
        label_smoothing: the share of the labels' mass that goes evenly to all classes.
        axis: the axis of the classes.

    >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).tolist()
    [0.0433]
    """
    y_true, y_pred = pair(y_true, y_pred)
    check_class_axis("categorical_focal_crossentropy", y_pred, axis)
    if not is_zero(label_smoothing):
        y_true = entropy.smooth(y_true, like(label_smoothing, y_pred), y_true.shape[-1])
    p = jax.nn.softmax(y_pred, axis=axis) if from_logits else y_pred
    p = entropy.clip_probability(p / jnp.sum(p, axis=axis, keepdims=True))
    loss = -y_true * jnp.log(p)
    if not is_zero(gamma):
        loss = jnp.power(1.0 - p, like(gamma, p)) * loss
    return jnp.sum(like(alpha, p) * loss, axis=axis)


class BinaryFocalCrossentropy(
    LossFunctionWrapper,
    fn=binary_focal_crossentropy,
    args="apply_class_balancing alpha gamma from_logits label_smoothing axis reduction name dtype",
):
    """Crossentropy of labels 0 and 1 times `(1 - p)**gamma`.

    Args:
        apply_class_balancing: weight class 1 by `alpha` and class 0 by `1 - alpha`.
        alpha: the weight of class 1 (a leaf).
        gamma: how much less well-classified entries count (a leaf).
        from_logits: whether predictions are logits.
        label_smoothing: moves labels towards 0.5 by this share (a leaf).
        axis: the axis that is averaged.

    >>> float(BinaryFocalCrossentropy()([[1.0]], [[0.5]]))
    0.1733
    """

    apply_class_balancing: bool = False
    alpha: float = hyper(default=0.25, low=0, neutral=None)
    gamma: float = hyper(default=2.0, low=0)
    from_logits: bool = False
    label_smoothing: float = hyper(default=0.0, low=0, high=1)
    axis: int = -1


class CategoricalFocalCrossentropy(
    LossFunctionWrapper,
    fn=categorical_focal_crossentropy,
    args="alpha gamma from_logits label_smoothing axis reduction name dtype",
):
    """Crossentropy of one-hot labels times `alpha (1 - p)**gamma`.

    Args:
        alpha: a weight (a leaf), or one for each class.
        gamma: how much less well-classified entries count (a leaf).
        from_logits: whether predictions are logits.
        label_smoothing: the share of the mass that goes evenly to all classes (a leaf).
        axis: the axis of the classes.

    >>> float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]]))
    0.0433
    """

    alpha: Any = hyper(default=0.25, low=0, neutral=None)
    gamma: float = hyper(default=2.0, low=0)
    from_logits: bool = False
    label_smoothing: float = hyper(default=0.0, low=0, high=1)
    axis: int = -1
