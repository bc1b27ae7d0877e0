"""Studies: trials that fail, searches that stop and go on, several processes, and the identity."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import optuna
import pytest

from kohort.workflow.search import HyperParameters, Study, StudyError, identity, workers


def build(hp):
    x = hp.Float("x", -1, 1)
    kind = hp.Choice("kind", ["a", "b"])
    return x, kind, hp.Fixed("epochs", 3)


def open_study(place=None, **options):
    return Study(build, **{"storage": place, "sampler": "random", **options})


@pytest.fixture(params=["journal.log", "study.db"])
def place(request, tmp_path):
    if request.param.endswith(".db"):
        pytest.importorskip("sqlalchemy")
    return tmp_path / request.param


def states(study):
    return {state: n for state, n in study.counts().items() if n}


def test_results_come_back_from_the_storage(place):
    study = open_study(place)
    first, second, third = study.ask(3)
    study.tell(first, 0.5, attributes={"curve": np.arange(3.0), "best": np.float32(2)})
    study.tell(second, 0.7, state="pruned", step=4, reason="below the median")
    study.tell(third.number, reason="out of memory")
    again = open_study(place)
    rows = again.table()
    assert rows == study.table()
    assert rows[0]["hp"] == {"x": first.model[0], "kind": first.model[1], "epochs": 3}
    assert [row["state"] for row in rows] == ["complete", "pruned", "failed"]
    assert [row["values"] for row in rows] == [[0.5], [0.7], None]
    assert rows[0]["attributes"] == {"curve": [0.0, 1.0, 2.0], "best": 2.0}
    assert rows[1]["reason"] == "below the median" and rows[2]["reason"] == "out of memory"
    assert again.best()["number"] == first.number and rows[0]["seconds"] >= 0
    assert build(again.hyperparameters(first.number)) == first.model


def test_a_search_that_goes_on_continues_the_same_sequence(place, tmp_path):
    whole = open_study(tmp_path / f"whole{place.suffix}")
    expected = []
    for _ in range(3):
        for trial in whole.ask(2):
            whole.tell(trial, 0.0)
            expected.append(trial.model)
    found = []
    for _ in range(3):
        with open_study(place) as study:
            for trial in study.ask(2):
                study.tell(trial, 0.0)
                found.append(trial.model)
    assert found == expected and len(set(found)) == 6


def test_a_build_that_fails_is_recorded_and_the_search_goes_on():
    def fragile(hp):
        n = hp.Int("n", 0, 9)
        if n < 5:
            raise ValueError(f"{n} is too small")
        return n

    study = Study(fragile, sampler="random", seed=1)
    trials = study.ask(4)
    assert len(trials) == 4 and all(t.model >= 5 for t in trials)
    failed = [row for row in study.table() if row["state"] == "failed"]
    assert failed and "is too small" in failed[0]["reason"]
    assert "in fragile" in failed[0]["attributes"]["traceback"]
    assert len(study.ask(9)) == 1 and study.exhausted  # the ten values, each once
    assert states(study) == {"failed": 5, "running": 5}


def test_a_build_that_always_fails_is_an_error():
    def broken(hp):
        hp.Float("x", 0, 1)
        raise RuntimeError("no such layer")

    with pytest.raises(StudyError, match="no such layer(.|\n)*HyperParameters"):
        Study(broken, sampler="random").ask(2)


def test_a_build_without_hyperparameters_has_one_point():
    study = Study(lambda hp: 1, sampler="tpe")
    assert [t.model for t in study.ask(3)] == [1] and study.exhausted


def test_members_that_diverge_are_failed_trials():
    study = open_study()
    trials = study.ask(3)
    for trial, value in zip(trials, (np.nan, np.inf, 1.0), strict=True):
        study.tell(trial, value)
    assert states(study) == {"complete": 1, "failed": 2}
    assert "nan" in study.table()[0]["reason"]


def test_when_nothing_is_complete_there_is_no_best():
    study = open_study()
    study.tell(study.ask(1)[0], np.nan)
    with pytest.raises(StudyError, match="complete trial"):
        study.best()


def test_a_trial_is_told_once_and_properly():
    study = open_study()
    trial = study.ask(1)[0]
    with pytest.raises(StudyError, match="state='done'"):
        study.tell(trial, 1.0, state="done")
    study.tell(trial, 1.0)
    with pytest.raises(StudyError, match="trial 0, which is complete"):
        study.tell(trial, 2.0)
    assert study.best()["values"] == [1.0]


@pytest.mark.parametrize("change", ["seed", "data", "build", "directions", "objective"])
def test_a_study_file_from_another_search_is_refused(place, change):
    def other(hp):
        return hp.Float("x", -1, 2)

    def options(changed=""):
        data = np.arange(6.0).reshape(3, 2) + (changed == "data")
        loss = "val_loss" if changed == "objective" else "val_accuracy"
        parts = identity(other if changed == "build" else build, data, loss)
        direction = "maximize" if changed == "directions" else "minimize"
        return {"seed": int(changed == "seed"), "directions": [direction], "identity": parts}

    open_study(place, **options()).ask(1)
    open_study(place, **options())
    with pytest.raises(StudyError, match=f"another search: {change} was .*, is "):
        open_study(place, **options(change))
    open_study(place, name="second", **options(change))


def test_identity_sees_code_and_values_but_not_comments():
    def made(text, **known):
        scope = dict(known)
        exec(textwrap.dedent(text), scope)
        return scope["build"]

    assert identity(made("build = lambda hp: 1")) != identity(made("build = lambda hp: 2"))
    first = identity(build)
    assert first == identity(build) and len(first["build"]) == 16

    def outer(width):
        def inner(hp):
            return hp.Int("n", 1, width)  # a comment

        return inner

    assert identity(outer(3)) == identity(outer(3)) != identity(outer(4))
    rows = np.arange(4.0)
    assert identity(data=rows) != identity(data=rows[::-1])


def test_names_found_in_another_branch_join_the_space(place):
    def branching(hp):
        if hp.Choice("kind", ["a", "b"]) == "b":
            return hp.Int("late", 1, 3)
        return None

    study = Study(branching, storage=place, sampler="grid")
    assert [p.name for p in study.space.space] == ["kind"]
    trials = study.ask(9)
    assert sorted(str(t.model) for t in trials) == ["1", "2", "3", "None"]
    again = Study(branching, storage=place, sampler="grid")
    assert [p.name for p in again.space.space] == ["kind", "late"]


def test_a_range_that_moves_keeps_its_first_bounds():
    def moving(hp):
        n = hp.Int("n", 1, 3)
        return n, hp.Choice("c", ["x", "y", "z"][:n])

    study = Study(moving, sampler="random", seed=3)  # the defaults come first: n=1, c of ["x"]
    assert {t.model[1] for t in study.ask(3)} == {"x"}


def test_enqueued_values_come_first_and_the_rest_is_drawn():
    study = Study(
        lambda hp: (hp.Float("keep", 0.9, 0.99, sampling="reverse_log"), hp.Int("n", 1, 500))
    )
    study.enqueue({"keep": 0.95})
    keep, n = study.ask(1)[0].model
    assert keep == pytest.approx(0.95) and 1 <= n <= 500


def test_what_was_asked_and_not_told_is_tried_later(place):
    with open_study(place) as study:
        told, *left = study.ask(3)
        study.tell(told, 1.0)
    again = open_study(place)
    assert states(again) == {"complete": 1, "waiting": 2}
    assert [t.model for t in again.ask(2)] == [t.model for t in left]


def test_a_trial_that_ends_its_process_each_time_is_given_up(place):
    models = []
    for _ in range(5):
        study = open_study(place)
        models.append(study.ask(1)[0].model)
        workers.retire(study.worker)  # as if the process had died
    assert len(set(models[:3])) == 1 and models[3] != models[0]


def test_trials_of_living_workers_and_other_machines_are_left_alone(place, monkeypatch):
    study = open_study(place)
    study.ask(2)
    assert states(open_study(place)) == {"running": 2}
    monkeypatch.setattr(workers, "_HERE", "another-machine")
    workers.retire(study.worker)
    other = open_study(place)
    assert states(other) == {"running": 2}
    assert other.reclaim(everything=True) == 2 and states(other) == {"waiting": 2}


def test_two_processes_that_reclaim_one_trial_plan_it_once(place, monkeypatch):
    study, dead = open_study(place), open_study(place)
    dead.ask(1)
    seen = study._frozen()  # still running when this process looks ...
    workers.retire(dead.worker)
    other = open_study(place)  # ... and then another one takes it
    assert states(other) == {"waiting": 1}
    with monkeypatch.context() as context:
        context.setattr(study, "_frozen", lambda: seen)
        assert study.reclaim() == 0
    assert states(study) == {"waiting": 1}


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "notes.db").write_text("Shopping: bread, and some more than a header's length" * 9)
    with pytest.raises(StudyError, match="notes.db: file is not a database"):
        open_study(tmp_path / "notes.db")


def test_importance_names_what_matters():
    study = Study(
        lambda hp: (hp.Float("idle", 0, 1), hp.Float("important", 0, 1)),
        sampler="random",
        directions=["maximize"],
    )
    assert study.importance() == {}
    for trial in study.ask(60):
        study.tell(trial, -((trial.model[1] - 0.3) ** 2))
    shares = study.importance()
    assert shares["important"] > 0.8 and sum(shares.values()) == pytest.approx(1)


def test_optuna_opens_the_study_and_its_settings_stay(place):
    before = optuna.logging.get_verbosity()
    with open_study(place) as study:
        study.tell(study.ask(1)[0], 0.25)
    assert optuna.logging.get_verbosity() == before
    if place.suffix == ".db":
        storage = f"sqlite:///{place}"
    else:
        backend = optuna.storages.journal.JournalFileBackend(str(place))
        storage = optuna.storages.JournalStorage(backend)
    loaded = optuna.load_study(study_name="search", storage=storage)
    assert loaded.best_value == 0.25 and set(loaded.best_params) == {"x", "kind"}


WORKER = """
    import sys, time
    from kohort.workflow.search.study import Study

    def build(hp):
        return hp.Int("a", 0, 2), hp.Int("b", 0, 3)

    study = Study(build, storage=sys.argv[1], sampler=sys.argv[2], seed=7)
    print("open", flush=True)
    if sys.argv[3] == "hang":
        print(study.ask(1)[0].model, flush=True)
        time.sleep(60)
    while trials := study.ask(2):
        for trial in trials:
            study.tell(trial, sum(trial.model), attributes={"worker": sys.argv[3]})
