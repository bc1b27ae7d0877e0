"""History, ProgbarLogger, LambdaCallback, TerminateOnNaN, RemoteMonitor."""

import inspect
import json
import re
import sys
import types

import keras
import numpy as np
import pytest

from kohort import callbacks as cb
from kohort.callbacks.callback import BATCH_HOOKS
from tests.callbacks.fakes import Model

OWN = {"JSONLinesLogger", "MonitorCallback", "Tracker"}


@pytest.mark.parametrize("name", sorted(set(cb.__all__) - OWN))
def test_signatures_are_those_of_keras(name):
    def parameters(kind):
        return [(p.name, p.default) for p in inspect.signature(kind.__init__).parameters.values()]

    assert parameters(getattr(cb, name)) == parameters(getattr(keras.callbacks, name))


def test_history_goes_on_over_fits_as_in_keras():
    model, history = Model(), cb.History()
    calls = cb.CallbackList([history], model=model)
    model.fit(calls, 2)
    model.fit(calls, 1)
    assert history.epoch == [0]
    assert history.history == {"loss": [1.0, 0.5, 1.0]} and model.history is history


def without_times(text):
    """A progress bar's text; how many blanks and backspaces there are depends on the times."""
    text = re.sub(r"\d+[mu]?s", "TIME", text.replace("\b", ""))
    return re.sub(r" +", " ", re.sub(r" +$", "", text, flags=re.MULTILINE))


@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
@pytest.mark.parametrize("steps", [4, None])
def test_progress_looks_like_keras(verbose, steps, capsys):
    def show(library):
        bar = library.ProgbarLogger()
        bar.set_params({"verbose": verbose, "epochs": 2, "steps": steps})
        bar.on_train_begin()
        for epoch in range(2):
            bar.on_epoch_begin(epoch)
            for batch in (1, 3):  # blocks of two
                bar.on_train_batch_end(batch, {"loss": 0.5})
            bar.on_test_begin()
            bar.on_test_batch_end(0, {"loss": 9.0})
            bar.on_test_end({"loss": 9.0})
            bar.on_epoch_end(epoch, {"loss": 0.25, "val_loss": 9.0})
        bar.on_train_end()
        return without_times(capsys.readouterr().out)

    ours = show(cb)
    assert ours == show(keras.callbacks)
    assert ("val_loss" in ours) == (verbose != 0)


@pytest.mark.parametrize("phase", ["test", "predict"])
def test_progress_of_evaluate_and_predict_looks_like_keras(phase, capsys):
    def show(library):
        bar = library.ProgbarLogger()
        bar.set_params({"verbose": 1, "epochs": 1, "steps": 2})
        getattr(bar, f"on_{phase}_begin")()
        for batch in range(2):
            getattr(bar, f"on_{phase}_batch_end")(batch, {"loss": 0.5} if phase == "test" else {})
        getattr(bar, f"on_{phase}_end")({"loss": 0.25} if phase == "test" else {})
        return without_times(capsys.readouterr().out)

    ours = show(cb)
    assert ours == show(keras.callbacks) and "2/2" in ours


def test_lambdas_take_the_place_of_hooks():
    calls = []
    names = ["on_epoch_begin", "on_epoch_end", "on_train_begin", "on_train_end", "on_test_begin"]
    names += BATCH_HOOKS["train"]
    hooks = {name: lambda *args, n=name, **kw: calls.append((n, args, kw)) for name in names}
    callback = cb.LambdaCallback(**hooks, other=3)
    for name in names:
        getattr(callback, name)(0)
    assert [name for name, *_ in calls] == names and callback.other == 3
    assert cb.LambdaCallback().on_epoch_end(0) is None


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), np.float32("nan")])
def test_a_loss_that_is_no_number_stops(loss, capsys):
    callback = cb.TerminateOnNaN()
    callback.set_model(Model())
    callback.on_train_batch_end(3, {"loss": loss})
    assert callback.model.stop_training
    assert capsys.readouterr().out == "Batch 3: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 3"):
        cb.TerminateOnNaN(raise_error=True).on_train_batch_end(3, {"loss": loss})


@pytest.mark.parametrize("logs", [None, {}, {"loss": 1.0}])
def test_other_losses_do_not_stop(logs):
    callback = cb.TerminateOnNaN(raise_error=True)
    callback.set_model(Model())
    callback.on_train_batch_end(0, logs)
    assert not callback.model.stop_training


@pytest.fixture
def requests(monkeypatch):
    """A stand-in for the package `requests` that keeps what is posted."""
    module = types.ModuleType("requests")
    module.exceptions = types.SimpleNamespace(RequestException=ConnectionError)
    module.posted = []
    module.post = lambda *args, **kwargs: module.posted.append((args, kwargs))
    monkeypatch.setitem(sys.modules, "requests", module)
    return module


def test_remote_monitor_posts_plain_values(requests):
    logs = {"loss": 0.5, "one": np.float32(1), "single": np.arange(1), "many": np.arange(2)}
    send = {"epoch": 2, "loss": 0.5, "one": 1.0, "single": 0, "many": [0, 1]}
    cb.RemoteMonitor("http://a", headers={"k": "v"}, send_as_json=True).on_epoch_end(2, logs)
    cb.RemoteMonitor("http://a", path="/p", field="f").on_epoch_end(2, logs)
    assert requests.posted == [
        (("http://a/publish/epoch/end/",), {"json": send, "headers": {"k": "v"}}),
        (("http://a/p", {"f": json.dumps(send)}), {"headers": None}),
    ]


def test_remote_monitor_warns_of_a_server_that_is_not_there(requests, monkeypatch):
    def post(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(requests, "post", post)
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server at http://a"):
        cb.RemoteMonitor("http://a").on_epoch_end(0)


def test_remote_monitor_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(ImportError, match="requires the `requests` library.*pip install requests"):
        cb.RemoteMonitor().on_epoch_end(0)


def test_public_names_are_those_of_keras_less_one_and_a_few_more():
    names = {n for n in dir(keras.callbacks) if isinstance(getattr(keras.callbacks, n), type)}
    assert set(cb.__all__) - OWN == names - {"OrbaxCheckpoint"}
