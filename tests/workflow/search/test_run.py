"""`kohort.search`: trials as cohorts, kept and resumed."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import kohort as keras
from kohort.errors import KohortWarning
from kohort.train import programs
from kohort.workflow.search import StudyError, read_curves, search, workers
from kohort.workflow.search import run as search_run
from kohort.workflow.search.space import HyperParameters


def problem(rows=48):
    """y is the sum of two columns."""
    x = np.random.default_rng(0).normal(size=(rows, 2)).astype("float32")
    return x, x.sum(1)


def build(hp):
    """One unit, its rate and its penalty searched."""
    penalty = keras.regularizers.L2(hp.Float("l2", 1e-6, 1.0, sampling="log"))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_regularizer=penalty)])
    rate = hp.Float("rate", 1e-3, 0.3, sampling="log")
    model.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"])
    return model


def run(trials=6, **arguments):
    """A small search."""
    given = {"sampler": "random", "folds": 2, "epochs": 4, "batch_size": 8, **arguments}
    return search(given.pop("build", build), *problem(), trials=trials, **given)


def test_trials_and_folds_are_one_program():
    run(6)
    before = programs.traces
    found = run(6, seed=3)
    assert programs.traces == before
    assert found.study.counts()["complete"] == 6
    values = [row["values"][0] for row in found.table()]
    assert found.best["values"][0] == min(values)


def test_the_objective_is_the_loss_of_the_data_without_penalties():
    found = run(4)
    x, y = problem()
    numbers, predictions = found.predictions()
    by_number = {row["number"]: row["values"][0] for row in found.table()}
    for number, outputs in zip(numbers, predictions, strict=True):
        errors = (outputs[:, 0] - y) ** 2
        folds = [errors[fold.validation].mean() for fold in found.protocol.folds]
        assert by_number[number] == pytest.approx(np.mean(folds), rel=1e-5)
    assert found.estimate().naive == pytest.approx(min(by_number.values()), rel=1e-4)


def test_several_objectives_give_a_front():
    def sized(hp):
        units = hp.Int("units", 1, 16, sampling="log")
        layers = [keras.layers.Dense(units, "relu"), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((2,)), *layers])
        model.compile("adam", "mse", metrics=["mae"])
        return model

    found = search(
        sized, *problem(), trials=4, sampler="random", hold_out=0.25, epochs=2,
        objective=["val_mae", "parameters"],
    )  # fmt: skip
    front = found.pareto()
    assert len(front) >= 1
    smallest = min(row["values"][1] for row in found.table())
    assert any(row["values"][1] == smallest for row in front)


@pytest.mark.parametrize("kind", ["halving", "hyperband", "median"])
def test_pruning_ends_trials_early(kind):
    found = run(9, epochs=9, pruning=kind)
    counts = found.study.counts()
    assert counts["pruned"] >= 1
    assert counts["complete"] + counts["pruned"] == 9
    full = [row for row in found.table() if row["state"] == "complete"]
    assert all(set(row["attributes"]["epochs"]) == {9} for row in full)


def test_batch_size_and_epochs_may_be_searched():
    def free(hp):
        hp.Choice("batch_size", [4, 8])
        hp.Int("epochs", 1, 3)
        return build(hp)

    found = search(
        free, *problem(), trials=4, sampler="random", folds=2, epochs=9
    )  # fmt: skip
    for row in found.table():
        assert set(row["attributes"]["epochs"]) == {row["hp"]["epochs"]}


def test_failing_and_diverging_trials_are_recorded():
    def fragile(hp):
        kind = hp.Choice("kind", ["fine", "broken", "wild"])
        if kind == "broken":
            raise RuntimeError("no such network")
        model = build(hp)
        model.optimizer.learning_rate = 1e30 if kind == "wild" else 0.1
        return model

    found = search(fragile, *problem(), trials=12, sampler="random", folds=2, epochs=3, together=4)
    states = {row["hp"]["kind"]: row["state"] for row in found.table()}
    assert states == {"fine": "complete", "broken": "failed", "wild": "failed"}
    reasons = " ".join(str(row["reason"]) for row in found.table())
    assert "no such network" in reasons
    assert "diverged" in reasons
    assert found.best["hp"]["kind"] == "fine"


def test_refit_trains_on_all_rows():
    found = run(4, epochs=30)
    x, y = problem()
    model = found.refit(epochs=60)
    assert model.evaluate(x, y, verbose=0)[1] < 0.5
    assert found.model().count_params() == 3


def test_an_hp_with_a_default_is_searched_and_one_unused_is_told():
    def optional(hp=None):
        return build(hp)

    found = run(2, build=optional)
    assert len({row["hp"]["rate"] for row in found.table()}) == 2
    with pytest.warns(KohortWarning, match="asked hp for nothing"):
        run(4, build=lambda hp: build(HyperParameters()))


def test_a_search_is_diagnosed_by_its_best_trial(tmp_path):
    found = run(2, epochs=5, folder=tmp_path)
    known = found.histories
    assert [len(logs["val_loss"]) for logs in known] == [5, 5]
    found.kept._histories.clear()  # as in another process
    for logs, kept in zip(known, found.histories, strict=True):
        assert kept["loss"] == pytest.approx(logs["loss"])
    assert str(keras.diagnose(found)) == str(keras.diagnose(known))


def test_unknown_words_are_told():
    with pytest.raises(ValueError, match="pruning"):
        run(pruning="never")
    with pytest.raises(ValueError, match="sampler"):
        run(sampler="magic")
    with pytest.raises(ValueError, match="direction"):
        run(objective="val_speed")


SCRIPT = """
    import os, signal, sys
    sys.path.insert(0, {root!r})
    from tests.workflow.search.test_run import build, problem
    from kohort.workflow.search import search
    from kohort.workflow.search import run as module

    told = 0
    original = module._tell
    def tell(*arguments):
        global told
        original(*arguments)
        told += 1
        if told == {kill}:
            os.kill(os.getpid(), signal.SIGKILL)
    module._tell = tell
    search(build, *problem(), trials=6, sampler="random", folds=2, epochs=2, together=3,
           folder={folder!r})
