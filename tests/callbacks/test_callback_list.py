import numpy as np
import pytest

from kohort import callbacks as cb
from kohort.callbacks.callback_list import pythonify_logs
from tests.callbacks.fakes import Model

HOOKS_BATCH = [
    f"on_{phase}_batch_{end}" for phase in ("train", "test", "predict") for end in ("begin", "end")
]
HOOKS_WHOLE = [
    f"on_{phase}_{end}" for phase in ("train", "test", "predict") for end in ("begin", "end")
]


def recorder(name, calls, **attributes):
    def hook(hook_name):
        return lambda self, *args, **kwargs: calls.append((name, hook_name, args, kwargs))

    hooks = [*HOOKS_BATCH, *HOOKS_WHOLE, "on_epoch_begin", "on_epoch_end"]
    kind = type("Recorder", (cb.Callback,), {h: hook(h) for h in hooks} | attributes)
    return kind()


def test_every_hook_reaches_every_callback_in_order():
    calls = []
    both = cb.CallbackList([recorder("a", calls), recorder("b", calls)])
    for hook in HOOKS_BATCH:
        getattr(both, hook)(7, {"loss": 1})
    for hook in ("on_epoch_begin", "on_epoch_end"):
        getattr(both, hook)(2)
    for hook in HOOKS_WHOLE:
        getattr(both, hook)({"loss": 2})
    expected = [(h, (7,), {"logs": {"loss": 1.0}}) for h in HOOKS_BATCH]
    expected += [(h, (2, {}), {}) for h in ("on_epoch_begin", "on_epoch_end")]
    expected += [(h, ({"loss": 2.0},), {}) for h in HOOKS_WHOLE]
    assert calls == [(name, *call) for call in expected for name in "ab"]


def test_callbacks_share_the_logs_but_not_the_callers():
    class Adds(cb.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["added"] = 1.0

    history = cb.History()
    calls = cb.CallbackList([Adds(), history], model=Model())
    calls.on_train_begin()
    logs = {"loss": 0.5}
    calls.on_epoch_end(0, logs)
    assert history.history == {"loss": [0.5], "added": [1.0]} and logs == {"loss": 0.5}


def test_default_callbacks_are_added_once():
    history, bar = cb.History(), cb.ProgbarLogger()
    model = Model()
    calls = cb.CallbackList([history, bar], add_history=True, add_progbar=True, model=model)
    assert calls.callbacks == [history, bar] and model.history is history
    calls = cb.CallbackList(add_history=True, add_progbar=True)
    assert [type(c) for c in calls.callbacks] == [cb.History, cb.ProgbarLogger]
    assert cb.CallbackList().callbacks == []


def test_single_callbacks_and_nested_lists_are_taken():
    a, b = cb.Callback(), cb.Callback()
    assert cb.CallbackList(a).callbacks == [a]
    assert cb.CallbackList([[a], (b,)]).callbacks == [a, b]


def test_model_and_params_are_handed_on_to_later_ones_too():
    model = Model()
    first, second = cb.Callback(), cb.Callback()
    calls = cb.CallbackList([first], model=model, epochs=3)
    calls.append(second)
    for callback in (calls, first, second):
        assert callback.model is model and callback.params == {"epochs": 3}


@pytest.mark.parametrize("wrong", [cb.EarlyStopping, "early_stopping", lambda epoch, logs: None])
def test_what_is_no_callback_object_gives_remedies(wrong):
    with pytest.raises(TypeError, match="must hold `Callback` objects.*Received"):
        cb.CallbackList([wrong])
    with pytest.raises(TypeError, match="LambdaCallback"):
        cb.CallbackList().append(wrong)


def test_an_end_without_a_beginning_is_an_error():
    for phase in ("train", "test", "predict"):
        with pytest.raises(ValueError, match="without corresponding `on_xxx_begin`"):
            getattr(cb.CallbackList(), f"on_{phase}_end")()
    calls = cb.CallbackList()
    calls.on_train_begin()
    calls.on_test_begin()
    calls.on_test_end()
    calls.on_train_end()


def test_those_that_run_last_come_last_at_ends_only():
    calls = []
    both = cb.CallbackList([recorder("last", calls, runs_last=True), recorder("a", calls)])
    both.on_epoch_begin(0)
    both.on_train_batch_end(0)
    both.on_epoch_end(0)
    both.on_train_begin()
    both.on_train_end()
    order = [name for name, *_ in calls]
    assert order == ["last", "a", "a", "last", "a", "last", "last", "a", "last", "a"]


def raises(*args, **kwargs):
    raise RuntimeError("stop")


def test_one_that_raises_stops_only_those_after_it():
    calls = []
    first = recorder("first", calls, runs_last=True)
    bad = recorder("bad", calls, on_epoch_end=raises)
    late = recorder("late", calls, runs_last=True)
    with pytest.raises(RuntimeError, match="stop"):
        cb.CallbackList([first, bad, late]).on_epoch_end(0)
    assert [name for name, *_ in calls] == ["first"]


def test_siblings_hear_after_all_have_begun():
    heard = []

    class Curious(cb.Callback):
        def on_siblings_begun(self, siblings):
            heard.append((list(calls), siblings))

    calls = []
    curious = Curious()
    siblings = [curious, recorder("a", calls)]
    cb.CallbackList(siblings).on_train_begin()
    assert [[name for name, *_ in begun] for begun, _ in heard] == [["a"]]
    assert heard[0][1] == siblings


def test_needs_every_batch_by_phase():
    test_only = cb.LambdaCallback(on_test_batch_end=lambda batch, logs: None)
    calls = cb.CallbackList([cb.History(), test_only, cb.ProgbarLogger()])
    assert calls.needs_every_batch and calls.needs_every_test_batch
    assert not calls.needs_every_train_batch and not calls.needs_every_predict_batch
    assert not cb.CallbackList([cb.ProgbarLogger(), cb.TerminateOnNaN()]).needs_every_batch


def test_logs_become_floats_as_in_keras():
    from keras.src.utils.python_utils import pythonify_logs as reference

    logs = {
        "loss": np.float32(0.1),
        "b": np.array(2),
        "a": {"z": 1, "y": np.array([1.0])},
        "text": "word",
        "many": np.arange(3),
    }
    ours, theirs = pythonify_logs(logs), reference(logs)
    assert list(ours) == list(theirs)
    assert all(np.array_equal(ours[k], theirs[k]) for k in ours)
    assert type(ours["loss"]) is float and type(ours["b"]) is float
    assert pythonify_logs(None) == {}
