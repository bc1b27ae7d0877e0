"""The last step: fit the choice to all development rows, open the test part once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from kohort.cohort import Candidate, Cohort, Member
from kohort.workflow import network, scores
from kohort.workflow.amounts import amount
from kohort.workflow.baselines import baseline_name, predict_baseline
from kohort.workflow.bench import Bench, shifted, target_shift
from kohort.workflow.blend import Blend
from kohort.workflow.calibrate import Calibration, f1
from kohort.workflow.calibration_layers import calibrated
from kohort.workflow.encode import CodeBook, Scaler, yes_no_columns
from kohort.workflow.measure import Interval, Measure, bootstrap_difference, interval_of
from kohort.workflow.network import Goal, Setting
from kohort.workflow.problem import Problem
from kohort.workflow.protocol import Protocol


@dataclass(frozen=True)
class FinalFit:
    """The network, or the ensemble, fitted to all development rows: `model` takes raw rows."""

    settings: list[Setting]
    weights: list[float]
    epochs: list[int]
    scaler: Scaler
    model: Any
    calibration: Calibration
    threshold: float
    train_score: float
    text: list[str] = field(default_factory=list)

    def predict(self, coded: np.ndarray) -> np.ndarray:
        """Calibrated probabilities or amounts of coded rows, `(rows,)` for one output."""
        rows = self.scaler.fill_gaps(coded).reshape(len(coded), *self.model.input_shape[1:])
        return predictions_of(self.model, rows)


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


def predictions_of(model: Any, rows: np.ndarray) -> np.ndarray:
    """What the model makes of raw rows, `(rows,)` for one output."""
    size = max(1, min(len(rows), 1024))
    out = np.asarray(model.predict(rows, batch_size=size, verbose=0), "float64")
    return out[:, 0] if out.shape[1] == 1 else out


def fit_chosen(
    chosen: Blend,
    calibration: Calibration,
    threshold: float,
    bench: Bench,
    coded: np.ndarray,
    book: CodeBook,
    problem: Problem,
    protocol: Protocol,
) -> FinalFit:
    """Trains on all development rows, each network for as many epochs as validation found best."""
    rows, goal = protocol.development, bench.goal
    scaler = Scaler.fit(coded[rows], yes_no_columns(book), book.pixels)
    shift = target_shift(problem.y[rows], goal)
    x, y = scaler.apply(coded[rows]), shifted(problem.y[rows], shift)
    epochs = [max(1, round(float(np.mean(r.best_epochs)))) for r in chosen.members]
    settings = [r.setting for r in chosen.members]
    bodies = _train(settings, epochs, x, y, bench)
    shape = bench.shape if len(bench.shape) > 1 else None
    finish = partial(calibrated, calibration=calibration)
    model = network.raw_model(bodies, chosen.weights, scaler, shift, shape, finish)
    final = FinalFit(
        settings, chosen.weights, epochs, scaler, model, calibration, threshold, 0.0,
        _describe_fit(settings, epochs, len(rows)) + _describe_line(threshold, problem),
    )  # fmt: skip
    known = bench.measure.score(problem.y[rows], final.predict(coded[rows]))
    return FinalFit(**(final.__dict__ | {"train_score": known}))


def _train(
    settings: list[Setting], epochs: list[int], x: np.ndarray, y: np.ndarray, bench: Bench
) -> list[Any]:
    """Trains all settings on all rows, together; returns models without idle layers."""
    size, goal = network.batch_size(len(x)), bench.goal
    sample = (x[:size], y[:size], None)
    members = [
        Member(
            Candidate(partial(network.build, s, bench.shape, goal), bench.seed, sample),
            np.arange(len(x)), None, size, count, network.callbacks(s, bench.epochs, None),
        )
        for s, count in zip(settings, epochs, strict=True)
    ]  # fmt: skip
    cohort = Cohort(members, (x, y, None)).fit()
    bodies = []
    for number, setting in enumerate(settings):
        body = network.build(setting, bench.shape, goal, lean=True)
        body.set_weights(cohort.extract(number).get_weights())
        bodies.append(body)
    return bodies


def _describe_fit(settings: list[Setting], epochs: list[int], rows: int) -> list[str]:
    if len(settings) > 1:
        return [
            f"{len(settings)} networks trained on all {rows} development rows, each for as many "
            "epochs as was best in validation, and joined in one model."
        ]
    return [
        f"Trained on all {rows} development rows: {settings[0]}, {epochs[0]} epochs (the mean of "
        "what was best in validation)."
    ]


def _describe_line(threshold: float, problem: Problem) -> list[str]:
    if threshold == 0.5:
        return []
    return [
        f"The model gives probabilities: a row counts as {problem.classes[1]!r} from "
        f"{threshold:.2f} on (`threshold` in config.json; `kohort predict` applies it)."
    ]


def open_test(
    final: FinalFit,
    coded: np.ndarray,
    problem: Problem,
    protocol: Protocol,
    measure: Measure,
    test: np.ndarray,
    seed: int,
    lag: int | None = None,
) -> TestResult:
    """Scores the model and both baselines on the sealed rows, with 95 % intervals.

    `lag` is the column that holds the value before, where the data are a series.
    """
    goal, rows = Goal.of(problem), protocol.development
    y, prediction = problem.y[test], final.predict(coded[test])
    x_test = final.scaler.apply(coded[test])
    train = (final.scaler.apply(coded[rows]), problem.y[rows])
    before = None if lag is None else coded[test, lag]
    figure = interval_of(measure.score, y, prediction, seed)
    baselines, beats = {}, {}
    for kind in ("trivial", "linear"):
        other = predict_baseline(kind, goal, train, x_test, before)
        name = baseline_name(kind, goal, before)
        baselines[name] = interval_of(measure.score, y, other, seed)
        difference = bootstrap_difference(measure.score, y, prediction, other, seed)
        beats[name] = _positive_is_better(difference, measure)
    others = [(name, score(y, prediction)) for name, score in measure.others]
    text = _describe(figure, others, measure, len(test))
    if final.threshold != 0.5:
        text.append(_at_threshold(y, prediction, final.threshold, problem.classes))
    return TestResult(figure, others, baselines, beats, y, prediction, text)


def _positive_is_better(difference: Interval, measure: Measure) -> Interval:
    if measure.higher:
        return difference
    return Interval(-difference.value, -difference.high, -difference.low)


def _at_threshold(y: np.ndarray, p: np.ndarray, threshold: float, classes: list[str]) -> str:
    decided, rare = scores.decide(y, p, threshold), int(np.mean(y) < 0.5)
    found = np.sum((decided == rare) & (y == rare))
    return (
        f"With the line at {threshold:.2f}: {found} of {np.sum(y == rare)} rows of "
        f"{classes[rare]!r} are found, and {found} of {np.sum(decided == rare)} rows so called are "
        f"so (F1 {f1(y, decided, rare):.3f})."
    )


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
