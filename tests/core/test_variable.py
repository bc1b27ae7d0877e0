"""Variables and name scopes: Keras's arguments, what they refuse, and comparisons."""

import threading

import jax
import numpy as np
import pytest

import kohort as keras
from kohort.core.naming import current_path, name_scope


def test_a_variable_takes_an_initialisers_name():
    ones = keras.Variable("ones", shape=(2,), dtype="int8")
    np.testing.assert_array_equal(ones.numpy(), [1, 1])
    assert ones.dtype == "int8"
    with pytest.raises(ValueError, match="the `shape` argument"):
        keras.Variable("ones")


def test_variables_are_compared_value_by_value():
    a, b = keras.Variable([1.0, 2.0]), keras.Variable([1, 3])
    np.testing.assert_array_equal(a == b, [True, False])
    np.testing.assert_array_equal(a != b, [False, True])
    assert a != "text" and {a: 1}[a] == 1


def test_and_or_xor_are_logical_as_in_keras():
    a, b = keras.Variable([2, 0]), keras.Variable([1.0, 3.0])
    np.testing.assert_array_equal(a & b, [True, False])
    np.testing.assert_array_equal(a | b, [True, True])
    np.testing.assert_array_equal(b ^ a, [False, True])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"name": 3}, "must be a string"),
        ({"name": "a/b"}, "character `/`"),
        ({"aggregation": "most"}, "`aggregation`.*aggregation=most"),
        ({"synchronization": "later"}, "synchronization=later"),
        ({"shape": (None, 2)}, "fully-defined"),
    ],
)
def test_what_a_variable_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        keras.Variable("zeros", **{"shape": (2,), **options})


def test_attributes_are_checked():
    variable = keras.Variable(1.0)
    variable.regularizer = variable.constraint = abs
    assert variable.regularizer is variable.constraint is abs
    for attribute in ("regularizer", "constraint"):
        with pytest.raises(ValueError, match=f"`{attribute}`.*callable"):
            setattr(variable, attribute, "l2")
    with pytest.raises(TypeError, match="must be a boolean"):
        variable.overwrite_with_gradient = "true"


def test_name_scopes():
    with name_scope("outer") as outer, name_scope("inner"):
        assert outer.name == "outer" and current_path() == "outer/inner"
        with name_scope("leaf", override_parent="/an/other"):
            assert current_path() == "an/other/leaf"
    with name_scope("a", caller=1), name_scope("a", caller=1):
        assert current_path() == "a"
        with name_scope("b", caller=1), name_scope("b", caller=1, deduplicate=False):
            assert current_path() == "a/b/b"
    for name in ("a/b", 4):
        with pytest.raises(ValueError, match="must be a string"):
            name_scope(name)


def test_each_thread_has_its_own_scopes():
    found = []

    def look():
        with name_scope("mine"):
            found.append(current_path())

    with name_scope("others"):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert found == ["mine"]


def test_device_by_name_or_itself():
    for place in ("CPU:0", jax.devices("cpu")[0]):
        with keras.device(place):
            assert keras.ops.ones(1).devices() == {jax.devices("cpu")[0]}
    with pytest.raises(ValueError, match="Received: device_name='123'"):
        keras.device(123).__enter__()
