"""Keras 2's `backend` functions, in the lines in which scripts use them."""

import numpy as np
import pytest

from kohort import Input, layers
from kohort import backend as K

X = np.random.default_rng(0).uniform(0.1, 1, (2, 3)).astype("float32")


def test_functions_of_arrays():
    y = K.constant(X)
    np.testing.assert_allclose(K.mean(K.square(y), axis=-1), (X**2).mean(-1), rtol=1e-6)
    np.testing.assert_allclose(K.sum(K.abs(y - 1), axis=0, keepdims=True), (1 - X).sum(0)[None])
    np.testing.assert_allclose(K.concatenate([y, y]), np.concatenate([X, X], -1))
    np.testing.assert_allclose(K.permute_dimensions(y, (1, 0)), X.T)
    np.testing.assert_allclose(K.dot(y, K.transpose(y)), X @ X.T, rtol=1e-6)
    np.testing.assert_allclose(K.pow(y, 2), X**2, rtol=1e-6)
    np.testing.assert_allclose(K.l2_normalize(y, -1), X / np.linalg.norm(X, axis=-1)[:, None])
    assert K.batch_flatten(y[:, :, None]).shape == (2, 3) and K.flatten(y).shape == (6,)
    assert K.expand_dims(y).shape == (2, 3, 1) and K.ndim(y) == 2
    assert K.cast(y, "int32").dtype == "int32" and K.int_shape(y) == (2, 3)
    assert K.random_normal((2, 2), seed=1).shape == K.random_uniform((2, 2)).shape
    np.testing.assert_allclose(K.batch_dot(y[:, None], y[:, :, None])[:, 0, 0], (X**2).sum(1))
    np.testing.assert_array_equal(K.switch(np.array([True, False, True]), y, 0 * y)[:, 1], [0, 0])


def test_variables_and_functions():
    v = K.variable(X)
    K.set_value(v, X + 1)
    np.testing.assert_allclose(K.get_value(v), X + 1)
    inputs = Input((3,))
    outputs = layers.Dense(2)(inputs)
    (found,) = K.function([inputs], [outputs])([X])
    assert type(found) is np.ndarray and found.shape == (2, 2)
    assert K.placeholder((None, 3)).shape == (None, 3)
    K.set_learning_phase(0)
    assert K.learning_phase() == 0
    with pytest.raises(NotImplementedError, match="jax.grad"):
        K.gradients(outputs, inputs)
    with pytest.raises(AttributeError, match="no_such_thing"):
        K.no_such_thing  # noqa: B018


def test_ctc_with_the_blank_last():
    probabilities = np.full((1, 4, 3), 0.05, "float32")
    probabilities[0, [0, 1, 2, 3], [0, 0, 2, 1]] = 0.9  # 0, 0, blank, 1
    cost = K.ctc_batch_cost(np.array([[0, 1]]), probabilities, np.array([[4]]), np.array([[2]]))
    # Of the nine ways to spell 0, 1 in four steps the likeliest has probability 0.9 ** 4.
    assert cost.shape == (1, 1) and 0 < float(cost[0, 0]) < -4 * np.log(0.9)
    paths, _ = K.ctc_decode(probabilities, np.array([4]))
    assert [n for n in np.asarray(paths[0])[0] if n >= 0] == [0, 1]
