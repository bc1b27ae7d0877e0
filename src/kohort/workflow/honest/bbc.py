"""BBC-CV: the score of the act of choosing, from out-of-fold predictions, with no further fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest.bootstrap import resamples, units_of
from kohort.workflow.honest.choice import jackknife_error, one_standard_error
from kohort.workflow.honest.per_row import PerRow
from kohort.workflow.scores import Score

PARTS = 20  # of the rows, for the jackknife where no folds are given
Which = slice | list[int]
Marks = Callable[[Which, np.ndarray], np.ndarray]  # (candidates, rows) -> their scores
Rule = Callable[[np.ndarray, np.ndarray], int]  # (rows, their scores by candidate) -> choice


@dataclass(frozen=True)
class Estimate:
    """The corrected estimate beside the naive one.

    `value`, `low` and `high` tell what to expect of the chosen candidate; `chosen` is its number;
    `naive` its own score, which its luck has flattered; `failed` numbers of candidates left out.
    """

    value: float
    low: float
    high: float
    naive: float
    chosen: int
    failed: tuple[int, ...] = ()
    level: float = 0.95

    @property
    def optimism(self) -> float:
        """How much better the winner looks than it is (negative for a loss)."""
        return self.naive - self.value

    def __str__(self) -> str:
        return (
            f"{self.value:.4g} ({self.level:.0%} interval {self.low:.4g} to {self.high:.4g}); "
            f"the winner's own score is {self.naive:.4g}"
        )


def bbc_cv(
    y: np.ndarray,
    predictions: ArrayLike | Sequence[np.ndarray],
    score: Score,
    *,
    higher: bool = True,
    choose: str = "best",
    complexity: ArrayLike | None = None,
    folds: np.ndarray | None = None,
    repeats: int = 1,
    groups: np.ndarray | None = None,
    block: int | None = None,
    samples: int = 500,
    level: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Bootstrap bias-corrected cross-validation: the expected score of what the choice picks.

    For each bootstrap sample b of the rows: choose c_b on the rows drawn, score it on the rows left
    out. The estimate is the mean of these scores, the interval their quantiles.

    `predictions` holds the out-of-fold predictions of every candidate, shape
    `(candidates, rows, …)`, or `(candidates, repeats, rows, …)` when `repeats` > 1 (scores are then
    means over the repeats, for the choice and for the estimate). Rows that no fold validated are
    NaN for all candidates and stay out; a candidate with NaN elsewhere failed and is never chosen.

    `choose` is the rule that you follow: `"best"`, or `"one_standard_error"` with `complexity`,
    shape `(candidates,)`; its standard error comes from leaving out one of the `folds`, the fold
    number of each row, shape `(rows,)`, at a time. `groups` or `block` draw whole groups, or whole
    stretches of a series.

    A `PerRow` score is by far the quickest. What stays of the optimism: models that predict the
    rows drawn have trained on rows left out, so the halves are not independent. On labels of pure
    noise and 40 small models about a quarter of it remained; `nested` has no such link.

    Source: Tsamardinos, Greasidou and Borboudakis (2018), "Bootstrapping the out-of-sample
    predictions for efficient and accurate cross-validation", Machine Learning 107, algorithm 5.

    >>> generator = np.random.default_rng(0)
    >>> y, guesses = generator.integers(0, 2, 100), generator.integers(0, 2, (50, 100))
    >>> estimate = bbc_cv(y, guesses, lambda y, p: np.mean(y == p))
    >>> round(estimate.naive, 2), round(estimate.value, 2)
    (0.62, 0.50)
    """
    y = np.asarray(y)
    kept, rows, failed = _usable(y, predictions, repeats)
    numbers = [number for number in range(len(kept) + len(failed)) if number not in failed]
    y, sign = y[rows], 1 if higher else -1
    groups = None if groups is None else np.asarray(groups)[rows]
    parts = _parts(len(y), folds if folds is None else np.asarray(folds)[rows], groups, block, seed)
    rule = _rule(choose, y, kept, score, complexity, numbers, parts, sign)

    marks = _marks(score, y, kept)

    def chosen(at: np.ndarray) -> int | None:
        signed = sign * marks(slice(None), at)
        if not np.isfinite(signed).any():
            return None  # no row of a rare class was drawn, say: nothing tells the candidates apart
        return rule(at, np.where(np.isnan(signed), -np.inf, signed))

    choices = (
        (chosen(drawn), left) for drawn, left in resamples(len(y), samples, seed, groups, block)
    )
    draws = [marks([choice], left)[0] for choice, left in choices if choice is not None]
    known = np.array([draw for draw in draws if np.isfinite(draw)])
    if len(known) < samples / 2:
        raise WorkflowError(
            "The score must be defined on most bootstrap samples.",
            f"no finite value on {samples - len(known)} of {samples}",
            "take a score that needs fewer rows of each class, such as log loss",
        )
    everything = np.arange(len(y))
    winner = chosen(everything)
    if winner is None:
        raise WorkflowError(
            "At least one candidate must have a finite score.",
            f"{len(kept)} without",
            "take a score that is defined for these labels",
        )
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    naive = float(marks([winner], everything)[0])
    return Estimate(
        float(known.mean()), float(low), float(high), naive, numbers[winner], failed, level
    )


