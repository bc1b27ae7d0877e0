"""The choice among candidates: the simplest that is as good as the best, as far as one can tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kohort.workflow.failure import WorkflowError
from kohort.workflow.scores import Score


def one_standard_error(
    scores: ArrayLike, errors: ArrayLike, complexity: ArrayLike, higher: bool = True
) -> int:
    """The simplest candidate whose score is within one standard error of the best candidate's.

    `scores`, `errors` (or one number, the best's) and `complexity` have shape `(candidates,)`; a
    candidate that failed scores NaN. Among equally simple ones the better score wins.

    Source: Breiman, Friedman, Olshen and Stone (1984), "Classification and Regression Trees",
    section 3.4.3.

    >>> one_standard_error([0.80, 0.89, 0.90], errors=0.02, complexity=[10, 100, 1000])
    1
    """
    signed = np.asarray(scores, float) * (1 if higher else -1)
    signed = np.where(np.isnan(signed), -np.inf, signed)
    sizes = np.broadcast_to(np.asarray(complexity, float), signed.shape)
    if not np.isfinite(signed).any():
        raise WorkflowError(
            "At least one candidate must have a finite score.",
            f"{signed.size} without",
            "look why they failed: a smaller learning rate, inputs without NaN",
        )
    best = int(np.argmax(signed))
    error = np.broadcast_to(np.asarray(errors, float), signed.shape)[best]
    near = np.flatnonzero(signed >= signed[best] - np.nan_to_num(error))
    return int(min(near, key=lambda i: (sizes[i], -signed[i])))


def jackknife_error(score: Score, y: np.ndarray, prediction: np.ndarray, parts: ArrayLike) -> float:
    """The standard error of a score of any kind, leaving out one part of the rows at a time.

        SE² = (g - 1)/g Σⱼ (θ₍ⱼ₎ - θ̄)²,  θ₍ⱼ₎ the score without part j of g

    For a mean over rows and parts of equal size this is the usual s/√g over the parts' scores.
    `parts`, shape `(rows,)`, is the fold of each row (or any division that keeps groups whole).

    Source: Tukey (1958); Efron and Tibshirani (1993), "An Introduction to the Bootstrap", ch. 11.

    >>> right = np.array([1, 1, 1, 1, 0, 1, 0, 1])
    >>> jackknife_error(lambda y, p: np.mean(y == p), np.ones(8), right, [0, 0, 1, 1, 2, 2, 3, 3])
    0.144
    """
    parts = np.asarray(parts)
    names = np.unique(parts)
    without = [score(y[parts != name], prediction[parts != name]) for name in names]
    known = np.array([value for value in without if np.isfinite(value)])
    if len(known) < 2:
        return float("nan")
    g = len(known)
    return float(np.sqrt((g - 1) / g * np.sum((known - known.mean()) ** 2)))
