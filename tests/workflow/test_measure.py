"""Stage 2's intervals and figures."""

import numpy as np
import pytest
from scipy import stats

from kohort.workflow import scores
from kohort.workflow.amounts import amount
from kohort.workflow.measure import bootstrap, choose_measure, interval_of, wilson
from kohort.workflow.problem import Problem


@pytest.mark.parametrize(("right", "rows"), [(35, 35), (0, 20), (871, 1000)])
def test_wilson_is_scipys(right, rows):
    ours = wilson(right / rows, rows)
    theirs = stats.binomtest(right, rows).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_a_perfect_accuracy_is_not_certain():
    y = np.array([0, 1] * 10)
    assert interval_of(scores.accuracy, y, y.astype(float)).low < 0.9


def test_the_measure_of_a_rare_class():
    names = []
    for rare in (3, 8, 45):
        y = (np.arange(100) < rare).astype("int32")
        names.append(choose_measure(Problem("binary", "y", y, ["no", "yes"])).name)
    assert names == ["log loss", "average precision", "ROC AUC"]


def test_other_scores_take_the_bootstrap():
    generator = np.random.default_rng(0)
    y, prediction = generator.normal(size=(2, 50))
    for score in (scores.mean_absolute_error, scores.r_squared):
        assert interval_of(score, y, prediction, 3) == bootstrap(score, y, prediction, 3)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (999.94, "999.9"), (-45_120.7, "-45,121"), (1e15, "1e+15"), (np.nan, "nan")],
)
def test_amounts(value, text):
    assert amount(value) == text
