"""Stage 5: what costs nothing (the trivial guess), what costs little (a linear model), and the
network that one would write down without thinking.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kohort.workflow.candidates import Judge, Result
from kohort.workflow.measure import Measure
from kohort.workflow.network import Goal, Setting

DEFAULT = Setting((32,), 1e-3)  # one hidden layer, and Keras's own learning rate


@dataclass(frozen=True)
class Baseline:
    """A model to beat, with its score on each fold."""

    name: str
    scores: list[float]

    @property
    def score(self) -> float:
        return float(np.mean(self.scores))


@dataclass(frozen=True)
class Baselines:
    trivial: Baseline
    linear: Baseline
    default: Result
    text: list[str] = field(default_factory=list)


def run_baselines(judge: Judge) -> Baselines:
    """Scores them on the same folds, with the same scaling, as the networks get."""
    bench, made = judge.bench, []
    for kind in ("trivial", "linear"):
        scores = []
        for number in range(len(bench.folds)):
            x_train, y_train, x_judge, y_judge = bench.arrays(number)
            before = None if bench.before is None else bench.before[bench.folds[number].validation]
            prediction = predict_baseline(kind, bench.goal, (x_train, y_train), x_judge, before)
            scores.append(bench.measure.score(y_judge, prediction))
        made.append(Baseline(baseline_name(kind, bench.goal, bench.before), scores))
    trivial, linear = made
    default = judge("baseline", [DEFAULT], "the default network")[0]
    return Baselines(trivial, linear, default, _describe(trivial, linear, default, bench.measure))


def baseline_name(kind: str, goal: Goal, before: np.ndarray | None = None) -> str:
    """What the baseline is, in words."""
    if kind == "trivial" and before is not None:
        return "the value before"
    if kind == "linear":
        return "ridge regression" if goal.task == "regression" else "logistic regression"
    return "the median for all" if goal.task == "regression" else "the class shares for all"


def predict_baseline(
    kind: str, goal: Goal, train: tuple[np.ndarray, np.ndarray], x: np.ndarray,
    before: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """Fits a baseline to the training rows and predicts `x`, as the networks' `predict` does.

    `before` are the values before those to predict, where the data are a series: the trivial guess
    is that nothing changes.
    """
    x_train, y_train = train
    if kind == "trivial" and before is not None:
        return before
    if kind == "trivial":
        if goal.task == "regression":
            return np.full(len(x), np.median(y_train))
        if goal.task == "multi-class":
            shares = np.bincount(y_train, minlength=goal.outputs) / len(y_train)
            return np.tile(shares, (len(x), 1))
        shares = np.mean(y_train, axis=0)
        return np.full(len(x), shares) if y_train.ndim == 1 else np.tile(shares, (len(x), 1))
    if goal.task == "multi-label":
        return np.stack([_probability(x_train, y, x) for y in y_train.T], axis=1)
    if goal.task == "binary":
        return _probability(x_train, y_train, x)
    if goal.task == "regression":
        from sklearn.linear_model import Ridge

        return Ridge(alpha=1.0).fit(x_train, y_train).predict(x)
    model = _logistic(x_train, y_train)
    out = np.zeros((len(x), goal.outputs))
    out[:, model.classes_] = model.predict_proba(x)  # a class may be absent from a fold
    return out


def _probability(x_train: np.ndarray, y_train: np.ndarray, x: np.ndarray) -> np.ndarray:
    if len(np.unique(y_train)) < 2:
        return np.full(len(x), float(y_train[0]))
    return _logistic(x_train, y_train).predict_proba(x)[:, 1]


def _logistic(x_train: np.ndarray, y_train: np.ndarray) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():  # a hundred steps are enough for a baseline
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(max_iter=100).fit(x_train, y_train)


def _describe(trivial: Baseline, linear: Baseline, default: Result, measure: Measure) -> list[str]:
    text = [
        f"Trivial ({trivial.name}): {measure.name} {measure.show(trivial.score)}.",
        f"Linear ({linear.name}): {measure.name} {measure.show(linear.score)}.",
        f"The default network (32 units): {measure.name} {measure.show(default.score)} ± "
        f"{measure.show(default.standard_error)}.",
    ]
    if measure.sign * linear.score <= measure.sign * trivial.score:
        text.append("The linear model does not beat the trivial guess: the inputs say little.")
    else:
        text.append("A network is worth its cost only if it beats the linear model.")
    return text
