"""Arrays that go to the device, and what variables make of them."""

import logging

import jax
import numpy as np
import pytest

import kohort as keras
from kohort.core.arrays import to_device

LARGE = 100_000  # a NumPy array of this size is aligned, so that JAX could take over its memory


def test_a_variable_does_not_share_memory_with_what_it_was_given():
    first, second = np.zeros(LARGE, "float32"), np.ones(LARGE, "float32")
    variable = keras.Variable(first)
    first[0] = 7
    assert variable.numpy()[0] == 0
    variable.assign(second)
    second[0] = 7
    assert variable.numpy()[0] == 1


def test_a_variable_shows_its_value():
    variable = keras.Variable([1.25, -2.0], name="v")
    assert repr(variable) == "<Variable path=v, shape=(2,), dtype=float32, value=[ 1.25 -2.  ]>"
    np.testing.assert_array_equal(round(variable), [1.0, -2.0])


@pytest.mark.parametrize(
    "given, dtype, expected",
    [
        (np.array([1.5, -2.0]), "float32", [1.5, -2.0]),
        (np.array([1, 2], "int64"), None, [1, 2]),
        (np.array([True, False]), "float32", [1, 0]),
        (np.array([1.7, -1.7], "float32"), "int32", [1, -1]),
        (3, "bfloat16", 3),
        (2.5, None, 2.5),
    ],
)
def test_values_and_dtypes_are_those_of_jax(given, dtype, expected):
    found = to_device(given, dtype)
    np.testing.assert_array_equal(np.asarray(found, "float32"), expected)
    reference = jax.numpy.asarray(np.asarray(given), dtype)
    assert found.dtype == reference.dtype and not found.weak_type


def test_building_a_model_compiles_nothing(caplog):
    with caplog.at_level(logging.WARNING), jax.log_compiles():
        keras.Sequential(
            [
                keras.layers.Input((17,)),
                keras.layers.Dense(19, activation="relu"),
                keras.layers.BatchNormalization(),
                keras.layers.Dense(3),
            ]
        ).compile("adam", "mse", metrics=["mae"])
    assert [r.message for r in caplog.records if "XLA compilation" in r.message] == []


def test_a_restored_training_state_is_the_model_s_own():
    model = keras.Sequential([keras.layers.Input((LARGE,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    state = model.get_training_state()
    (kernel,) = (name for name in state if name.endswith("kernel"))
    state[kernel] = np.zeros((LARGE, 1), "float32")
    model.set_training_state(state)
    state[kernel][:] = 7
    assert model.get_weights()[0].max() == 0
