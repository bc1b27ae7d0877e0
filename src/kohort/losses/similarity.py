"""Circle loss, for learning embeddings."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.component import hyper
from kohort.core.masks import set_mask
from kohort.core.symbolic import op
from kohort.losses.arrays import like, to_array
from kohort.losses.loss import LossFunctionWrapper


def _same_class(labels: jax.Array, others: jax.Array, remove_diagonal: bool) -> tuple[Any, Any]:
    """Which pairs are of one class (but not the sample itself), and which of two."""
    same = labels.reshape(-1, 1) == others.reshape(1, -1)
    if not remove_diagonal:
        return same, ~same
    return same & ~jnp.eye(same.shape[0], same.shape[1], dtype=bool), ~same


@op
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: Any = 80,
    margin: Any = 0.4,
) -> jax.Array:
    """Pulls embeddings of one class together and pushes those of others away.

    `softplus(logsumexp(-gamma w (margin - d)) + logsumexp(gamma w' (1 - margin - d')))`, where
    `d` are the cosine distances to samples of the same class and `d'` to the others, and the
    weights are `w = margin + d` and `w' = 1 + margin - d'`. Source: Sun et al.,
    https://arxiv.org/abs/2002.10857.

    Args:
        y_true: class numbers, `(batch,)`.
        y_pred: embeddings of length 1, `(batch, d)`.
        ref_labels: the class numbers of what is compared with; the batch's own unless told.
        ref_embeddings: the embeddings that are compared with.
        remove_diagonal: whether a sample is not compared with itself.
        gamma: scale.
        margin: how far apart the classes are to be.

    >>> circle([0, 0], [[1.0, 0.0], [1.0, 0.0]]).tolist()
    [0.0, 0.0]
    """
    y_pred, labels = to_array(y_pred), to_array(y_true, "int32")
    others = y_pred if ref_embeddings is None else to_array(ref_embeddings)
    other_labels = labels if ref_labels is None else to_array(ref_labels, "int32")
    gamma, margin = like(gamma, y_pred), like(margin, y_pred)
    distance = jnp.maximum(1 - y_pred @ others.T, 0.0)
    positive, negative = _same_class(labels, other_labels, remove_diagonal)
    pull = -gamma * jnp.maximum(margin + distance, 0.0) * (margin - distance)
    push = gamma * jnp.maximum(1 + margin - distance, 0.0) * (1 - margin - distance)
    loss = jax.nn.softplus(
        jax.nn.logsumexp(jnp.where(positive, pull, -jnp.inf), axis=1)
        + jax.nn.logsumexp(jnp.where(negative, push, -jnp.inf), axis=1)
    )
    set_mask(loss, loss > 0)
    return loss


class Circle(
    LossFunctionWrapper, fn=circle, args="gamma margin remove_diagonal reduction name dtype"
):
    """Pulls embeddings of one class together and pushes those of others away.

    Args:
        gamma: scale (a leaf).
        margin: how far apart the classes are to be (a leaf).
        remove_diagonal: whether a sample is not compared with itself.

    >>> float(Circle()([0, 0], [[1.0, 0.0], [1.0, 0.0]]))
    0.0
    """

    gamma: float = hyper(default=80.0, low=0, neutral=None)
    margin: float = hyper(default=0.4, low=0, neutral=None)
    remove_diagonal: bool = True
