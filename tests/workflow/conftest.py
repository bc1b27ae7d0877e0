"""Candidates without training: results with stated scores, curves and predictions."""

import numpy as np
import pytest

from kohort.workflow import candidates
from kohort.workflow.bench import Bench
from kohort.workflow.budget import Budget
from kohort.workflow.candidates import Judge, Result
from kohort.workflow.honest import Fold
from kohort.workflow.measure import Measure
from kohort.workflow.network import Goal, Setting
from kohort.workflow.scores import accuracy, mean_absolute_error

ACCURACY = Measure("accuracy", accuracy, True)
MAE = Measure("MAE", mean_absolute_error, False)


def _parameters(setting):
    """Weights and biases of dense layers between 4 inputs and 1 output."""
    widths = [4, *setting.hidden, 1]
    return sum((a + 1) * b for a, b in zip(widths, widths[1:], strict=False))


@pytest.fixture
def accuracy_measure():
    return ACCURACY


@pytest.fixture
def mae_measure():
    return MAE


@pytest.fixture
def result():
    """Make a result; what is not stated is unremarkable."""

    def make(
        scores, hidden=(8,), error=0.1, stage="capacity", curves=None, prediction=(0.0,), **setting
    ):
        scores = list(scores)
        curves = curves or [([1.0, 0.5, 0.2], [1.0, 0.6, 0.4])] * len(scores)
        best = [int(np.argmin(val)) + 1 for _, val in curves]
        made = Setting(hidden, **setting)
        return Result(
            stage, made, _parameters(made), float(np.mean(scores)), error, scores, scores,
            curves, best, np.array(prediction)[None], 0.1,
        )  # fmt: skip

    return make


@pytest.fixture
def bench():
    """Make a bench of folds with these validation targets (and no inputs to train on)."""

    def make(targets, measure=ACCURACY, repeats=1):
        ends = np.cumsum([0, *(len(y) for y in targets)])
        everything = np.arange(ends[-1])
        places = [
            Fold(np.setdiff1d(everything, np.arange(a, b)), np.arange(a, b))
            for a, b in zip(ends, ends[1:], strict=False)
        ]
        truth = np.concatenate(targets)
        nothing = np.zeros((1, 4))
        shifts = [(0.0, 1.0)] * len(places)
        goal = Goal("binary", 1)
        return Bench(
            nothing,
            nothing,
            places,
            places,
            shifts,
            truth,
            repeats,
            goal,
            measure,
            5,
            5,
            0,
            (4,),
        )

    return make


@pytest.fixture
def timed():
    """A budget by a clock that stands still, where a training cost so much: (budget, [now])."""

    def make(seconds, each):
        now = [0.0]
        budget = Budget(seconds, lambda: now[0])
        budget.trained(1, 1, each)
        return budget, now

    return make


@pytest.fixture
def stated(monkeypatch, bench):
    """A judge that asks `answer(setting)` for results instead of training."""

    def make(answer, surroundings=None, **options):
        def train(stage, settings, *rest):
            return [answer(setting) for setting in settings]

        monkeypatch.setattr(candidates, "train", train)
        return Judge(surroundings or bench([[0, 1]] * 2), **options)

    return make
