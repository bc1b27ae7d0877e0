"""Constraints against real Keras."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort import constraints
from kohort.core.frame import Frame

W = np.random.default_rng(0).normal(size=(4, 3, 2)).astype("float32") * 2
AXIS = st.sampled_from([0, 1, -1, [0, 1]])
VALUE = st.floats(0, 3)


def same(ours, theirs):
    np.testing.assert_allclose(ours(W), theirs(W), rtol=1e-5, atol=1e-6)
    assert constraints.serialize(ours) == keras.constraints.serialize(theirs)
    back = constraints.deserialize(keras.constraints.serialize(theirs))
    np.testing.assert_array_equal(back(W), ours(W))


@given(max_value=VALUE, axis=AXIS)
def test_max_norm(max_value, axis):
    same(constraints.MaxNorm(max_value, axis), keras.constraints.MaxNorm(max_value, axis))


@given(axis=AXIS)
def test_unit_norm(axis):
    same(constraints.UnitNorm(axis), keras.constraints.UnitNorm(axis))


@given(low=VALUE, width=VALUE, rate=st.sampled_from([0.0, 0.3, 1.0]), axis=AXIS)
def test_min_max_norm(low, width, rate, axis):
    args = (low, low + width, rate, axis)
    same(constraints.MinMaxNorm(*args), keras.constraints.MinMaxNorm(*args))


def test_non_neg():
    same(constraints.NonNeg(), keras.constraints.NonNeg())
    same(constraints.Constraint(), keras.constraints.Constraint())


def test_the_bound_is_a_leaf():
    constraint = constraints.MaxNorm(2)

    def limited(bound):
        with Frame(leaves={(id(constraint), "max_value"): bound}):
            return constraint(jnp.array([[3.0], [4.0]]))

    norms = jnp.linalg.norm(jax.vmap(limited)(jnp.array([1.0, 2.0, 9.0])), axis=(1, 2))
    np.testing.assert_allclose(norms, [1.0, 2.0, 5.0], rtol=1e-5)


def test_get():
    assert constraints.get(None) is None
    assert isinstance(constraints.get("unit_norm"), constraints.UnitNorm)
    assert isinstance(constraints.get(constraints.NonNeg), constraints.NonNeg)
    assert constraints.get({"class_name": "MaxNorm", "config": {"max_value": 3}}).max_value == 3
    assert constraints.max_norm is constraints.MaxNorm
    with pytest.raises(ValueError, match="Could not interpret constraint identifier: typo"):
        constraints.get("typo")
    with pytest.raises(ValueError, match="max_value=-1"):
        constraints.MaxNorm(-1)
