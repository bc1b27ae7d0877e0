import pytest

from kohort import callbacks as cb
from kohort.callbacks.callback import BATCH_HOOKS, needs_every_batch

EPOCH_HOOKS = [
    f"on_{phase}_{end}" for phase in ("train", "test", "predict") for end in ("begin", "end")
]


class Recorder(cb.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []


for _hook in EPOCH_HOOKS:
    setattr(Recorder, _hook, lambda self, logs=None, h=_hook: self.calls.append(h))


def test_every_hook_of_the_base_does_nothing():
    callback = cb.Callback()
    for hooks in BATCH_HOOKS.values():
        for hook in hooks:
            assert getattr(callback, hook)(0, logs={}) is None
    assert callback.on_epoch_begin(0, {}) is None
    assert callback.on_epoch_end(0, {}) is None
    assert callback.model is None and callback.params is None


def test_train_batch_hooks_call_the_old_names():
    class Old(cb.Callback):
        seen = []

        def on_batch_begin(self, batch, logs=None):
            self.seen.append(("begin", batch, logs))

        def on_batch_end(self, batch, logs=None):
            self.seen.append(("end", batch, logs))

    old = Old()
    old.on_train_batch_begin(3)
    old.on_train_batch_end(3, logs={"loss": 1.0})
    assert old.seen == [("begin", 3, None), ("end", 3, {"loss": 1.0})]


def test_model_and_params_are_there_without_super_init():
    class Careless(cb.Callback):
        def __init__(self):
            pass

    callback = Careless()
    assert callback.model is None and callback.params is None
    callback.set_params({"epochs": 2})
    callback.set_model("model")
    assert callback.model == "model" and callback.params == {"epochs": 2}


@pytest.mark.parametrize("phase", ["train", "test", "predict"])
def test_each_batch_hook_needs_every_batch_of_its_phase_only(phase):
    for hook in BATCH_HOOKS[phase]:
        kind = type("Kind", (cb.Callback,), {hook: lambda self, batch, logs=None: None})
        assert [p for p in BATCH_HOOKS if needs_every_batch(kind(), p)] == [phase]
        assert kind().needs_every_batch


def test_epoch_hooks_need_no_batches():
    class Epochs(cb.Callback):
        def on_epoch_end(self, epoch, logs=None): ...

        def on_train_begin(self, logs=None): ...

    assert not Epochs().needs_every_batch
    assert not cb.Callback().needs_every_batch


@pytest.mark.parametrize(
    "make",
    [
        cb.ProgbarLogger,
        cb.History,
        cb.TerminateOnNaN,
        cb.EarlyStopping,
        cb.ReduceLROnPlateau,
        cb.SwapEMAWeights,
        lambda: cb.ModelCheckpoint("m.keras"),
        lambda: cb.BackupAndRestore("b"),
        lambda: cb.BackupAndRestore("b", save_freq=False),
        lambda: cb.CSVLogger("l.csv"),
        lambda: cb.LearningRateScheduler(lambda epoch: 0.1),
        lambda: cb.LambdaCallback(on_epoch_end=print),
    ],
)
def test_own_callbacks_are_content_with_blocks(make):
    assert not make().needs_every_batch


@pytest.mark.parametrize(
    "make",
    [
        lambda: cb.ModelCheckpoint("m.keras", save_freq=2),
        lambda: cb.BackupAndRestore("b", save_freq=2),
        lambda: cb.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
        lambda: cb.LambdaCallback(on_batch_begin=lambda batch, logs: None),
    ],
)
def test_those_that_count_batches_need_every_batch(make):
    assert needs_every_batch(make(), "train")
    assert not needs_every_batch(make(), "predict")


def test_block_hooks_does_not_hold_for_a_hook_overridden_below():
    class Below(cb.TerminateOnNaN):
        def on_train_batch_end(self, batch, logs=None): ...

    class BelowAgain(cb.TerminateOnNaN):
        def on_batch_end(self, batch, logs=None): ...

    class Declared(Below):
        block_hooks = True

    class Saves(cb.ModelCheckpoint):
        def on_train_batch_end(self, batch, logs=None): ...

    assert Below().needs_every_batch and BelowAgain().needs_every_batch
    assert not Declared().needs_every_batch
    assert Saves("m.keras").needs_every_batch


def test_block_hooks_may_be_set_on_the_object():
    callback = cb.LambdaCallback(on_train_batch_end=lambda batch, logs: None, block_hooks=True)
    assert not callback.needs_every_batch


def test_callbacks_derived_from_keras_are_understood():
    import keras

    class Quiet(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None): ...

    class Busy(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None): ...

    calls = cb.CallbackList([Quiet()], epochs=1)
    calls.on_train_begin()
    calls.on_train_batch_end(0, {})
    assert not calls.needs_every_train_batch
    assert cb.CallbackList([Busy()]).needs_every_train_batch
