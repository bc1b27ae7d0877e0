"""Results as HTML, which notebooks show: the tables of `print`, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kohort.utils.notebook import html_table, html_text, shown

if TYPE_CHECKING:
    from kohort.workflow.capacity_sweep import CapacitySweep
    from kohort.workflow.crossval import CrossValidation
    from kohort.workflow.diagnose.finding import Diagnosis
    from kohort.workflow.ensembling.result import Ensemble
    from kohort.workflow.improve import Findings
    from kohort.workflow.lr_range import LearningRateRange
    from kohort.workflow.search.study import Study

MOST_TRIALS = 10


def study_html(study: Study, goals: Sequence[str] = ()) -> str:
    """How many trials there are in each state, and the best ones with their hyperparameters."""
    counts = ", ".join(f"{n} {state}" for state, n in study.counts().items() if n) or "no trials"
    complete = [row for row in study.table() if row["state"] == "complete"]
    if not complete:
        return html_text(counts)
    directions = [direction.name == "MAXIMIZE" for direction in study.optuna.directions]
    goals = goals or [f"objective {i}" if i else "objective" for i in range(len(directions))]
    complete.sort(key=lambda row: -row["values"][0] if directions[0] else row["values"][0])
    best = complete[:MOST_TRIALS]
    names = list(dict.fromkeys(name for row in best for name in row["hp"]))
    rows = [(row["number"], *row["values"], *map(row["hp"].get, names)) for row in best]
    return f"{html_text(counts)}\n{html_table(['trial', *goals, *names], rows)}"


def cross_validation_html(found: CrossValidation) -> str:
    """Each metric over the folds."""
    rows = [
        (name, found.mean(name), found.standard_error(name), scores.min(), scores.max())
        for name, scores in found.scores.items()
    ]
    programs = f"{len(found.folds)} folds, {len(found.cohort.groups)} compiled program(s)"
    titles = ("metric", "mean", "± 1 SE", "lowest fold", "highest fold")
    return f"{html_text(programs)}\n{html_table(titles, rows)}"


def sweep_html(sweep: CapacitySweep) -> str:
    """Each size with its lowest validation loss, and the verdict."""
    rows = [
        (size.width, size.depth, size.parameters, sweep.scores[i], sweep.errors[i],
         ("chosen" if i == sweep.chosen else "") + (" (best)" if i == sweep.best else ""))
        for i, size in enumerate(sweep.sizes)
    ]  # fmt: skip
    titles = ("units", "layers", "parameters", "validation loss", "± 1 SE", "")
    return f"{html_table(titles, rows)}\n{html_text(sweep.verdict)}"


def rates_html(found: LearningRateRange) -> str:
    """The rates of the range test."""
    rows = [
        ("start with: the loss falls fastest", found.suggestion),
        ("the loss is lowest", found.best),
        ("the loss is lost from here on", found.diverges),
    ]
    return html_table((f"{len(found.losses)} seeds", "learning rate"), rows)


def ensemble_html(ensemble: Ensemble) -> str:
    """The candidates with weight and score, and what the ensemble scores."""
    score = ensemble.score.name if ensemble.score else "score"
    weights = zip(ensemble.names, ensemble.weights, strict=True)
    known = ensemble.candidates or [{"name": n, "weight": w, "score": None} for n, w in weights]
    rows = [
        (row["name"], row["weight"], row["score"])
        for row in sorted(known, key=lambda row: -row["weight"])
    ]
    title = f"of {len(ensemble.members)} ({ensemble.method}, {ensemble.task})"
    parts = [html_text(title, strong="Ensemble"), html_table(("member", "weight", score), rows)]
    return "\n".join([*parts, *([html_text(ensemble.score)] if ensemble.score else [])])


def diagnosis_html(diagnosis: Diagnosis) -> str:
    """The findings with evidence and what to try."""
    rows = [
        (f.name.replace("_", " "), f.severity, f.epoch, f.evidence, "; ".join(f.try_next))
        for f in diagnosis
    ]
    return html_table(("finding", "severity", "from epoch", "evidence", "to try"), rows)


def findings_html(found: Findings) -> str:
    """The verdict of a `kohort improve` run, and its figures on the test part."""
    parts = [html_text(f"{found.data}: {found.problem.task}, {found.state}", strong="improve")]
    if found.verdict:
        parts.append(html_text("", strong=found.verdict.headline))
        parts += map(html_text, found.verdict.text)
    if found.test and found.measure:
        named: list[tuple[str, Any]] = [("the network", found.test.figure)]
        named += found.test.baselines.items()
        rows = [(name, i.value, f"{shown(i.low)} to {shown(i.high)}") for name, i in named]
        parts.append(html_table(("on the test part", found.measure.name, "95 % interval"), rows))
    parts.append(html_text(f"All of it: {found.out}/report.html"))
    return "\n".join(parts)
