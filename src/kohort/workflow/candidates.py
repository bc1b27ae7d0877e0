"""One candidate, judged on every fold: what the capacity and the tuning stage have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kohort.workflow import network
from kohort.workflow.encode import CodeBook, Scaler, yes_no_columns
from kohort.workflow.measure import Measure
from kohort.workflow.network import Goal, Setting
from kohort.workflow.problem import Problem
from kohort.workflow.protocol import Protocol

Progress = Callable[[str], None]
Parts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Bench:
    """The fixed surroundings of all candidates: scaled folds, targets, measure and length."""

    folds: list[Parts]  # x_train, y_train, x_validation, y_validation
    rows: list[np.ndarray]  # the row numbers of each validation part
    goal: Goal
    measure: Measure
    epochs: int
    patience: int
    seed: int


@dataclass(frozen=True)
class Result:
    """A candidate's curves and scores on every fold, and its out-of-fold predictions."""

    stage: str
    setting: Setting
    parameters: int
    scores: list[float]
    train_scores: list[float]
    curves: list[tuple[list[float], list[float]]]
    best_epochs: list[int]
    predictions: list[np.ndarray]
    standard_error: float
    seconds: float

    @property
    def score(self) -> float:
        return float(np.mean(self.scores))

    @property
    def train_score(self) -> float:
        return float(np.mean(self.train_scores))

    @property
    def failed(self) -> bool:
        """Whether some fold gave no finite score (the loss ran away, say)."""
        return not np.isfinite(self.score)


def make_bench(
    coded: np.ndarray,
    book: CodeBook,
    problem: Problem,
    protocol: Protocol,
    measure: Measure,
    epochs: int | None,
    seed: int,
    most_rows: int | None = None,
) -> Bench:
    """Scales each fold with its own training rows. `most_rows` limits what a fold trains on.

    `epochs=None` gives about 1200 steps, in 15 to 60 epochs.
    """
    yes_no = yes_no_columns(book)
    folds, validation_rows = [], []
    for train, judge in protocol.folds:
        train = train[:most_rows] if most_rows else train
        scaler = Scaler.fit(coded[train], yes_no, book.pixels)
        x_train, x_judge = scaler.apply(coded[train]), scaler.apply(coded[judge])
        folds.append((x_train, problem.y[train], x_judge, problem.y[judge]))
        validation_rows.append(judge)
    if epochs is None:
        steps = max(1, len(folds[0][0]) // network.batch_size(len(folds[0][0])))
        epochs = int(np.clip(1200 // steps, 15, 60))
    patience = max(5, epochs // 6)
    goal = Goal.of(problem)
    return Bench(folds, validation_rows, goal, measure, epochs, patience, seed)


def judge(stage: str, setting: Setting, bench: Bench) -> Result:
    """Trains `setting` once on every fold and scores it on that fold's validation rows."""
    start = time.perf_counter()
    scores, train_scores, curves, best, predictions = [], [], [], [], []
    for number, (x_train, y_train, x_judge, y_judge) in enumerate(bench.folds):
        fitted = network.fit(
            setting,
            bench.goal,
            (x_train, y_train),
            (x_judge, y_judge),
            bench.epochs,
            bench.patience,
            bench.seed + number,
        )
        # Both parts in one call: it has the same shape, so the same program, in every fold.
        both = fitted.predict(np.concatenate([x_train, x_judge]))
        known, prediction = both[: len(x_train)], both[len(x_train) :]
        predictions.append(prediction)
        scores.append(_score(bench.measure, y_judge, prediction))
        train_scores.append(_score(bench.measure, y_train, known))
        curves.append((fitted.loss, fitted.val_loss))
        best.append(fitted.best_epoch)
    inputs = bench.folds[0][0].shape[1]
    return Result(
        stage,
        setting,
        setting.parameters(inputs, bench.goal.outputs),
        scores,
        train_scores,
        curves,
        best,
        predictions,
        standard_error(scores, bench, predictions),
        time.perf_counter() - start,
    )


def _score(measure: Measure, y: np.ndarray, prediction: np.ndarray) -> float:
    return measure.score(y, prediction) if np.isfinite(prediction).all() else float("nan")


def standard_error(
    scores: list[float], bench: Bench, predictions: list[np.ndarray], samples: int = 100
) -> float:
    """Of the mean over folds: s / √folds; by bootstrap over rows where there is one fold."""
    if len(scores) > 1:
        return float(np.std(scores, ddof=1) / np.sqrt(len(scores)))
    y, prediction = bench.folds[0][3], predictions[0]
    generator = np.random.default_rng(0)
    draws = []
    for _ in range(samples):
        rows = generator.integers(0, len(y), len(y))
        draws.append(_score(bench.measure, y[rows], prediction[rows]))
    return float(np.std(draws))


def best_of(results: list[Result], measure: Measure) -> Result:
    """The best mean score; candidates whose training failed come last."""
    return max(results, key=lambda r: -np.inf if r.failed else measure.sign * r.score)


def simplest_within_one_error(results: list[Result], measure: Measure) -> Result:
    """The one-standard-error rule (Breiman et al., 1984): the smallest network that is not
    worse than the best one by more than the best one's standard error; ties go to the score.
    """
    best = best_of(results, measure)
    floor = measure.sign * best.score - best.standard_error
    near = [r for r in results if not r.failed and measure.sign * r.score >= floor]
    return min(near or [best], key=lambda r: (r.parameters, -measure.sign * r.score))
