"""`report.html`: one offline file that tells the run's story stage by stage."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from kohort.workflow import pictures
from kohort.workflow.regularise import changes, interval_of, signed

if TYPE_CHECKING:
    from kohort.workflow.improve import Findings


def render(findings: Findings) -> str:
    """The report as HTML, whole or as far as the run came."""
    return _template().render(**contents(findings))


@cache
def _template() -> Any:
    from jinja2 import Environment

    template = resources.files("kohort.workflow").joinpath("templates/report.html")
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template.read_text(encoding="utf-8"))


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
        stages.append(_capacity_stage(f))
    if f.regularising and f.measure:
        stages.append(_regularising_stage(f))
    if f.blend and f.tuning:
        stages.append(_blend_stage(f))
    if f.test and f.final and f.measure:
        stages.append(_test_stage(f))
    return stages


def _capacity_stage(f: Findings) -> dict[str, Any]:
    assert f.capacity and f.baselines and f.measure
    shown: list[tuple[str | None, str]] = []
    if f.capacity.rungs:
        linear, folds = f.baselines.linear.score, f.protocol.folds if f.protocol else []
        bands = " Bands hold all folds." if len(folds) > 1 else ""
        shown = [
            (
                _once(f, pictures.capacity_picture, f.capacity, linear, f.measure),
                "Score against size. Where training goes on rising and validation does not, "
                "further size is only memory.",
            ),
            (
                _once(f, pictures.curves_picture, f.capacity),
                f"Loss against epoch for each size, with the best epoch marked.{bands}",
            ),
        ]
    return {
        "title": "Growing the network until it overfits",
        "text": [line for line in f.capacity.text if "   " not in line],
        "pictures": shown,
        "ladder": bool(shown),
    }


def _regularising_stage(f: Findings) -> dict[str, Any]:
    assert f.regularising and f.measure
    found = f.regularising
    effects = _once(f, pictures.effects_picture, found, f.measure) if found.effects else None
    several = f.protocol and len(f.protocol.folds) > 1
    caption = "Each means alone, and what helped together, against the same network without it."
    caption += " Bars are 95 % intervals (corrected resampled t-test)." if several else ""
    shown: list[tuple[str | None, str]] = [(effects, caption)]
    text = [s for s in found.text if "   " not in s and not s.endswith(":")]
    if f.tuning:
        text += f.tuning.text
        shown += [
            (
                _once(f, pictures.parallel_picture, f.tuning, f.measure),
                "Each line is a trial: its strengths, and at the right its score. The best "
                "one is bold.",
            ),
            (
                _once(f, pictures.importance_picture, f.tuning, f.measure),
                "Which of the searched strengths mattered.",
            ),
            (
                _once(f, pictures.chosen_curves_picture, f.tuning.chosen),
                "The chosen network's loss: the mean over folds, with a band of all.",
            ),
        ]
    return {
        "title": "Regularising and tuning",
        "text": text,
        "pictures": _there(shown),
        "trials": f.tuning is not None,
        "diagnosis": _diagnosis(f),
        "effects": _effects(f),
    }


def _effects(f: Findings) -> list[tuple[str, str, str, str, str]]:
    """The table of what helped: name, strength, score, better by, interval; the best first."""
    assert f.regularising and f.measure
    if not f.regularising.effects:
        return []
    found, measure = f.regularising, f.measure
    effects = sorted(found.effects, key=lambda effect: -effect.better_by)
    effects += [found.together] if found.together else []
    rows = [("the plain network", "", measure.show(found.base.score), "", "")]
    for effect in effects:
        better = "no finite loss" if effect.result.failed else signed(effect.better_by, measure)
        score = measure.show(effect.result.score)
        strength = changes(effect.result.setting, found.base.setting)
        rows.append((effect.name, strength, score, better, interval_of(effect, measure)))
    return rows


def _diagnosis(f: Findings) -> list[Any]:
    """What the chosen network's curves say, in the words of `kohort.diagnose`."""
    if not f.tuning:
        return []
    from kohort.workflow.diagnose import diagnose

    logs = [{"loss": loss, "val_loss": val} for loss, val in f.tuning.chosen.curves]
    return list(diagnose(logs))[:3]


def _blend_stage(f: Findings) -> dict[str, Any]:
    assert f.blend
    shown = [(_once(f, pictures.members_picture, f.blend), "The members of the ensemble.")]
    text = f.blend.text + f.calibration_text
    return {"title": "Ensemble and probabilities", "text": text, "pictures": _there(shown)}


def _test_stage(f: Findings) -> dict[str, Any]:
    assert f.test and f.final and f.measure
    regression = f.problem.task == "regression"
    caption = "On the line, prediction and truth agree." if regression else "Rows of the test."
    shown = [
        (_once(f, pictures.comparison_picture, f.test, f.measure), "Bars are 95 % intervals."),
        (_once(f, pictures.outcome_picture, f.test, f.problem, f.final.threshold), caption),
        (
            _once(f, pictures.rates_picture, f.test, f.problem),
            "How many are found, and at what price, as the line between yes and no moves.",
        ),
        (
            _once(f, pictures.calibration_picture, f.test, f.problem),
            "On the line, probabilities mean what they say.",
        ),
    ]
    text = f.final.text + f.test.text
    title = "The test part, opened once"
    return {"title": title, "text": text, "pictures": _there(shown), "last": True}


def _once(f: Findings, draw: Callable[..., str | None], *what: Any) -> str | None:
    """A picture is drawn once in a run: what a stage has found does not change any more."""
    if draw.__name__ not in f.pictures:
        f.pictures[draw.__name__] = draw(*what)
    return f.pictures[draw.__name__]


def _there(shown: list[tuple[str | None, str]]) -> list[tuple[str, str]]:
    """The pictures that could be drawn."""
    return [(picture, caption) for picture, caption in shown if picture is not None]


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
        _model_tile(f.final.settings),
    ]


def _model_tile(settings: list[Any]) -> tuple[str, str, str]:
    if len(settings) > 1:
        return ("model", f"{len(settings)} networks", "an ensemble")
    return ("network", settings[0].size, "units in its layers")


def _parts(f: Findings) -> list[tuple[str, int, float]]:
    """The split as a bar: (name, rows, per cent of all rows)."""
    if not f.protocol:
        return []
    train, judge = f.protocol.folds[-1]
    test = f.protocol.test
    named = [("training", len(train)), ("validation", len(judge)), ("test, sealed", len(test))]
    total = sum(rows for _, rows in named)
    return [(name, rows, 100 * rows / total) for name, rows in named]
