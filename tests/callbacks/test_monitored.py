"""EarlyStopping, ReduceLROnPlateau, ModelCheckpoint: decisions as in Keras, step by step."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort import callbacks as cb
from kohort.callbacks.monitor_callback import metric_mode
from kohort.ops.elementwise import greater, less
from tests.callbacks.fakes import Metric, Model

# Eighths are exact in every float type, so that comparisons agree bit for bit.
EIGHTHS = st.integers(-40, 40).map(lambda n: n / 8)
VALUES = st.lists(EIGHTHS | st.just(float("nan")), min_size=1, max_size=12)
DELTAS = st.sampled_from([0, 0.125, 0.5, -0.25])
MODES = st.sampled_from(["min", "max"])


def drive(callback, values, name="val_loss"):
    """Give a callback the values, epoch by epoch; return what it shows after each."""
    model = Model()
    callback.set_model(model)
    callback.on_train_begin()
    trace = []
    for epoch, value in enumerate(values):
        model.weights = np.full(3, epoch, "float32")
        callback.on_epoch_begin(epoch)
        logs = {name: value}
        callback.on_epoch_end(epoch, logs)
        shown = [getattr(callback, k, None) for k in ("best", "wait", "cooldown_counter")]
        rate = float(model.optimizer.learning_rate)
        trace.append((*shown, logs.get("learning_rate"), rate, model.stop_training, *model.saved))
        if model.stop_training:
            break
    callback.on_train_end()
    return repr(trace), model.weights.tolist()


@given(
    values=VALUES,
    mode=MODES,
    min_delta=DELTAS,
    patience=st.integers(0, 3),
    baseline=st.none() | EIGHTHS,
    restore_best_weights=st.booleans(),
    start_from_epoch=st.integers(0, 3),
)
def test_early_stopping_decides_as_in_keras(values, **options):
    ours, theirs = cb.EarlyStopping(**options), keras.callbacks.EarlyStopping(**options)
    assert drive(ours, values) == drive(theirs, values)
    assert (ours.stopped_epoch, ours.best_epoch) == (theirs.stopped_epoch, theirs.best_epoch)


@given(
    values=VALUES,
    mode=MODES,
    min_delta=DELTAS,
    patience=st.integers(0, 3),
    cooldown=st.integers(0, 3),
    factor=st.sampled_from([0.1, 0.5]),
    min_lr=st.sampled_from([0.0, 0.03]),
)
def test_reduce_lr_decides_as_in_keras(values, **options):
    ours, theirs = cb.ReduceLROnPlateau(**options), keras.callbacks.ReduceLROnPlateau(**options)
    assert drive(ours, values) == drive(theirs, values)


@given(
    values=VALUES,
    mode=MODES,
    initial_value_threshold=st.none() | EIGHTHS,
    save_best_only=st.booleans(),
    save_weights_only=st.booleans(),
)
def test_model_checkpoint_decides_as_in_keras(values, **options):
    ending = "weights.h5" if options["save_weights_only"] else "keras"
    path = f"{{epoch:02d}}-{{val_loss:.2f}}.{ending}"
    ours = cb.ModelCheckpoint(path, **options)
    theirs = keras.callbacks.ModelCheckpoint(path, **options)
    assert drive(ours, values) == drive(theirs, values)


@pytest.mark.parametrize(
    "make",
    [
        lambda lib: lib.EarlyStopping(patience=0, verbose=1, restore_best_weights=True),
        lambda lib: lib.ReduceLROnPlateau(patience=1, verbose=1),
        lambda lib: lib.ModelCheckpoint("{epoch}.keras", verbose=1, save_best_only=True),
        lambda lib: lib.ModelCheckpoint("{epoch}.keras", verbose=1),
        lambda lib: lib.LearningRateScheduler(lambda epoch, lr: lr / 2, verbose=1),
    ],
)
def test_verbose_prints_what_keras_prints(make, capsys):
    drive(make(cb), [0.5, 0.4, 0.6, 0.7])
    ours = capsys.readouterr().out
    drive(make(keras.callbacks), [0.5, 0.4, 0.6, 0.7])
    assert ours == capsys.readouterr().out and ours


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda lib: lib.EarlyStopping("nothing", mode="min"), "Early stopping conditioned on"),
        (lambda lib: lib.ReduceLROnPlateau("nothing", mode="min"), "Learning rate reduction is"),
        (
            lambda lib: lib.ModelCheckpoint("m.keras", "nothing", mode="min", save_best_only=True),
            "Can save best model only with nothing available.",
        ),
    ],
)
def test_a_missing_name_gives_keras_warning_and_the_names(make, text):
    with pytest.warns(UserWarning, match=text) as ours:
        drive(make(cb), [0.5])
    with pytest.warns(UserWarning) as theirs:
        drive(make(keras.callbacks), [0.5])
    assert str(ours[0].message).startswith(str(theirs[0].message))
    assert "Available metrics are: " in str(ours[0].message)
    assert "val_loss" in str(ours[0].message)


METRICS = [
    Metric("accuracy", "up"),
    Metric("mse", "down"),
    Metric("plain"),
    type("Container", (), {"name": "compile_metrics", "metrics": [Metric("auc", "up")]})(),
]


@pytest.mark.parametrize(
    ("monitor", "mode"),
    [
        ("loss", "min"),
        ("val_loss", "min"),
        ("accuracy", "max"),
        ("val_mse", "min"),
        ("val_auc", "max"),
        ("left_accuracy", "max"),
        ("val_right_loss", "min"),
        ("plain", None),
        ("unknown", None),
    ],
)
def test_auto_asks_the_metrics(monitor, mode):
    assert metric_mode(monitor, METRICS) == mode
    callback = cb.EarlyStopping(monitor)
    callback.set_model(Model(METRICS))
    if mode is None:
        with pytest.raises(ValueError, match="Pass `mode='max'`"):
            callback.on_epoch_end(0, {monitor: 1.0})
    else:
        callback._set_monitor_op()
        assert callback.monitor_op is (less if mode == "min" else greater)


def test_a_metric_named_like_a_loss_has_its_own_direction():
    assert metric_mode("val_inverse_loss", [Metric("inverse_loss", "up")]) == "max"


def test_an_unknown_mode_warns_and_becomes_auto():
    with pytest.warns(UserWarning, match="EarlyStopping mode 'best' is unknown"):
        assert cb.EarlyStopping(mode="best").mode == "auto"


def test_improvements():
    callback = cb.MonitorCallback(mode="max", min_delta=0.5)
    callback._set_monitor_op()
    assert callback._is_improvement(0.75, 0) is True
    assert callback._is_improvement(0.5, None) is True
    assert callback._is_improvement(0.5, 0) is False
    callback.monitor_op = np.less  # as old scripts do
    assert callback._is_improvement(0.2, 0.5) is True


@pytest.mark.parametrize("make", [cb.EarlyStopping, cb.ReduceLROnPlateau])
def test_a_second_fit_starts_anew(make):
    callback = make(mode="min", patience=5)
    first, _ = drive(callback, [0.1, 0.2])
    assert drive(callback, [0.3, 0.4])[0] == drive(make(mode="min", patience=5), [0.3, 0.4])[0]
    assert first != ""


def test_early_stopping_without_a_stop_leaves_the_epoch_at_zero():
    callback = cb.EarlyStopping(patience=3)
    drive(callback, [0.3, 0.2, 0.1])
    assert callback.stopped_epoch == 0 and callback.best_epoch == 2


def test_reduce_lr_rejects_a_factor_that_does_not_reduce():
    with pytest.raises(ValueError, match="does not support a factor >= 1.0. Received factor=1.5"):
        cb.ReduceLROnPlateau(factor=1.5)


def test_reduce_lr_knows_its_old_argument_and_warns_of_others():
    assert cb.ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5
    with pytest.warns(UserWarning, match=r"unknown arguments \['patient'\]"):
        cb.ReduceLROnPlateau(patient=3)


def test_several_optimizers_are_all_reduced():
    model = Model()
    model.optimizer = type("Multi", (), {"optimizers": [model.optimizer, Model().optimizer]})()
    model.optimizer.optimizers[1].name = "adam"
    callback = cb.ReduceLROnPlateau("loss", patience=1)
    callback.set_model(model)
    callback.on_train_begin()
    logs = [{"loss": 1.0}, {"loss": 1.0}]
    for epoch in range(2):
        callback.on_epoch_end(epoch, logs[epoch])
    rates = [float(each.learning_rate) for each in model.optimizer.optimizers]
    np.testing.assert_allclose(rates, 0.01, rtol=1e-6)
    assert set(logs[1]) == {"loss", "learning_rate_sgd", "learning_rate_adam"}


@pytest.mark.parametrize("make", [cb.EarlyStopping, cb.ReduceLROnPlateau])
def test_state_goes_over_to_another_object(make):
    values = [0.5, 0.4, 0.45, 0.46, 0.3, 0.35]
    options = {"mode": "min", "patience": 2}
    whole, halves = make(**options), make(**options)
    drive(whole, values[:4])
    drive(halves, values[:2])
    resumed = make(**options)
    resumed.set_model(Model())
    resumed.on_train_begin()
    resumed.set_state(halves.get_state())
    for epoch in (2, 3):
        resumed.on_epoch_end(epoch, {"val_loss": values[epoch]})
    assert repr(resumed.get_state()) == repr(whole.get_state())
