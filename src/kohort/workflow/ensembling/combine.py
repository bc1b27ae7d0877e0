"""One prediction out of many."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kohort.workflow.failure import WorkflowError


def average(predictions: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """The mean of the members' predictions, Σᵢ wᵢ pᵢ / Σᵢ wᵢ.

    `predictions` has shape `(members, rows, …)`, `weights` shape `(members,)`; without weights all
    members count alike. A member of weight 0 is not looked at, so it may hold NaN.

    >>> average([[0.0, 1.0], [1.0, 1.0]]), average([[0.0, 1.0], [1.0, 1.0]], [3, 1])
    (array([0.5, 1. ]), array([0.25, 1. ]))
    """
    p = as_members(predictions)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, float)
    if w.shape != (len(p),) or not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise WorkflowError(
            f"weights must be {len(p)} numbers, none negative and not all zero.",
            np.array2string(w, threshold=8),
            "give one weight for each member",
        )
    used = np.flatnonzero(w)
    return np.tensordot(w[used] / w.sum(), p[used], axes=1)


def majority_vote(
    predictions: ArrayLike, weights: ArrayLike | None = None, threshold: float = 0.5
) -> np.ndarray:
    """The share of votes: each member votes for its most probable class.

    Of shape `(members, rows, classes)` the result is `(rows, classes)`, and its argmax the winner;
    of shape `(members, rows)`, probabilities of "yes", it is `(rows,)`, the share that says yes.

    >>> majority_vote([[0.9, 0.2], [0.6, 0.9], [0.4, 0.1]])
    array([0.667, 0.333])
    """
    p = as_members(predictions)
    if p.ndim == 2 or p.shape[-1] == 1:
        return average(p > threshold, weights)
    return average(np.eye(p.shape[-1])[p.argmax(axis=-1)], weights)


def as_members(predictions: ArrayLike) -> np.ndarray:
    """The stack of predictions as an array, or a message where it is none."""
    p = np.asarray(predictions)
    if p.ndim < 2 or not p.size:
        raise WorkflowError(
            "predictions must have shape (members, rows, …).",
            str(p.shape),
            "stack the members' predictions: np.stack([a, b, …])",
        )
    return p
