"""Trackers: what they tell of a fit and a cohort, and that a service that fails harms nothing."""

import numpy as np
import pytest

import kohort
from kohort import callbacks as cb
from kohort.callbacks.tracker import summary_of
from kohort.cohort import Cohort
from kohort.errors import KohortWarning
from tests.callbacks.fakes import Metric, Model
from tests.cohort.helpers import members, problem


class Service(cb.Tracker):
    def __init__(self, fails=()):
        super().__init__()
        self.told, self.fails = [], fails

    def __getattribute__(self, name):
        if name in ("start", "log", "end"):
            return lambda *arguments: self._tell_service(name, *arguments)
        return super().__getattribute__(name)

    def _tell_service(self, name, *arguments):
        self.told.append((name, *arguments))
        if name in self.fails:
            raise ConnectionError("the service is down")


def fit(tracker, after=None):
    model = Model()
    calls = cb.CallbackList([tracker], model=model, epochs=3, steps=1, verbose=0)
    try:
        model.fit(calls, 3, 1, after=after)
    except BaseException as error:
        calls.on_train_failed(error)
        raise


def test_a_fit_is_told_from_its_start_to_its_end():
    tracker = Service()
    fit(tracker)
    (_, params), *logs, end = tracker.told
    assert params == {
        "model": "net", "parameters": 3, "optimizer": "Optimizer", "epochs": 3, "steps": 1,
        "learning_rate": pytest.approx(0.1),
    }  # fmt: skip
    assert logs == [("log", e, {"loss": 1 / (e + 1)}) for e in range(3)]
    assert end == ("end", "finished")


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted")]
)
def test_a_fit_that_ends_by_an_exception_is_told(error, status):
    tracker = Service()

    def after(epoch, batch):
        if epoch == 1:
            raise error

    with pytest.raises(error):
        fit(tracker, after)
    assert [entry[0] for entry in tracker.told] == ["start", "log", "end"]
    assert tracker.told[-1] == ("end", status)


@pytest.mark.parametrize(
    ("fails", "told"),
    [
        (["start"], ["start"]),
        (["log"], ["start", "log", "end"]),
        (["log", "end"], ["start", "log", "end"]),
        (["end"], ["start", "log", "log", "log", "end"]),
    ],
)
def test_a_service_that_fails_is_one_warning(fails, told):
    tracker = Service(fails)
    with pytest.warns(KohortWarning, match="Service: .*the service is down. Training") as caught:
        fit(tracker)
    assert len(caught) == 1
    assert [entry[0] for entry in tracker.told] == told


def test_a_package_that_is_missing_is_an_error():
    class Missing(cb.Tracker):
        def start(self, params):
            import a_package_that_nobody_has  # noqa: F401

    with pytest.raises(ImportError, match="nobody_has"):
        fit(Missing())


def test_only_numbers_are_told():
    tracker = Service()
    tracker.on_train_begin()
    tracker.on_epoch_end(0, {"a": 1.0, "b": np.float32(2), "c": "word", "d": np.ones(2), "e": True})
    assert tracker.told[-1] == ("log", 0, {"a": 1.0, "b": 2.0})


def linear():
    model = kohort.Sequential([kohort.Input((5,)), kohort.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def test_a_cohort_is_one_run_of_its_members_together(tmp_path):
    x, y = problem(rows=16)
    made = members(x, y, [linear], count=2, epochs=2)
    tracker, lines = Service(), cb.JSONLinesLogger(tmp_path / "cohort.jsonl")
    Cohort(made, (x, y, None), callbacks=[tracker.of_cohort(), lines.of_cohort()]).fit()
    (_, params), *logs, end = tracker.told
    assert (params["members"], params["epochs"], params["optimizer"]) == (2, 2, "SGD")
    assert end == ("end", "finished") and [entry[1] for entry in logs] == [0, 1]
    for _, epoch, metrics in logs:
        losses = [m.history.history["val_loss"][epoch] for m in made]
        assert metrics["members"] == 2
        assert metrics["val_loss/median"] == pytest.approx(np.median(losses))
        assert metrics["val_loss/best"] == pytest.approx(min(losses))
        assert metrics["val_mae/low"] <= metrics["val_mae/median"] <= metrics["val_mae/high"]
    assert len((tmp_path / "cohort.jsonl").read_text().splitlines()) == 2


def test_the_best_of_a_metric_is_where_it_points():
    logs = {"accuracy": np.array([0.25, 0.5, np.nan]), "unknown": np.ones(3)}
    found = summary_of(logs, [Metric("accuracy", "up")])
    assert found["accuracy/best"] == 0.5 and found["members"] == 3
    assert "unknown/best" not in found
    assert summary_of({"loss": np.full(2, np.nan)}) == {"members": 0}
