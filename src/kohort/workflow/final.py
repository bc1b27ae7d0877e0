"""The last step: fit the chosen network to all development rows, open the test part once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kohort.workflow import network
from kohort.workflow.amounts import amount
from kohort.workflow.baselines import baseline_name, predict_baseline
from kohort.workflow.candidates import Result
from kohort.workflow.encode import CodeBook, Scaler, yes_no_columns
from kohort.workflow.measure import Interval, Measure, bootstrap_difference, interval_of
from kohort.workflow.network import Goal, Setting
from kohort.workflow.problem import Problem
from kohort.workflow.protocol import Protocol


@dataclass(frozen=True)
class FinalFit:
    """The network fitted to all development rows, and the model file's form of it."""

    setting: Setting
    epochs: int
    fitted: network.Fit
    scaler: Scaler
    model: Any
    train_score: float
    text: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TestResult:
    """What the one look at the test part gave. `beats` are differences, better is positive."""

    figure: Interval
    others: list[tuple[str, float]]
    baselines: dict[str, Interval]
    beats: dict[str, Interval]
    y: np.ndarray
    prediction: np.ndarray
    text: list[str] = field(default_factory=list)


def fit_chosen(
    chosen: Result,
    coded: np.ndarray,
    book: CodeBook,
    problem: Problem,
    protocol: Protocol,
    measure: Measure,
    row_shape: tuple[int, ...] | None,
    seed: int,
) -> FinalFit:
    """Trains on all development rows for as many epochs as validation found best."""
    rows = protocol.development
    goal = Goal.of(problem)
    scaler = Scaler.fit(coded[rows], yes_no_columns(book), book.pixels)
    x, y = scaler.apply(coded[rows]), problem.y[rows]
    epochs = max(1, round(float(np.mean(chosen.best_epochs))))
    fitted = network.fit(chosen.setting, goal, (x, y), None, epochs, epochs, seed)
    plain = row_shape if len(book.features) == np.prod(row_shape or (0,)) else None
    model = network.raw_model(fitted, chosen.setting, goal, scaler, plain)
    train_score = measure.score(y, fitted.predict(x))
    text = [
        f"Trained on all {len(rows)} development rows: {chosen.setting}, {epochs} epochs "
        "(the mean of what was best in validation)."
    ]
    return FinalFit(chosen.setting, epochs, fitted, scaler, model, train_score, text)


def open_test(
    final: FinalFit,
    coded: np.ndarray,
    problem: Problem,
    protocol: Protocol,
    measure: Measure,
    seed: int,
) -> TestResult:
    """Scores the network and both baselines on the sealed rows, with 95 % intervals."""
    goal = Goal.of(problem)
    rows, test = protocol.development, protocol.test
    x_test, y_test = final.scaler.apply(coded[test]), problem.y[test]
    train = (final.scaler.apply(coded[rows]), problem.y[rows])
    prediction = final.fitted.predict(x_test)
    figure = interval_of(measure.score, y_test, prediction, seed)
    baselines, beats = {}, {}
    for kind in ("trivial", "linear"):
        other = predict_baseline(kind, goal, train, x_test)
        name = baseline_name(kind, goal)
        baselines[name] = interval_of(measure.score, y_test, other, seed)
        difference = bootstrap_difference(measure.score, y_test, prediction, other, seed)
        beats[name] = _positive_is_better(difference, measure)
    others = [(name, score(y_test, prediction)) for name, score in measure.others]
    text = _describe(figure, others, measure, len(test))
    return TestResult(figure, others, baselines, beats, y_test, prediction, text)


def _positive_is_better(difference: Interval, measure: Measure) -> Interval:
    if measure.higher:
        return difference
    return Interval(-difference.value, -difference.high, -difference.low)


def _describe(
    figure: Interval, others: list[tuple[str, float]], measure: Measure, rows: int
) -> list[str]:
    show = measure.show
    beside = ", ".join(f"{name} {amount(value)}" for name, value in others)
    return [
        f"{measure.name} on the {rows} sealed rows: {show(figure.value)} "
        f"(95 % interval {show(figure.low)} to {show(figure.high)}).",
        f"Beside it: {beside}.",
    ]
