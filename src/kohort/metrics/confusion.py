"""Counts of true and false positives and negatives at thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import settings
from kohort.losses.arrays import array_dtype, match_ranks, to_array

NEG_INF = -1e10
COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def parse_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """A threshold, several or none as a list; ValueError for one outside of 0 to 1."""
    if thresholds is None:
        return [default]
    listed = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    invalid = [t for t in listed if t is None or t < 0 or t > 1]
    if invalid:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {invalid}")
    return listed


def even_thresholds(number: int) -> list[float]:
    """So many thresholds from 0 to 1 at even distances (0.5 alone for one)."""
    if number == 1:
        return [0.5]
    return [0.0, *(i / (number - 1) for i in range(1, number - 1)), 1.0]


def are_even(thresholds: Sequence[float]) -> bool:
    """Whether thresholds go from 0 to 1 at even distances."""
    if len(thresholds) < 3:
        return False
    even = np.arange(len(thresholds), dtype=np.float32) / (len(thresholds) - 1)
    return bool(np.allclose(thresholds, even, atol=settings.epsilon()))


def _keep_top_k(y_pred: jax.Array, k: int) -> jax.Array:
    """Scores with all but the `k` best set far below any threshold."""
    _, best = jax.lax.top_k(y_pred, k)
    kept = jnp.sum(jax.nn.one_hot(best, y_pred.shape[-1], dtype=y_pred.dtype), axis=-2)
    return y_pred * kept + NEG_INF * (1 - kept)


def _prepare(
    y_true: Any, y_pred: Any, sample_weight: Any, top_k: int | None, class_id: int | None
) -> tuple[jax.Array, jax.Array, Any]:
    """Scores, labels and weights as floats that broadcast together."""
    dtype = array_dtype(None)
    y_pred, y_true = match_ranks(to_array(y_pred).astype(dtype), to_array(y_true).astype(dtype))
    if sample_weight is not None:
        weight = jnp.expand_dims(to_array(sample_weight).astype(dtype), -1)
        _, sample_weight = match_ranks(y_true, weight, expand_rank_1=False)
    if top_k is not None:
        y_pred = _keep_top_k(y_pred, top_k)
    if class_id is not None:
        if y_pred.ndim == 1:
            raise ValueError(
                "When class_id is provided, y_pred must be a 2D array with shape (num_samples, "
                f"num_classes), found shape: {y_pred.shape}"
            )
        y_true, y_pred = y_true[..., class_id, None], y_pred[..., class_id, None]
    return y_true, y_pred, sample_weight


def _at_even_thresholds(
    labels: jax.Array, scores: jax.Array, weights: jax.Array, number: int, lowest: bool
) -> dict[str, jax.Array]:
    """The counts of flat arrays at even thresholds, in one pass over the data.

    Each score falls into the bucket between two thresholds; summed from the top, the buckets
    give what lies above each threshold. Work grows with rows + thresholds, not their product.
    `lowest`: the first threshold is below 0, so that a score of 0 is above it.
    """
    bucket = jnp.ceil(jnp.clip(scores, 0.0, 1.0) * (number - 1)).astype("int32")
    if lowest:
        bucket = jnp.maximum(bucket, 1)
    both = jnp.stack([labels * weights, (1.0 - labels) * weights], axis=-1)
    filled = jnp.zeros((number + 1, 2), both.dtype).at[bucket].add(both)
    above = jnp.cumsum(filled[:0:-1], axis=0)[::-1]
    total = jnp.sum(both, axis=0)
    below = total - above
    return dict(zip(COUNTS, (above[:, 0], above[:, 1], below[:, 1], below[:, 0]), strict=True))


def _at_thresholds(
    labels: jax.Array, scores: jax.Array, weights: jax.Array, thresholds: jax.Array
) -> dict[str, jax.Array]:
    """The counts of flat arrays at any thresholds, each compared with each score."""
    above = scores > thresholds[:, None]
    positive, negative = labels * weights, (1.0 - labels) * weights
    parts = ((positive, above), (negative, above), (negative, ~above), (positive, ~above))
    counts = (jnp.sum(jnp.where(chosen, weight, 0), axis=1) for weight, chosen in parts)
    return dict(zip(COUNTS, counts, strict=True))


def count(
    y_true: Any,
    y_pred: Any,
    thresholds: Sequence[float],
    *,
    sample_weight: Any = None,
    label_weights: Any = None,
    top_k: int | None = None,
    class_id: int | None = None,
    multi_label: bool = False,
    even: bool = False,
) -> dict[str, jax.Array]:
    """The weighted counts of a batch: name (of `COUNTS`) -> `(thresholds,)`.

    Args:
        y_true: labels 0 and 1, `(batch, ...)`.
        y_pred: scores; those above a threshold are positive.
        thresholds: the thresholds.
        sample_weight: weights that broadcast to the scores.
        label_weights: a weight for each entry of the last axis.
        top_k: count as positive the `k` best classes only.
        class_id: count this class only.
        multi_label: count each column alone; the results are `(thresholds, columns)`.
        even: whether the thresholds are even, which is faster (they may exceed 0 and 1 by epsilon).
    """
    labels, scores, weight = _prepare(y_true, y_pred, sample_weight, top_k, class_id)
    labels = (labels != 0).astype(scores.dtype)
    weights = jnp.ones((), scores.dtype) if weight is None else weight
    if label_weights is not None:
        weights = weights * to_array(label_weights, scores.dtype)
    flat = [labels, scores, jnp.broadcast_to(weights, scores.shape)]
    lowest = float(thresholds[0]) < 0

    def counts(labels: jax.Array, scores: jax.Array, weights: jax.Array) -> dict[str, jax.Array]:
        if even:
            return _at_even_thresholds(labels, scores, weights, len(thresholds), lowest)
        return _at_thresholds(labels, scores, weights, to_array(thresholds, scores.dtype))

    if multi_label:
        return jax.vmap(counts, in_axes=1, out_axes=1)(*flat)
    return counts(*(array.reshape(-1) for array in flat))