"""


def start(place, sampler, name):
    command = [sys.executable, "-c", textwrap.dedent(WORKER), str(place), sampler, name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def test_two_processes_share_a_study_and_repeat_nothing(place):
    processes = [start(place, "random", name) for name in "AB"]
    for process in processes:
        process.communicate(timeout=200)
    assert [p.returncode for p in processes] == [0, 0]
    rows = Study(lambda hp: (hp.Int("a", 0, 2), hp.Int("b", 0, 3)), storage=place, seed=7).table()
    assert {row["state"] for row in rows} == {"complete"}
    points = sorted((row["hp"]["a"], row["hp"]["b"]) for row in rows)
    assert points == [(a, b) for a in range(3) for b in range(4)]


def test_of_two_that_draw_one_point_at_once_the_first_keeps_it(place):
    drawn, pool, later = threading.Event(), ThreadPoolExecutor(1), []

    def build_first(hp):
        value = hp.Int("a", 0, 0)
        if later:
            later.append(pool.submit(later[0].ask, 1))
            assert drawn.wait(timeout=30)
        return value

    def build_later(hp):
        value = hp.Int("a", 0, 0)
        drawn.set()
        time.sleep(0.2)  # the first one looks now, and sees a point that is not decided
        return value

    first = Study(build_first, storage=place, sampler="random", seed=7)
    later.append(Study(build_later, storage=place, sampler="random", seed=7))
    drawn.clear()
    assert [trial.model for trial in first.ask(1)] == [0]
    assert later[1].result(timeout=30) == []


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_killed_process_loses_no_trial(place):
    process = start(place, "grid", "hang")
    with process.stdout as output:
        assert output.readline() == "open\n"
        point = output.readline().strip()
        process.send_signal(signal.SIGKILL)
    process.wait()
    study = Study(
        lambda hp: (hp.Int("a", 0, 2), hp.Int("b", 0, 3)), storage=place, sampler="grid", seed=7
    )
    assert states(study) == {"waiting": 1}
    assert str(study.ask(1)[0].model) == point
    assert len(study.ask(30)) == 11


def test_discovery_with_defaults_is_an_ordinary_call():
    seen = []
    Study(lambda hp: seen.append(hp.Int("n", 2, 9)), sampler="random")
    assert seen == [2] and HyperParameters().Int("n", 2, 9) == 2
