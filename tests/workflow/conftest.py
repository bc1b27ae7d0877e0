"""Candidates without training: results with stated scores, curves and predictions."""

import numpy as np
import pytest

from kohort.workflow.candidates import Bench, Result
from kohort.workflow.measure import Measure
from kohort.workflow.network import Goal, Setting
from kohort.workflow.scores import accuracy, mean_absolute_error

ACCURACY = Measure("accuracy", accuracy, True)
MAE = Measure("MAE", mean_absolute_error, False)


@pytest.fixture
def accuracy_measure():
    return ACCURACY


@pytest.fixture
def mae_measure():
    return MAE


@pytest.fixture
def result():
    """Make a result; what is not stated is unremarkable."""

    def make(scores, hidden=(8,), error=0.1, stage="capacity", curves=None, predictions=()):
        curves = curves or [([1.0, 0.5, 0.2], [1.0, 0.6, 0.4])] * len(scores)
        best = [int(np.argmin(val)) + 1 for _, val in curves]
        setting = Setting(hidden)
        parameters = setting.parameters(4, 1)
        scores = list(scores)
        return Result(
            stage, setting, parameters, scores, scores, curves, best, list(predictions), error, 0.1
        )

    return make


@pytest.fixture
def bench():
    """Make a bench of folds with these validation targets (and no inputs to train on)."""

    def make(targets, measure=ACCURACY, rows=None):
        nothing = np.zeros((1, 4))
        folds = [(nothing, np.zeros(1), nothing, y) for y in targets]
        start = np.cumsum([0, *(len(y) for y in targets)])
        numbers = [np.arange(a, a + len(y)) for a, y in zip(start, targets, strict=False)]
        return Bench(folds, rows or numbers, Goal("binary", 1), measure, 5, 5, 0)

    return make