"""


def test_a_killed_search_goes_on(tmp_path, request):
    folder, root = str(tmp_path / "run"), str(request.config.rootpath)
    script = textwrap.dedent(SCRIPT)
    killed = subprocess.run(
        [sys.executable, "-c", script.format(root=root, kill=4, folder=folder)], check=False
    )
    assert killed.returncode == -9
    found = search(
        build, *problem(), trials=6, sampler="random", folds=2, epochs=2, together=3, folder=folder
    )
    complete = [row for row in found.table() if row["state"] == "complete"]
    assert len(complete) == 6
    points = [json.dumps(row["hp"], sort_keys=True) for row in complete]
    assert len(set(points)) == 6
    assert len(found.predictions()[0]) == 6
    curves = read_curves(tmp_path / "run" / "curves")
    assert set(curves["epoch"]) == {1, 2}
    with pytest.raises(StudyError, match="another search"):
        search(build, *problem(20), trials=6, sampler="random", folds=2, folder=folder)


def test_a_short_time_is_not_spent_on_one_batch(monkeypatch):
    sizes = []

    def tell_at_once(result, asked, *rest):
        sizes.append(len(asked))
        for trial in asked:
            result.study.tell(trial, 1.0)

    monkeypatch.setattr(search_run, "_train", tell_at_once)
    run(28, seconds=600)
    assert sizes == [8, 16, 4]
    sizes.clear()
    run(28)
    assert sizes == [28]


def test_what_another_process_has_under_way_counts(tmp_path):
    place = tmp_path / "study.db"
    other = run(1, storage=place).study
    other.worker = workers.new_worker()  # a living one
    asked = other.ask(2)
    found = run(4, storage=place)
    assert [row["state"] for row in found.table()] == ["complete", "running", "running", "complete"]
    workers.retire(other.worker)  # now it has died: its points are tried here
    found = run(4, storage=place)
    states = [row["state"] for row in found.table()]
    assert states.count("complete") == 4 and "running" not in states
    points = [row["hp"] for row in found.table() if row["state"] == "complete"]
    assert all(trial.hp.values in points for trial in asked)
