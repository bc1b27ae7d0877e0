"""`RematScope` and `remat`: computed again in the backward pass, with the same result."""

from contextlib import nullcontext

import jax
import numpy as np
import pytest

import kohort
from kohort import layers

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")


class Block(layers.Layer):
    """Writes to variables (moving mean, seed) and adds a loss."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Dense(5, "relu"), layers.BatchNormalization(), layers.Dropout(0.5)]

    def call(self, x, training=None):
        self.add_loss(1e-3 * kohort.ops.sum(x))
        for part in self.parts:
            x = part(x, training=training)
        return x


def model_in(scope):
    kohort.utils.set_random_seed(0)
    with scope:
        block = Block()
    model = kohort.Sequential([kohort.Input((4,)), block, layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(X, X[:, :1], epochs=2, verbose=0)
    return history.history["loss"], model.get_weights()


def test_the_training_is_the_same():
    (loss, weights), (again, others) = model_in(nullcontext()), model_in(kohort.RematScope())
    np.testing.assert_allclose(loss, again, rtol=1e-5)
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def rematerialises(layer):
    layer(X)
    with kohort.StatelessScope():
        return "remat" in str(jax.make_jaxpr(jax.grad(lambda x: layer(x).sum()))(X))


@pytest.mark.parametrize("mode, settings, expected", [
    ("full", {}, True),
    ("activations", {}, True),
    ("larger_than", {"output_size_threshold": 64 * 3}, True),
    ("larger_than", {"output_size_threshold": 64 * 4}, False),
    ("list_of_layers", {"layer_names": ["chosen"]}, True),
    ("list_of_layers", {"layer_names": ["other"]}, False),
    (None, {}, False),
])  # fmt: skip
def test_modes(mode, settings, expected):
    with kohort.RematScope(mode, **settings):
        layer = layers.Dense(4, activation="relu", name="chosen")
    assert rematerialises(layer) == expected
    assert not rematerialises(layers.Dense(4, activation="relu"))


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="Invalid mode 'some'"):
        kohort.RematScope("some")


def test_remat_of_a_function_keeps_writes_and_settings():
    v = kohort.Variable(1.0)

    @kohort.remat
    def step(x, double=False):
        v.assign_add(1.0)
        return x * v * (2 if double else 1)

    assert float(step(3.0, double=True)) == 12 and v.numpy() == 2
