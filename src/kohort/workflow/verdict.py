"""The verdict in plain words: better than what, by how much, how sure, and what to try next."""

from __future__ import annotations

from dataclasses import dataclass, field

from kohort.workflow.final import FinalFit, TestResult
from kohort.workflow.measure import Interval, Measure
from kohort.workflow.tune import Tuning


@dataclass(frozen=True)
class Verdict:
    """`headline` is one sentence; `grade` is `"good"`, `"level"` or `"poor"`."""

    headline: str
    grade: str
    text: list[str] = field(default_factory=list)


def judge_run(
    tuning: Tuning, final: FinalFit, test: TestResult, measure: Measure, openings: int
) -> Verdict:
    """Compares with both baselines on the test part and looks for overfitting and luck."""
    (trivial, over_trivial), (linear, over_linear) = test.beats.items()
    text = [_against(trivial, over_trivial, measure), _against(linear, over_linear, measure)]
    if over_trivial.low <= 0:
        grade = "poor"
        headline = "The network does not demonstrably beat the trivial guess."
        text.append(
            "Treat the model as useless until proven otherwise: look for inputs that tell more, "
            "or for more rows."
        )
    elif over_linear.low > 0:
        grade = "good"
        figure = f"{measure.name} {measure.show(test.figure.value)} on rows it never saw."
        headline = f"The network beats the linear model, and clearly so: {figure}"
        if not any(s.hidden for s in final.settings):
            headline = f"Linear as well, but stopped in time, the network beats {linear}: {figure}"
    elif over_linear.high < 0:
        grade = "poor"
        headline = "The linear model is better than the network: use the linear model."
    elif not any(s.hidden for s in final.settings):
        grade = "level"
        headline = "A linear model is enough: no larger network was clearly better in validation."
        text.append("The model file holds such a network; it has no hidden layer.")
    else:
        grade = "level"
        headline = "The network is no better than a linear model, as far as this test can tell."
        text.append("A linear model is simpler to run and to explain: prefer it here.")
    text.append(_overfitting(final, test, measure))
    text.append(_optimism(tuning, test, measure))
    if openings:
        text.append(
            f"The test part of this data was opened {openings} "
            f"time{'s' if openings > 1 else ''} before, so choices made since then may have "
            "been shaped by it. Only fresh rows give an untouched figure."
        )
    return Verdict(headline, grade, text)


def _against(name: str, difference: Interval, measure: Measure) -> str:
    show = measure.show
    if show(abs(difference.value)) == show(0.0):
        return f"Against {name}: no difference that shows."
    word = "better" if difference.value >= 0 else "worse"
    sure = "" if difference.low > 0 or difference.high < 0 else ", so the sign is not certain"
    return (
        f"Against {name}: {show(abs(difference.value))} {word} "
        f"(95 % interval {show(difference.low)} to {show(difference.high)}{sure})."
    )


def _overfitting(final: FinalFit, test: TestResult, measure: Measure) -> str:
    train, figure = measure.show(final.train_score), measure.show(test.figure.value)
    inside = test.figure.low <= final.train_score <= test.figure.high
    if inside or measure.sign * (final.train_score - test.figure.value) <= 0:
        return (
            f"No overfitting to speak of: {train} on the training rows, {figure} on the test, "
            "which is within the test's uncertainty."
        )
    return (
        f"The training rows are still known better, {train}, than the test rows, {figure}. "
        "More rows would narrow this gap more than a larger network."
    )


def _optimism(tuning: Tuning, test: TestResult, measure: Measure) -> str:
    show = measure.show
    figure, corrected, claimed = test.figure, tuning.corrected, tuning.chosen.score
    start = f"Validation had promised {show(claimed)} (corrected {show(corrected.value)})"
    if figure.low <= corrected.high and corrected.low <= figure.high:
        return f"{start}: the test agrees, as far as both are certain."
    if measure.sign * (corrected.value - figure.value) > 0:
        return f"{start}: it was too hopeful; believe the test figure."
    return f"{start}: the test part was kinder than that."
