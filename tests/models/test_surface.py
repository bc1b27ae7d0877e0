"""Small promises of models and layers that scripts rely on, as in Keras."""

from __future__ import annotations

import numpy as np
import pytest

import kohort as keras
from kohort import layers, ops

X, Y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")


def compiled(**arguments):
    x = layers.Input((3,))
    model = keras.Model(x, layers.Dense(1, name="last")(x), name="net")
    model.compile("sgd", "mse", **arguments)
    return model


def test_activity_penalty_does_not_grow_with_the_batch():
    for rows in (1, 5):
        layer = layers.Activation("linear", activity_regularizer=keras.regularizers.L2(0.1))
        layer(np.full((rows, 2), 2.0))
        np.testing.assert_allclose(layer.losses[0], 0.1 * 2 * 4, rtol=1e-6)


def test_training_reaches_inner_layers_through_a_call_that_does_not_take_it():
    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.drop = layers.Dropout(0.5, seed=1)

        def call(self, x):
            return self.drop(x)

    assert (np.asarray(Outer()(X, training=True)) == 0).any()
    assert (np.asarray(Outer()(X)) == 1).all()


def test_an_explicit_mask_travels_on():
    from kohort.testing.extra import get_keras_mask

    class Pass(layers.Layer):
        supports_masking = True

        def call(self, x, mask=None):
            return ops.multiply(x, 1.0)

    layer = Pass()
    layer.supports_masking = True
    mask = np.array([True, False, True, True])
    np.testing.assert_array_equal(get_keras_mask(layer(X, mask=mask)), mask)


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_trainable_must_be_a_boolean(value):
    with pytest.raises(ValueError, match="to be a boolean"):
        layers.Dense(1, trainable=value)


def test_dtype_policy_may_be_set_by_name():
    layer = layers.Dense(1)
    layer.dtype_policy = "mixed_bfloat16"
    assert layer.compute_dtype == "bfloat16" and layer(X).dtype == "bfloat16"


def test_a_cast_is_no_part_of_the_graph():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        assert [type(o).__name__ for o in compiled().operations] == ["InputLayer", "Dense"]
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("phase", ["train", "test", "predict"])
def test_a_callback_stops_an_endless_source(phase):
    class Stopper(keras.callbacks.Callback):
        calls = 0

        def stop(self, batch, logs=None):
            self.calls += 1
            if self.calls == 3:
                name = {"train": "training", "test": "evaluating", "predict": "predicting"}[phase]
                setattr(self.model, f"stop_{name}", True)

        on_train_batch_end = on_test_batch_end = on_predict_batch_end = stop

    def endless():
        while True:
            yield (X,) if phase == "predict" else (X, Y)

    method = {"train": "fit", "test": "evaluate", "predict": "predict"}[phase]
    stopper = Stopper()
    getattr(compiled(), method)(endless(), callbacks=[stopper], verbose=0)
    assert stopper.calls == 3


def test_a_metric_with_a_reset_of_its_own_is_asked():
    class Forever(keras.metrics.Sum):
        def reset_state(self):
            pass

    class Rows(Forever):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(ops.ones_like(y_true))

    history = compiled(metrics=[Rows(name="rows")]).fit(X, Y, epochs=3, verbose=0).history
    assert history["rows"] == [4.0, 8.0, 12.0]


def test_compute_loss_may_give_the_losses_other_outputs():
    class Twice(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x, y, y_pred, sample_weight=None, **kwargs):
            return super().compute_loss(
                x=x, y=y, y_pred=[y_pred, y_pred], sample_weight=sample_weight, **kwargs
            )

    model = Twice()
    model.compile("sgd", ["mse", "mae"])
    history = model.fit(X, (Y, Y), verbose=0).history
    total = history["mse_loss"][0] + history["mae_loss"][0]
    np.testing.assert_allclose(history["loss"], total, rtol=1e-5)


class TestStateTree:
    def test_round_trip(self):
        one = compiled()
        one.fit(X, Y, verbose=0)
        keras.utils.clear_session()
        other = compiled()
        other.set_state_tree(one.get_state_tree(value_format="numpy_array"))
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert int(other.optimizer.iterations) == int(one.optimizer.iterations) == 1

    def test_an_unknown_path_is_named(self):
        with pytest.warns(UserWarning, match="no variable: \\['typo/kernel'\\]"):
            compiled().set_state_tree({"trainable_variables": {"typo": {"kernel": X}}})


class TestFunctionalMessages:
    def test_output_that_no_input_leads_to(self):
        a, b = layers.Input((2,)), layers.Input((2,))
        with pytest.raises(ValueError, match="Output with path `far` is not connected"):
            keras.Model(a, {"near": a * 2, "far": b * 2})

    def test_number_of_inputs(self):
        with pytest.raises(ValueError, match=r"expects 1 input\(s\), but it received 2"):
            compiled()([X, X])

    def test_rank(self):
        with pytest.raises(ValueError, match="incompatible shape"):
            compiled()(np.ones((2, 3, 4)))

    def test_an_input_too_many_warns(self):
        x = layers.Input((3,), name="a")
        model = keras.Model({"a": x}, x * 2)
        with pytest.warns(UserWarning, match="structure of `inputs`"):
            model({"a": X, "b": X})


def test_predict_before_the_first_fit():
    x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.predict(x, verbose=0)
    history = model.fit(x, y, verbose=0).history
    assert list(history) == ["loss", "mae"]
