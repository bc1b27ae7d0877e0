"""Activations against Keras: values, gradients, names, configurations."""

import jax
import keras
import numpy as np
import pytest

from kohort import activations
from kohort.core.registry import register_keras_serializable
from kohort.core.symbolic import KerasTensor
from kohort.errors import KohortWarning

X = np.array([[-7.0, -3.0, -0.6, -0.1, 0.0, 0.2, 0.9, 2.0, 6.5, 11.0]], "float32")
NAMES = [n for n in dir(keras.activations) if n not in ("get", "serialize", "deserialize")
         and not n.startswith("_")]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients(name):
    ours, theirs = getattr(activations, name), getattr(keras.activations, name)
    args = (0.5, -1.0) if name == "threshold" else ()
    x = jax.numpy.asarray(X)
    np.testing.assert_allclose(ours(x, *args), theirs(x, *args), rtol=1e-5, atol=1e-6)
    slopes = [jax.jit(jax.grad(lambda v, f=f: f(v, *args).sum()))(x) for f in (ours, theirs)]
    np.testing.assert_allclose(*slopes, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kwargs", [
    {"negative_slope": 0.1}, {"max_value": 6}, {"max_value": 2.0}, {"threshold": 0.5},
    {"negative_slope": 0.1, "max_value": 2.0, "threshold": 0.5},
    {"negative_slope": 0.1, "threshold": -0.5},
])  # fmt: skip
def test_relu_settings(kwargs):
    theirs = keras.activations.relu(X, **kwargs)
    np.testing.assert_allclose(activations.relu(X, **kwargs), theirs, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_name_round_trip(name):
    function = activations.get(name)
    again = activations.deserialize(activations.serialize(function))
    assert again is function
    if name != "threshold":
        assert function(KerasTensor((None, 4))).shape[0] is None
    assert activations.serialize(function) == keras.activations.serialize(
        keras.activations.get(name)
    )


def test_none_is_linear_and_callables_stay():
    assert activations.get(None) is activations.linear
    assert activations.get(np.sin) is np.sin
    with pytest.raises(ValueError, match="Could not interpret activation function identifier"):
        activations.get("unknown")


def test_custom_function_round_trip():
    @register_keras_serializable(package="tests")
    def thrice(x):
        return 3 * x

    config = activations.serialize(thrice)
    assert activations.deserialize(config) is thrice


def test_softmax_over_one_class_warns():
    with pytest.warns(KohortWarning, match="softmax over axis -1"):
        activations.softmax(np.ones((2, 1), "float32"))
