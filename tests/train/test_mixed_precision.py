"""Training in half precision: Keras's dtypes, loss scale, skipped steps and numbers."""

import keras
import numpy as np
import pytest

import kohort
from kohort import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 5)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


@pytest.fixture(autouse=True)
def policies():
    yield
    kohort.config.set_dtype_policy("float32")
    keras.config.set_dtype_policy("float32")


def network(k, optimizer):
    model = k.Sequential(
        [
            k.Input((5,)),
            k.layers.Dense(4, "tanh", kernel_regularizer="l2"),
            k.layers.BatchNormalization(),
            k.layers.Dense(1, "sigmoid", dtype="float32"),
        ]
    )
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def moved_by_three_steps():
    """Plain gradient descent on the squared error, from ones."""
    kernel, bias = np.ones((5, 1)), np.zeros(1)
    for _ in range(3):
        error = 2 * (X @ kernel + bias - Y) / len(X)
        kernel, bias = kernel - 0.1 * X.T @ error, bias - 0.1 * error.sum(0)
    return kernel


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_training_gives_keras_s_numbers(policy):
    models = []
    for k in (kohort, keras):
        k.config.set_dtype_policy(policy)
        models.append(network(k, "adam"))
    ours, theirs = models
    ours.set_weights(theirs.get_weights())
    options = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
    found, expected = (m.fit(X, Y, **options).history for m in models)
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=2e-3)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert a.dtype == b.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=2e-3)
    assert type(ours.optimizer).__name__ == type(theirs.optimizer).__name__
    assert ours.predict(X, verbose=0).dtype == np.float32
    hidden = ours.layers[0](X[:2])
    assert str(hidden.dtype) == policy.removeprefix("mixed_")


def test_a_step_that_overflows_is_skipped_and_halves_the_scale_as_in_keras():
    histories = []
    for k in (kohort, keras):
        k.config.set_dtype_policy("mixed_float16")
        model = k.Sequential([k.Input((5,)), k.layers.Dense(1, kernel_initializer="ones")])
        scaled = k.optimizers.LossScaleOptimizer(
            k.optimizers.SGD(0.1), initial_scale=1024.0, dynamic_growth_steps=2
        )
        model.compile(scaled, "mse")
        history = []
        for overflows in (True, False, False, True, False):
            before = model.get_weights()[0]
            model.train_on_batch(np.where(overflows, np.inf, X), Y)
            moved = not np.array_equal(before, model.get_weights()[0])
            history.append((float(np.asarray(scaled.dynamic_scale.value)), moved))
        histories.append(history)
        np.testing.assert_allclose(model.get_weights()[0], moved_by_three_steps(), rtol=5e-3)
    assert histories[0] == histories[1]
    scales = [512.0, 512.0, 1024.0, 512.0, 512.0]
    assert histories[0] == list(zip(scales, [False, True, True, False, True], strict=True))


def test_a_map_of_policies_by_layer():
    policies = kohort.dtype_policies.DTypePolicyMap("float32")
    policies["half.*"] = "mixed_bfloat16"
    assert layers.Dense(1, dtype=policies, name="half_1").compute_dtype == "bfloat16"
    assert layers.Dense(1, dtype=policies, name="other").compute_dtype == "float32"
    made = kohort.dtype_policies.deserialize(kohort.dtype_policies.serialize(policies))
    assert made == policies and list(made) == ["half.*"] and len(made) == 1
    with pytest.raises(ValueError, match="already exist"):
        policies["half.*"] = "float16"
    policies["half_.*"] = "float16"
    with pytest.raises(ValueError, match="multiple dtype policy"):
        policies["half_1"]
    del policies["half_.*"]
    with pytest.raises(ValueError, match="Cannot interpret the assigned value"):
        policies["x"] = 123
    with pytest.raises(TypeError, match="must be a dict"):
        kohort.dtype_policies.DTypePolicyMap(policy_map=123)
