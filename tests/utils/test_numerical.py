"""One-hot coding and normalising, against Keras."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from kohort.utils import np_utils
from kohort.utils.numerical import normalize, to_categorical


@pytest.mark.parametrize("shape", [(1,), (3,), (4, 3), (5, 4, 3), (3, 1), (3, 2, 1)])
@pytest.mark.parametrize("num_classes", [None, 5])
def test_to_categorical_like_keras(shape, num_classes):
    labels = np.random.default_rng(0).integers(0, 5, shape)
    expected = keras.utils.to_categorical(labels, num_classes)
    result = to_categorical(labels, num_classes)
    assert_array_equal(result, expected)
    assert result.dtype == expected.dtype


def test_to_categorical_keeps_jax_arrays():
    result = to_categorical(jnp.array([[0], [2]]), 3)
    assert isinstance(result, jnp.ndarray)
    assert_array_equal(result, [[1, 0, 0], [0, 0, 1]])
    assert to_categorical(jnp.array([0, 2])).shape == (2, 3)


def test_to_categorical_says_which_classes_came():
    with pytest.raises(ValueError, match=r"0 \.\. num_classes - 1 = 2. Received: .* 0 to 3"):
        to_categorical([0, 3], 3)
    with pytest.raises(ValueError, match="empty"):
        to_categorical([])


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("axis", [-1, 1])
def test_normalize_like_keras(order, axis):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    x[1] = 0
    assert_allclose(normalize(x, axis, order), keras.utils.normalize(x, axis, order), rtol=1e-6)
    result = normalize(jnp.asarray(x), axis, order)
    assert isinstance(result, jnp.ndarray)
    assert_allclose(result, keras.utils.normalize(jnp.asarray(x), axis, order), rtol=1e-5)


def test_normalize_refuses_a_strange_order():
    with pytest.raises(ValueError, match="`order` must be an int >= 1. Received: order=0"):
        normalize(jnp.ones((2, 2)), order=0)


def test_np_utils_is_the_old_name():
    assert np_utils.to_categorical is to_categorical
    assert np_utils.normalize is normalize
