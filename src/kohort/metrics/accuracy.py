"""The share of predictions that are right."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.core.symbolic import op
from kohort.losses.arguments import omit_defaults
from kohort.losses.arrays import aligned_pair, match_ranks, to_array
from kohort.metrics.reduction import MeanMetricWrapper


def accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """1 where labels and predictions are equal, else 0."""
    y_true, y_pred = aligned_pair(y_true, y_pred)
    return (y_true == y_pred).astype(settings.floatx())


def _is_best(labels: jax.Array, y_pred: Any) -> jax.Array:
    """1 where the best class of `y_pred` is the label; class numbers stay exact."""
    best = jnp.argmax(to_array(y_pred), axis=-1)
    return (labels == best.astype(jnp.promote_types(labels.dtype, "int32"))).astype(
        settings.floatx()
    )


@op
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> jax.Array:
    """1 where `y_pred > threshold` is the label, else 0.

    >>> binary_accuracy([[1], [1]], [[0.6], [0.3]]).tolist()
    [[1.0], [0.0]]
    """
    y_true, y_pred = match_ranks(to_array(y_true), to_array(y_pred))
    positive = (y_pred > threshold).astype(y_true.dtype)
    return (y_true == positive).astype(settings.floatx())


@op
def categorical_accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """1 where the best class is that of the one-hot label, else 0: `(batch, classes) -> (batch,)`.

    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.4, 0.6]]).tolist()
    [1.0, 0.0]
    """
    labels, y_pred = jnp.argmax(to_array(y_true), axis=-1), to_array(y_pred)
    if labels.ndim != y_pred.ndim:
        return _is_best(labels, y_pred)
    return _is_best(jnp.squeeze(labels, -1), y_pred).reshape(labels.shape)


@op
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """1 where the best class is the label (a class number), else 0.

    >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.4, 0.6]]).tolist()
    [1.0, 0.0]
    """
    labels, y_pred = to_array(y_true), to_array(y_pred)
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        return _is_best(jnp.squeeze(labels, -1), y_pred)
    matches = _is_best(labels, y_pred)
    return jnp.squeeze(matches, -1) if matches.ndim > 1 and matches.shape[-1] == 1 else matches


def _in_top_k(labels: jax.Array, y_pred: jax.Array, k: int) -> jax.Array:
    """1 where fewer than `k` classes score higher than the label, else 0."""
    labels = labels.astype("int32")
    if y_pred.ndim > 2:
        y_pred = y_pred.reshape(-1, y_pred.shape[-1])
    own = jnp.take_along_axis(y_pred, labels.reshape(-1, 1), axis=-1)
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    higher = jnp.sum(y_pred > own, axis=-1)
    return (higher < k).astype(settings.floatx()).reshape(labels.shape)


@op
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> jax.Array:
    """1 where the class of the one-hot label is among the `k` best, else 0.

    >>> top_k_categorical_accuracy([[0, 1, 0]], [[0.2, 0.3, 0.5]], k=2).tolist()
    [1.0]
    """
    return _in_top_k(jnp.argmax(to_array(y_true), axis=-1), to_array(y_pred), k)


@op
def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> jax.Array:
    """1 where the label (a class number) is among the `k` best classes, else 0.

    Args:
        y_true: class numbers, `(batch, ...)`.
        y_pred: scores, `(batch, ..., classes)`; class numbers, best first, with `from_sorted_ids`.
        k: how many classes may be named.
        from_sorted_ids: whether `y_pred` holds class numbers.

    >>> sparse_top_k_categorical_accuracy([1], [[0.2, 0.3, 0.5]], k=2).tolist()
    [1.0]
    """
    labels, y_pred = to_array(y_true), to_array(y_pred)
    if not from_sorted_ids:
        return _in_top_k(labels, y_pred, k)
    best = y_pred.reshape(-1, y_pred.shape[-1])[:, :k]
    matches = jnp.any(labels.reshape(-1, 1) == best, axis=1)
    return matches.astype(settings.floatx()).reshape(labels.shape)


class Accuracy(MeanMetricWrapper, fn=accuracy, direction="up"):
    """How often predictions equal labels.

    >>> float(Accuracy()([1, 2], [1, 3]))
    0.5
    """


class BinaryAccuracy(
    MeanMetricWrapper, fn=binary_accuracy, args="name dtype threshold", direction="up"
):
    """How often `y_pred > threshold` is the label 0 or 1.

    Args:
        threshold: what is above it counts as 1.

    >>> float(BinaryAccuracy()([[1], [1]], [[0.6], [0.3]]))
    0.5
    """

    threshold: float = 0.5


class CategoricalAccuracy(MeanMetricWrapper, fn=categorical_accuracy, direction="up"):
    """How often the best class is that of the one-hot label.

    >>> float(CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.4, 0.6]]))
    0.5
    """


class SparseCategoricalAccuracy(MeanMetricWrapper, fn=sparse_categorical_accuracy, direction="up"):
    """How often the best class is the label, a class number.

    >>> float(SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.4, 0.6]]))
    0.5
    """


class TopKCategoricalAccuracy(
    MeanMetricWrapper, fn=top_k_categorical_accuracy, args="k name dtype", direction="up"
):
    """How often the class of the one-hot label is among the `k` best.

    >>> float(TopKCategoricalAccuracy(k=2)([[0, 1, 0]], [[0.2, 0.3, 0.5]]))
    1.0
    """

    k: int = 5


class SparseTopKCategoricalAccuracy(
    MeanMetricWrapper,
    fn=sparse_top_k_categorical_accuracy,
    args="k name dtype from_sorted_ids",
    direction="up",
):
    """How often the label, a class number, is among the `k` best classes.

    Args:
        k: how many classes may be named.
        from_sorted_ids: whether predictions are class numbers, best first.

    >>> float(SparseTopKCategoricalAccuracy(k=2)([1], [[0.2, 0.3, 0.5]]))
    1.0
    """

    k: int = 5
    from_sorted_ids: bool = False

    def get_config(self) -> dict[str, Any]:
        """The configuration; `from_sorted_ids` only where it is set, as older files expect."""
        return omit_defaults(self, super().get_config(), "from_sorted_ids")
