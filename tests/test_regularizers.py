"""Regularisers against real Keras, alone and as leaves of a Frame."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort import regularizers
from kohort.core.frame import Frame
from kohort.core.variable import Variable

FACTOR = st.floats(0, 1)
X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
CASES = [
    ("L1", {"l1": 0.3}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {"l1": 0.3, "l2": 0.2}),
    ("L1L2", {}),
    ("L1", {"l1": None}),
    ("L2", {"l2": 0.0}),
    ("OrthogonalRegularizer", {"factor": 0.3, "mode": "rows"}),
    ("OrthogonalRegularizer", {"factor": 0.3, "mode": "columns"}),
]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_penalties_and_configurations(name, options):
    ours, theirs = (getattr(k, name)(**options) for k in (regularizers, keras.regularizers))
    expected = theirs(keras.ops.convert_to_tensor(X))
    np.testing.assert_allclose(ours(jnp.asarray(X)), expected, rtol=1e-6)
    np.testing.assert_allclose(ours(Variable(X)), expected, rtol=1e-6)
    mine, keras_ones = regularizers.serialize(ours), keras.regularizers.serialize(theirs)
    assert mine["config"].pop("mode", 0) == keras_ones["config"].pop("mode", 0)
    assert mine.keys() == keras_ones.keys()
    assert mine["config"] == pytest.approx(keras_ones["config"])
    assert type(regularizers.deserialize(keras.regularizers.serialize(theirs))) is type(ours)


@given(l1=FACTOR, l2=FACTOR)
def test_l1_l2(l1, l2):
    ours = regularizers.L1L2(l1, l2)(X)
    np.testing.assert_allclose(ours, l1 * np.abs(X).sum() + l2 * (X**2).sum(), rtol=1e-5, atol=1e-6)


def test_the_dtype_stays():
    assert regularizers.L1L2(0.1, 0.1)(jnp.ones(3, "bfloat16")).dtype == "bfloat16"


def test_factors_are_leaves():
    penalty = regularizers.L1L2(0.1, 0.2)
    traces = []

    @jax.jit
    def loss(l2):
        traces.append(1)
        with Frame(leaves={(id(penalty), "l2"): l2}):
            return penalty(jnp.ones(2))

    assert [float(loss(jnp.float32(v))) for v in (0.0, 1.0)] == pytest.approx([0.2, 2.2])
    assert len(traces) == 1


def test_get():
    assert regularizers.get(None) is None
    assert isinstance(regularizers.get("l1l2"), regularizers.L1L2)
    orthogonal = regularizers.get("orthogonal_regularizer")
    assert isinstance(orthogonal, regularizers.OrthogonalRegularizer)
    assert regularizers.get({"class_name": "L2", "config": {"l2": 0.5}}).l2 == 0.5
    assert regularizers.get(abs) is abs
    assert regularizers.l1_l2 is regularizers.L1L2 and regularizers.l2 is regularizers.L2
    with pytest.raises(ValueError, match="Could not interpret regularizer identifier: typo"):
        regularizers.get("typo")


@pytest.mark.parametrize("bad", ["x", -1, float("nan"), float("inf"), [0.1]])
def test_bad_factors(bad):
    with pytest.raises(ValueError, match="l2"):
        regularizers.L2(bad)
    with pytest.raises(ValueError, match="expected a non-negative float"):
        regularizers.validate_float_arg(bad, "l2")


def test_errors():
    with pytest.raises(ValueError, match='Expected one of {"rows", "columns"}'):
        regularizers.OrthogonalRegularizer(mode="diagonal")
    with pytest.raises(ValueError, match="must have rank 2"):
        regularizers.OrthogonalRegularizer()(jnp.ones((2, 2, 2)))
    with pytest.raises(NotImplementedError, match="get_config"):
        regularizers.Regularizer().get_config()


def test_a_user_writes_one():
    class Mine(regularizers.Regularizer):
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, x):
            return self.factor * abs(x).sum()

        def get_config(self):
            return {"factor": self.factor}

    mine = regularizers.get(Mine.from_config(Mine(2.0).get_config()))
    assert mine(jnp.ones(3)) == 6.0
