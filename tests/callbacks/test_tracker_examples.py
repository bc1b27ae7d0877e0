"""The examples for MLflow, Weights & Biases and trackio, each against a stand-in of the package."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock, call

import pytest

from kohort import callbacks as cb
from tests.callbacks.fakes import Model

EXAMPLES = Path(__file__).parents[2] / "examples"
PARAMS = {"model": "net", "parameters": 3, "optimizer": "Optimizer", "epochs": 2, "steps": 1}
LOGS = [({"loss": 1.0}, {"step": 0}), ({"loss": 0.5}, {"step": 1})]


def tracked(package, name, fails=False, **options):
    """What a package is told of a fit by the tracker of its example."""
    stand_in = Mock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, package, stand_in)
        tracker = runpy.run_path(str(EXAMPLES / f"track_{package}.py"))[name](**options)
        model = Model()
        calls = cb.CallbackList([tracker], model=model, epochs=2, steps=1, verbose=0)
        model.fit(calls, 2, 1) if not fails else calls.on_train_begin()
        if fails:
            calls.on_train_failed(KeyboardInterrupt())
    return stand_in


def test_mlflow():
    mlflow = tracked("mlflow", "MLflowTracker", run_name="first")
    mlflow.start_run.assert_called_once_with(run_name="first")
    ((params,), _) = mlflow.log_params.call_args
    assert params.items() >= PARAMS.items()
    assert mlflow.log_metrics.call_args_list == [call(*a[:1], **a[1]) for a in LOGS]
    mlflow.end_run.assert_called_once_with("FINISHED")
    tracked("mlflow", "MLflowTracker", fails=True).end_run.assert_called_once_with("KILLED")


@pytest.mark.parametrize(
    ("package", "name", "options", "begun", "ended"),
    [
        ("wandb", "WandbTracker", {"project": "p"}, call(project="p"), call(exit_code=0)),
        ("trackio", "TrackioTracker", {"project": "p"}, call("p"), call()),
    ],
)
def test_services_with_a_run(package, name, options, begun, ended):
    service = tracked(package, name, **options)
    given = SimpleNamespace(args=service.init.call_args.args, kwargs=service.init.call_args.kwargs)
    assert given.kwargs.pop("config").items() >= PARAMS.items()
    assert call(*given.args, **given.kwargs) == begun
    run = service.init.return_value
    assert run.log.call_args_list == [call(*a[:1], **a[1]) for a in LOGS]
    assert run.finish.call_args_list == [ended]


@pytest.mark.filterwarnings("ignore", "error::kohort.errors.KohortWarning")
def test_mlflow_itself(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    tracker = runpy.run_path(str(EXAMPLES / "track_mlflow.py"))["MLflowTracker"]()
    model = Model()
    calls = cb.CallbackList([tracker], model=model, epochs=2, steps=1, verbose=0)
    model.fit(calls, 2, 1)
    run = mlflow.last_active_run()
    assert (run.info.status, run.data.metrics, run.data.params["model"]) == (
        "FINISHED", {"loss": 0.5}, "net",
    )  # fmt: skip
