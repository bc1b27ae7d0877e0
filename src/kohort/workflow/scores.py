"""The measures as functions of `(y, prediction)`, written for thousands of bootstrap samples.

`prediction` holds probabilities, `(rows,)` for a binary problem and `(rows, classes)` or
`(rows, labels)` else, or the predicted amounts of a regression.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Score = Callable[[np.ndarray, np.ndarray], float]


def accuracy(y: np.ndarray, prediction: np.ndarray) -> float:
    """The share of right answers (of right yes/no decisions for several labels)."""
    return float(np.mean(decide(y, prediction) == y))


def decide(y: np.ndarray, prediction: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """The most probable class, or the labels with a probability above the threshold."""
    if prediction.ndim == 2 and y.ndim == 1:
        return prediction.argmax(axis=1)
    return (prediction > threshold).astype("int32")


def roc_auc(y: np.ndarray, prediction: np.ndarray) -> float:
    """The area under the ROC curve; the mean of one-against-rest for several classes.

    Mann and Whitney's form: AUC = (R₁ - n₁(n₁+1)/2) / (n₁ n₀), R₁ the positives' rank sum.
    Classes without both kinds of rows are left out; NaN when none is left.
    """
    return _macro(_binary_auc, y, prediction)


def _binary_auc(y: np.ndarray, prediction: np.ndarray) -> float:
    from scipy.stats import rankdata

    positive = y == 1
    ones = int(positive.sum())
    zeros = len(y) - ones
    if not ones or not zeros:
        return float("nan")
    rank_sum = rankdata(prediction)[positive].sum()
    return float((rank_sum - ones * (ones + 1) / 2) / (ones * zeros))


def average_precision(y: np.ndarray, prediction: np.ndarray) -> float:
    """Σ (Rᵢ - Rᵢ₋₁) Pᵢ over the distinct thresholds; the mean over labels where there are several.

    Its chance level is the share of positives, so it shows progress on a rare class.
    """
    return _macro(_binary_average_precision, y, prediction)


def _binary_average_precision(y: np.ndarray, prediction: np.ndarray) -> float:
    ones = int(np.sum(y == 1))
    if not ones:
        return float("nan")
    order = np.argsort(-prediction, kind="stable")
    ranked, hit = prediction[order], np.cumsum(y[order] == 1)
    last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])  # ties share a threshold
    precision = hit[last] / (last + 1)
    recall = hit[last] / ones
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def _macro(score: Score, y: np.ndarray, prediction: np.ndarray) -> float:
    if prediction.ndim == 1:
        return score(y, prediction)
    columns = range(prediction.shape[1])
    truth = y.T if y.ndim == 2 else [(y == i).astype("int32") for i in columns]
    parts = [score(truth[i], prediction[:, i]) for i in columns]
    known = [part for part in parts if not np.isnan(part)]
    return float(np.mean(known)) if known else float("nan")


def mean_absolute_error(y: np.ndarray, prediction: np.ndarray) -> float:
    """The mean distance between prediction and truth, in the target's unit."""
    return float(np.mean(np.abs(y - prediction)))


def root_mean_squared_error(y: np.ndarray, prediction: np.ndarray) -> float:
    """√ mean (y - ŷ)², in the target's unit; large misses weigh more."""
    return float(np.sqrt(np.mean((y - prediction) ** 2)))


def r_squared(y: np.ndarray, prediction: np.ndarray) -> float:
    """1 - Σ(y - ŷ)² / Σ(y - ȳ)²: 0 for the mean, 1 for perfection."""
    spread = np.sum((y - y.mean()) ** 2)
    return float(1 - np.sum((y - prediction) ** 2) / spread) if spread else float("nan")


def log_loss(y: np.ndarray, prediction: np.ndarray) -> float:
    """-mean log p(true class): small when probabilities are right and honest."""
    p = np.clip(prediction.astype("float64"), 1e-7, 1 - 1e-7)
    if p.ndim == 2 and y.ndim == 1:
        return float(-np.mean(np.log(p[np.arange(len(y)), y])))
    return float(-np.mean(np.where(y == 1, np.log(p), np.log(1 - p))))
