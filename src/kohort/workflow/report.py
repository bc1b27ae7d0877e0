"""`report.html`: one offline file that tells the run's story stage by stage."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

from kohort.workflow import pictures

if TYPE_CHECKING:
    from kohort.workflow.improve import Findings


def render(findings: Findings) -> str:
    """The report as HTML, whole or as far as the run came."""
    from jinja2 import Environment

    template = resources.files("kohort.workflow").joinpath("templates/report.html")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    source = template.read_text(encoding="utf-8")
    return environment.from_string(source).render(**contents(findings))


def contents(findings: Findings) -> dict[str, Any]:
    """What the template shows: verdict, figures and a list of stages."""
    return {
        "f": findings,
        "stages": _stages(findings),
        "figures": _figures(findings),
        "parts": _parts(findings),
        "state": findings.state,
    }


def _stages(findings: Findings) -> list[dict[str, Any]]:
    """The stages that were reached, each with title, sentences, pictures and perhaps a table."""
    f: Findings = findings
    stages: list[dict[str, Any]] = []
    bars = _class_bars(f.problem) if f.problem.task != "regression" else []
    stages.append({"title": "The problem", "text": f.problem_text, "bars": bars})
    if f.measure:
        stages.append({"title": "The measure", "text": f.measure.text})
    if f.protocol:
        stages.append({"title": "The protocol", "text": f.protocol.text, "parts": True})
    if f.book:
        stages.append({"title": "Encoding", "text": f.encoding_text})
    if f.baselines:
        stages.append({"title": "Baselines", "text": f.baselines.text})
    if f.capacity and f.baselines and f.measure:
        shown = [
            (
                pictures.capacity_picture(f.capacity, f.baselines.linear.score, f.measure),
                "Score against size. Where training goes on rising and validation does not, "
                "further size is only memory.",
            ),
            (
                pictures.curves_picture(f.capacity),
                "Loss against epoch for each size; the dotted line is the best epoch."
                + (" Thin lines are folds." if f.protocol and len(f.protocol.folds) > 1 else ""),
            ),
        ]
        text = [line for line in f.capacity.text if "   " not in line]
        title = "Growing the network until it overfits"
        stages.append({"title": title, "text": text, "pictures": shown, "ladder": True})
    if f.tuning and f.measure:
        shown = [
            (
                pictures.tuning_picture(f.tuning, f.measure),
                "Each trial's validation score with one standard error; the best in orange.",
            )
        ]
        stages.append(
            {
                "title": "Regularising and tuning",
                "text": f.tuning.text,
                "pictures": shown,
                "trials": True,
            }
        )
    if f.test and f.final and f.measure:
        stages.append(_test_stage(f))
    return stages


def _test_stage(f: Findings) -> dict[str, Any]:
    assert f.test and f.final and f.measure
    shown = [(pictures.comparison_picture(f.test, f.measure), "Bars are 95 % intervals.")]
    outcome = pictures.outcome_picture(f.test, f.problem)
    if outcome:
        regression = f.problem.task == "regression"
        caption = "On the line, prediction and truth agree." if regression else "Rows of the test."
        shown.append((outcome, caption))
    text = f.final.text + f.test.text
    return {"title": "The test part, opened once", "text": text, "pictures": shown}


def _class_bars(problem: Any) -> list[tuple[str, int, float]]:
    counts = problem.counts()
    top = max(counts)
    order = sorted(range(len(counts)), key=lambda i: -counts[i])[:20]
    return [(problem.classes[i], counts[i], 100 * counts[i] / top) for i in order]


def _figures(f: Findings) -> list[tuple[str, str, str]]:
    """The tiles at the top: (name, value, what stands below)."""
    if not (f.test and f.measure and f.final and f.tuning):
        return []
    show = f.measure.show
    test = f.test.figure
    linear = list(f.test.baselines.items())[-1]
    return [
        (f"{f.measure.name}, test", show(test.value), f"{show(test.low)} to {show(test.high)}"),
        (linear[0], show(linear[1].value), f"{show(linear[1].low)} to {show(linear[1].high)}"),
        ("validation, corrected", show(f.tuning.corrected.value), "for choosing among many"),
        ("network", pictures.sizes(f.final.setting.hidden), "units in hidden layers"),
    ]


def _parts(f: Findings) -> list[tuple[str, int, float]]:
    """The split as a bar: (name, rows, per cent of all rows)."""
    if not f.protocol:
        return []
    train, judge = f.protocol.folds[-1]
    test = f.protocol.test
    named = [("training", len(train)), ("validation", len(judge)), ("test, sealed", len(test))]
    total = sum(rows for _, rows in named)
    return [(name, rows, 100 * rows / total) for name, rows in named]
