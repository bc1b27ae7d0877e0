"""Stage 2: which figure counts, and why; intervals for it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kohort.workflow import scores
from kohort.workflow.amounts import amount
from kohort.workflow.honest import per_row
from kohort.workflow.problem import Problem

RARE = 0.20  # a class below this share makes accuracy and ROC curves flatter than they should

FEWEST = 5  # rows of a class, below which folds and bootstrap samples lack it too often


@dataclass(frozen=True)
class Measure:
    """A score with its direction. `others` are reported beside it, once, at the end."""

    name: str
    score: scores.Score
    higher: bool
    others: tuple[tuple[str, scores.Score], ...] = ()
    text: list[str] = field(default_factory=list)

    @property
    def sign(self) -> int:
        """+1 where more is better, -1 where less is; `sign * score` can be maximised."""
        return 1 if self.higher else -1

    def show(self, value: float) -> str:
        """A figure as people read it: three decimals for a share, four digits for an amount."""
        return f"{value:.3f}" if self.higher else amount(value)


def choose_measure(problem: Problem) -> Measure:
    """Takes the measure from the task and the balance of the classes."""
    if problem.task == "regression":
        return Measure(
            "MAE",
            per_row.mean_absolute_error,
            False,
            (("RMSE", per_row.root_mean_squared_error), ("R²", scores.r_squared)),
            ["MAE, the mean absolute error: in the target's own unit, and calm about outliers."],
        )
    if problem.task == "multi-label":
        return Measure(
            "mean average precision",
            scores.average_precision,
            True,
            (("ROC AUC", scores.roc_auc), ("accuracy", per_row.accuracy)),
            ["Average precision, the mean over the labels: right also where labels are rare."],
        )
    shares = np.array(problem.counts()) / len(problem.y)
    return _binary(shares, problem) if problem.task == "binary" else _multi_class(shares)


def _binary(shares: np.ndarray, problem: Problem) -> Measure:
    share = float(shares[1])
    if min(problem.counts()) < FEWEST:
        why = (
            f"Log loss: with {min(problem.counts())} rows of one class, no ranking of the classes "
            "can be estimated, since it needs some in each part."
        )
        beside = (("ROC AUC", scores.roc_auc), ("accuracy", per_row.accuracy))
        return Measure("log loss", per_row.log_loss, False, beside, [why])
    if share < RARE:
        name, score = "average precision", scores.average_precision
        other = ("ROC AUC", scores.roc_auc)
        why = (
            f"Average precision: only {share:.1%} of the rows are {problem.classes[1]!r}, so "
            f"{1 - share:.1%} accuracy costs nothing. Chance level is {share:.3f}."
        )
    else:
        name, score = "ROC AUC", scores.roc_auc
        other = ("average precision", scores.average_precision)
        why = "ROC AUC: how well the classes are told apart at any threshold. Chance level is 0.5."
        if share > 1 - RARE:
            why += f" (The rare class is {problem.classes[0]!r}: accuracy would flatter.)"
    others: tuple[tuple[str, scores.Score], ...] = (
        other,
        ("accuracy", per_row.accuracy),
        ("log loss", per_row.log_loss),
    )
    return Measure(name, score, True, others, [why])


def _multi_class(shares: np.ndarray) -> Measure:
    others: tuple[tuple[str, scores.Score], ...]
    common = (("log loss", per_row.log_loss),)
    if shares.max() > 0.4 and shares.min() < 0.1:
        why = (
            f"ROC AUC, the mean of each class against the rest: the classes are unequal "
            f"({shares.min():.1%} to {shares.max():.1%}), so accuracy would hide the rare ones. "
            "Chance level is 0.5."
        )
        others = (("accuracy", per_row.accuracy), *common)
        return Measure("mean ROC AUC", scores.roc_auc, True, others, [why])
    why = (
        f"Accuracy: no class outweighs all others (the largest has {shares.max():.1%} of the "
        "rows, which is what always naming it would give)."
    )
    others = (("mean ROC AUC", scores.roc_auc), *common)
    return Measure("accuracy", per_row.accuracy, True, others, [why])


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def interval_of(
    score: scores.Score, y: np.ndarray, prediction: np.ndarray, seed: int = 0
) -> Interval:
    """Wilson's interval for a share of right answers, the bootstrap's for any other score."""
    if score in (scores.accuracy, per_row.accuracy):
        return wilson(score(y, prediction), len(y))
    return bootstrap(score, y, prediction, seed)


def wilson(share: float, rows: int) -> Interval:
    """The score interval of a share (Wilson, 1927): right also where the share is 0 or 1.

    >>> wilson(1.0, 35)
    Interval(value=1.0, low=0.901, high=1.0)
    """
    z2 = 1.959964**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = np.sqrt(z2 * (share * (1 - share) / rows + z2 / (4 * rows**2))) / (1 + z2 / rows)
    return Interval(share, float(max(middle - half, 0.0)), float(min(middle + half, 1.0)))


def bootstrap(
    score: scores.Score, y: np.ndarray, prediction: np.ndarray, seed: int = 0, samples: int = 1000
) -> Interval:
    """The percentile bootstrap over rows (Efron and Tibshirani, 1993, chapter 13).

    >>> import numpy as np
    >>> y = np.array([0, 1] * 50)
    >>> bootstrap(per_row.accuracy, y, y.astype(float))
    Interval(value=1.0, low=1.0, high=1.0)
    """
    draws = [score(y[rows], prediction[rows]) for rows in _resamples(len(y), seed, samples)]
    return _interval(score(y, prediction), draws)


def bootstrap_difference(
    score: scores.Score,
    y: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    seed: int = 0,
    samples: int = 1000,
) -> Interval:
    """The interval of `score(first) - score(second)` on the same rows, drawn in pairs."""
    draws = [
        score(y[rows], first[rows]) - score(y[rows], second[rows])
        for rows in _resamples(len(y), seed, samples)
    ]
    return _interval(score(y, first) - score(y, second), draws)


def _resamples(rows: int, seed: int, samples: int):
    generator = np.random.default_rng(seed)
    return (generator.integers(0, rows, rows) for _ in range(samples))


def _interval(value: float, draws: list[float]) -> Interval:
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(value, float(low), float(high))
