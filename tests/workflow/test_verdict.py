"""The verdict says what the intervals allow, and no more."""

import numpy as np
import pytest

from kohort.workflow.calibrate import Calibration
from kohort.workflow.final import FinalFit, TestResult
from kohort.workflow.honest import Estimate
from kohort.workflow.measure import Interval
from kohort.workflow.network import Setting
from kohort.workflow.tune import Tuning
from kohort.workflow.verdict import judge_run

TestResult.__test__ = False  # a result, not a test class


@pytest.fixture
def verdict(result, accuracy_measure):
    def make(over_trivial, over_linear, train=0.8, openings=0, promised=0.8, hidden=(8,)):
        chosen = result([promised])
        figure = Interval(0.8, 0.75, 0.85)
        corrected = Estimate(promised, promised - 0.03, promised + 0.03, promised, 0)
        tuning = Tuning([chosen], chosen, chosen, corrected)
        one = [Setting(hidden)], [1.0], [5]
        final = FinalFit(*one, None, None, Calibration(), 0.5, train)
        beats = {"the guess": Interval(*over_trivial), "the line": Interval(*over_linear)}
        nothing = np.zeros(1)
        test = TestResult(figure, [], {}, beats, nothing, nothing)
        return judge_run(tuning, final, test, accuracy_measure, openings)

    return make


CLEAR, UNSURE, WORSE = (0.1, 0.05, 0.15), (0.01, -0.02, 0.04), (-0.1, -0.15, -0.05)


@pytest.mark.parametrize(
    ("over_trivial", "over_linear", "grade", "words"),
    [
        (CLEAR, CLEAR, "good", "beats the linear model"),
        (CLEAR, UNSURE, "level", "no better than a linear model"),
        (CLEAR, WORSE, "poor", "linear model is better"),
        (UNSURE, UNSURE, "poor", "not demonstrably beat the trivial guess"),
    ],
)
def test_grade(verdict, over_trivial, over_linear, grade, words):
    found = verdict(over_trivial, over_linear)
    assert found.grade == grade
    assert words in found.headline


def test_uncertain_sign_is_said(verdict):
    assert "the sign is not certain" in verdict(CLEAR, UNSURE).text[1]
    assert "the sign is not certain" not in verdict(CLEAR, WORSE).text[1]


def test_network_without_hidden_layer_is_a_linear_model(verdict):
    found = verdict(CLEAR, UNSURE, hidden=())
    assert (found.grade, found.headline[:24]) == ("level", "A linear model is enough")
    found = verdict(CLEAR, CLEAR, hidden=())
    assert (found.grade, found.headline[:14]) == ("good", "Linear as well")


def test_no_difference_has_no_sign(verdict):
    assert verdict(CLEAR, (0.0, 0.0, 0.0)).text[1] == "Against the line: no difference that shows."


def test_overfitting(verdict):
    assert any("still known better" in line for line in verdict(CLEAR, CLEAR, 0.99).text)
    assert any("No overfitting to speak of" in line for line in verdict(CLEAR, CLEAR, 0.8).text)


def test_optimism(verdict):
    assert any("too hopeful" in line for line in verdict(CLEAR, CLEAR, promised=0.95).text)
    for promised in (0.8, 0.87):  # two uncertain figures agree where their intervals meet
        lines = verdict(CLEAR, CLEAR, promised=promised).text
        assert any("the test agrees" in line for line in lines)
    assert any("kinder" in line for line in verdict(CLEAR, CLEAR, promised=0.6).text)


def test_earlier_openings(verdict):
    assert "opened 2 times before" in verdict(CLEAR, CLEAR, openings=2).text[-1]
    assert not any("before" in line for line in verdict(CLEAR, CLEAR).text)
