"""What notebooks show of studies and results: well-formed tables with the numbers, escaped."""

import xml.etree.ElementTree as xml
from types import SimpleNamespace

import numpy as np

from kohort.workflow.capacity_sweep import Size, read_sweep
from kohort.workflow.crossval import CrossValidation
from kohort.workflow.diagnose.finding import Diagnosis, Finding
from kohort.workflow.ensembling.choose import Worth
from kohort.workflow.ensembling.result import Ensemble
from kohort.workflow.improve import Findings
from kohort.workflow.lr_range import read_range
from kohort.workflow.measure import Interval
from kohort.workflow.notebook import MOST_TRIALS, findings_html
from kohort.workflow.search import Search, Study
from kohort.workflow.verdict import Verdict

ODD = "<b>&"


def cells(html):
    """The texts of paragraphs and the rows of the tables; fails where the HTML is not whole."""
    page = xml.fromstring(f"<div>{html}</div>")
    texts = ["".join(p.itertext()) for p in page.iter("p")]
    return texts, [["".join(cell.itertext()) for cell in row] for row in page.iter("tr")]


def study(count):
    made = Study(lambda hp: (hp.Float("x", 0.0, 1.0), hp.Choice("kind", [ODD, "b"])), seed=1)
    for trial in made.ask(count):
        made.tell(trial, trial.model[0])
    return made


def test_a_study_shows_its_best_trials():
    assert cells(study(0)._repr_html_()) == (["no trials"], [])
    made = study(12)
    texts, (titles, *rows) = cells(made._repr_html_())
    assert texts == ["12 complete"] and len(rows) == MOST_TRIALS
    assert titles == ["trial", "objective", "x", "kind"]
    assert float(rows[0][1]) == min(float(row[1]) for row in rows)
    assert {row[3] for row in rows} == {ODD, "b"}
    goals = SimpleNamespace(objectives=[SimpleNamespace(name="val_loss")])
    _, (titles, *_) = cells(Search(made, None, goals, None, None)._repr_html_())
    assert titles[1] == "val_loss"


def test_a_cross_validation_shows_each_metric():
    scores = {"loss": np.array([1.0, 3.0]), ODD: np.array([0.5, 0.5])}
    found = CrossValidation(scores, [None] * 2, None, SimpleNamespace(groups=[1], members=[]))
    texts, (_, loss, other) = cells(found._repr_html_())
    assert texts == ["2 folds, 1 compiled program(s)"]
    assert loss == ["loss", "2", "1", "1", "3"] and other[0] == ODD


def test_sweeps_show_what_was_chosen():
    curves = np.array([[[3.0, 2.0]], [[2.0, 1.0]]])
    sweep = read_sweep([Size(4, 1, 40), Size(8, 1, 1080)], curves, curves)
    texts, (_, small, large) = cells(sweep._repr_html_())
    assert large[:4] == ["8", "1", "1,080", "1"] and large[-1] == "chosen (best)"
    assert small[-1] == "" and texts == [sweep.verdict]
    losses = np.array([[4, 4, 4, 3, 2, 1, 1, 1, 2, 9, 9, 9.0]])
    found = read_range(np.geomspace(1e-3, 1, 12), losses)
    _, (titles, first, *_) = cells(found._repr_html_())
    assert titles[0] == "1 seeds" and first[1] == f"{found.suggestion:.4g}"


def test_an_ensemble_shows_members_and_score():
    made = Ensemble.__new__(Ensemble)
    rows = [{"name": "a", "score": 0.5, "weight": 0.0}, {"name": ODD, "score": 0.25, "weight": 1.0}]
    made.__dict__.update(
        members=[None], names=[ODD], weights=np.ones(1), method="greedy", task="binary",
        score=Worth("log loss", 0.2, 0.25, 0.2, 0.3), candidates=rows,
    )  # fmt: skip
    texts, table = cells(made._repr_html_())
    assert table == [["member", "weight", "log loss"], [ODD, "1", "0.25"], ["a", "0", "0.5"]]
    assert texts[0] == "Ensemble of 1 (greedy, binary)" and texts[1] == str(made.score)
    made.score, made.candidates = None, []
    assert cells(made._repr_html_())[1][1] == [ODD, "1", "–"]


def test_a_diagnosis_shows_its_findings():
    found = Diagnosis([Finding("good_fit", 0.0, f"both {ODD} fall", ("stop", "go on"), 3)])
    _, (_, row) = cells(found._repr_html_())
    assert row == ["good fit", "0", "3", f"both {ODD} fall", "stop; go on"]


def test_the_findings_of_a_run_show_the_verdict():
    problem, measure = SimpleNamespace(task="binary"), SimpleNamespace(name="accuracy")
    run = Findings("data.csv", "out", {}, None, problem, "")
    assert cells(findings_html(run))[0][0] == "improve data.csv: binary, running"
    run.verdict, run.measure = Verdict("It is good.", "good", [ODD]), measure
    figures = {"a linear model": Interval(0.5, 0.25, 0.75)}
    run.test = SimpleNamespace(figure=Interval(0.9, 0.875, 0.925), baselines=figures)
    texts, (_, network, linear) = cells(run._repr_html_())
    assert texts[1].strip() == "It is good." and texts[2] == ODD
    assert network == ["the network", "0.9", "0.875 to 0.925"]
    assert linear == ["a linear model", "0.5", "0.25 to 0.75"]