def _usable(
    y: np.ndarray, predictions: ArrayLike | Sequence[np.ndarray], repeats: int
) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Predictions `(candidates, repeats, rows, …)` less failed candidates and unjudged rows."""
    p = np.asarray(predictions)
    p = p if repeats > 1 else p[:, None]
    if p.ndim < 3 or p.shape[1:3] != (repeats, len(y)):
        wanted = "(candidates, repeats, rows, …)" if repeats > 1 else "(candidates, rows, …)"
        raise WorkflowError(
            f"predictions must have shape {wanted} with {len(y)} rows and {repeats} repeats.",
            str(np.shape(predictions)),
            "give one out-of-fold prediction for each row of y, NaN where there is none",
        )
    known = np.isfinite(p.reshape(*p.shape[:3], -1)).all(axis=-1)
    rows = np.flatnonzero(known.all(axis=1).any(axis=0))
    fine = known[:, :, rows].all(axis=(1, 2)) & (len(rows) > 0)
    if not fine.any():
        raise WorkflowError(
            "At least one candidate must have finite out-of-fold predictions.",
            f"{len(p)} candidates, none finite on all judged rows",
            "look why they failed: a smaller learning rate, inputs without NaN",
        )
    failed = tuple(int(number) for number in np.flatnonzero(~fine))
    return p[fine][:, :, rows], rows, failed


def _marks(score: Score, y: np.ndarray, kept: np.ndarray) -> Marks:
    """A function of (candidates, rows) that returns their scores, means over the repeats."""
    if not isinstance(score, PerRow):
        return lambda which, at: np.array(
            [np.mean([score(y[at], repeat[at]) for repeat in one]) for one in kept[which]]
        )
    values = np.array([[score.values(y, repeat) for repeat in one] for one in kept], "float64")

    def marks(which: Which, at: np.ndarray) -> np.ndarray:
        counts = np.bincount(at, minlength=len(y)).astype("float64")
        means = values[which].reshape(-1, len(y)) @ counts / len(at)  # one product, by BLAS
        finished = np.array([score.finish(mean) for mean in means])
        return finished.reshape(-1, values.shape[1]).mean(axis=1)

    return marks


def _parts(
    rows: int,
    folds: np.ndarray | None,
    groups: np.ndarray | None,
    block: int | None,
    seed: int,
) -> np.ndarray:
    """The part that each row belongs to for the jackknife: its fold, or one of 20 drawn ones."""
    if folds is not None and len(np.unique(folds)) > 1:
        return folds
    unit = units_of(rows, groups, block)
    number = int(unit.max()) + 1
    return np.random.default_rng(seed).permutation(np.arange(number) % min(PARTS, number))[unit]


def _rule(
    choose: str,
    y: np.ndarray,
    kept: np.ndarray,
    score: Score,
    complexity: ArrayLike | None,
    numbers: list[int],
    parts: np.ndarray,
    sign: int,
) -> Rule:
    if choose == "best":
        return lambda rows, marks: int(np.argmax(marks))
    if choose != "one_standard_error":
        raise WorkflowError(
            'choose must be "best" or "one_standard_error".', repr(choose), "give one of the two"
        )
    if complexity is None:
        raise WorkflowError(
            'The rule "one_standard_error" needs complexity=.',
            "None",
            "give the number of parameters of each candidate",
        )
    sizes = np.asarray(complexity, float)[numbers]

    def simplest(rows: np.ndarray, marks: np.ndarray) -> int:
        best = kept[int(np.argmax(marks))]
        errors = [jackknife_error(score, y[rows], p[rows], parts[rows]) for p in best]
        return one_standard_error(marks, float(np.mean(errors)), sizes)

    return simplest
