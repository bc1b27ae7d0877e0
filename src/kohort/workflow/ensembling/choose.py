"""Which weight each member gets, by which score, and what the ensemble is then worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kohort.workflow import scores
from kohort.workflow.ensembling.combine import average, majority_vote
from kohort.workflow.ensembling.greedy import greedy
from kohort.workflow.ensembling.simplex import simplex
from kohort.workflow.ensembling.target import Target
from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest.named import NAMED
from kohort.workflow.measure import bootstrap

METHODS = ("greedy", "mean", "simplex", "vote")
_PARTS = 10
_CONVEX = {"log_loss": "log_loss", "mse": "mse", "rmse": "mse"}


@dataclass(frozen=True)
class Judge:
    """A score by name, and whether more of it is better."""

    name: str
    score: scores.Score
    higher: bool

    @classmethod
    def of(cls, score: Any, higher: bool | None, task: str) -> Judge:
        """From a name or a function `score(y, prediction)`; by the task where there is none."""
        if isinstance(score, Judge):
            return score
        if score is None:
            score = "rmse" if task == "regression" else "log_loss"
        if isinstance(score, str) and score in NAMED:
            function, up = NAMED[score]
            return cls(score, function, up if higher is None else higher)
        if not callable(score) or higher is None:
            raise WorkflowError(
                f"score must be one of {', '.join(NAMED)}, or a function of (y, prediction) with "
                "higher=True or False.",
                f"score={score!r}, higher={higher}",
                "say whether more is better",
            )
        return cls(getattr(score, "__name__", "score"), score, higher)


@dataclass(frozen=True)
class Worth:
    """What the ensemble scores.

    `naive` is the score on the rows that chose the weights, which flatters. `value` is corrected:
    the rows are dealt into parts, and each part is predicted with weights that the others chose;
    `low` to `high` is the 95 % interval of a bootstrap over rows. Where nothing is chosen (equal
    weights), both are the same.
    """

    name: str
    naive: float
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        text = f"{self.name} {self.value:.4g} (95 % interval {self.low:.4g} to {self.high:.4g})"
        if self.naive == self.value:
            return text
        return f"{text}; on the rows that chose the weights {self.naive:.4g}"


class Chooser:
    """A method with its options: from predictions to weights, and from weights to an answer.

    Args:
        method: one of `METHODS`.
        judge: the score to choose by.
        seed: of bags and parts.
        options: passed to `greedy`.
    """

    def __init__(self, method: str, judge: Judge, seed: int = 0, **options: Any):
        if method not in METHODS:
            raise WorkflowError(
                f"method must be one of {', '.join(METHODS)}.", repr(method), "choose one"
            )
        if options and method != "greedy":
            raise WorkflowError(
                'Further options belong to method="greedy".',
                f"{sorted(options)} with method={method!r}",
                "leave them away",
            )
        self.method, self.judge, self.seed, self.options = method, judge, seed, options

    def weights(self, p: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Weights of sum 1, shape `(members,)`; 0 for members that predict NaN."""
        if self.method == "greedy":
            judge = self.judge
            options = {"seed": self.seed, **self.options}
            return greedy(p, y, judge.score, higher=judge.higher, **options).weights
        if self.method == "simplex":
            return simplex(p, y, self._loss())
        fine = np.isfinite(p.reshape(len(p), -1)).all(axis=1)
        if not fine.any():
            raise WorkflowError(
                "At least one member must have finite predictions.", "none", "leave out the others"
            )
        return fine / fine.sum()

    def _loss(self) -> Any:
        sign, score = (-1 if self.judge.higher else 1), self.judge.score
        return _CONVEX.get(self.judge.name, lambda y, prediction: sign * score(y, prediction))

    def worth(
        self, p: np.ndarray, y: np.ndarray, weights: np.ndarray, parts: np.ndarray | None = None
    ) -> Worth:
        """The score of weights that were chosen on these rows, and the corrected one.

        Args:
            parts: the part of each row, its fold say; dealt at random unless told.
        """
        score = self.judge.score
        answer = combined(self.method, p, weights)
        naive = float(score(y, answer))
        if self.method in ("greedy", "simplex"):
            parts = _dealt(len(y), self.seed) if parts is None else parts
            for part in np.unique(parts):
                there = parts == part
                own = self.weights(p[:, ~there], y[~there])
                answer[there] = combined(self.method, p[:, there], own)
        found = bootstrap(score, y, answer, self.seed, samples=500)
        return Worth(self.judge.name, naive, float(found.value), found.low, found.high)


def combined(method: str, p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The members' predictions as one: their average, or the share of their votes."""
    if method == "vote":
        used = weights > 0
        return majority_vote(p[used], weights[used])
    return average(p, weights)


def check_method(method: str, target: Target) -> None:
    """Refuse a vote about amounts."""
    if method == "vote" and target.task == "regression":
        raise WorkflowError(
            "Members vote for classes.", "amounts (a regression)", 'take method="mean"'
        )


def _dealt(rows: int, seed: int) -> np.ndarray:
    if rows < 4:
        raise WorkflowError(
            "Weights need at least four rows to be chosen on.", f"{rows} rows", "give more rows"
        )
    return np.random.default_rng(seed).permutation(np.arange(rows) % min(_PARTS, rows // 2))
