"""Schedules against real Keras."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.core.frame import Frame
from kohort.core.variable import Variable
from kohort.optimizers import SGD, schedules

CASES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5}),
    (
        "ExponentialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 4, "decay_rate": 0.5, "staircase": True},
    ),
    ("PiecewiseConstantDecay", {"boundaries": [3, 7], "values": [0.3, 0.2, 0.1]}),
    ("PiecewiseConstantDecay", {"boundaries": [3.5], "values": [1.0, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7}),
    (
        "PolynomialDecay",
        {
            "initial_learning_rate": 0.1,
            "decay_steps": 3,
            "end_learning_rate": 0.01,
            "power": 2.0,
            "cycle": True,
        },
    ),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5}),
    (
        "InverseTimeDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "staircase": True},
    ),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 7}),
    (
        "CosineDecay",
        {
            "initial_learning_rate": 0.0,
            "decay_steps": 6,
            "alpha": 0.2,
            "warmup_target": 0.1,
            "warmup_steps": 4,
        },
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 3}),
    (
        "CosineDecayRestarts",
        {
            "initial_learning_rate": 0.1,
            "first_decay_steps": 3,
            "t_mul": 1.0,
            "m_mul": 0.5,
            "alpha": 0.1,
        },
    ),
]
IDS = [f"{name}-{len(options)}" for name, options in CASES]


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_rates_and_configurations(name, options):
    ours, theirs = (getattr(k, name)(**options) for k in (schedules, keras.optimizers.schedules))
    for step in range(14):
        np.testing.assert_allclose(ours(step), theirs(step), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(jax.jit(ours)(jnp.int32(5)), theirs(5), rtol=1e-5)
    np.testing.assert_allclose(ours(Variable(5)), theirs(5), rtol=1e-5)
    assert ours.get_config() == theirs.get_config()
    assert schedules.serialize(ours) == keras.optimizers.schedules.serialize(theirs)
    again = schedules.deserialize(keras.optimizers.schedules.serialize(theirs))
    assert again.get_config() == ours.get_config()


@given(
    rate=st.floats(1e-4, 1.0),
    steps=st.integers(1, 20),
    alpha=st.floats(0.0, 1.0),
    warmup=st.integers(1, 10),
    step=st.integers(0, 40),
)
def test_drawn_cosines(rate, steps, alpha, warmup, step):
    options = {"alpha": alpha, "warmup_target": 2 * rate, "warmup_steps": warmup}
    ours, theirs = (
        k.CosineDecay(rate, steps, **options) for k in (schedules, keras.optimizers.schedules)
    )
    np.testing.assert_allclose(ours(step), theirs(step), rtol=1e-4, atol=1e-7)


def test_numbers_are_leaves():
    schedule = schedules.CosineDecayRestarts(0.1, 3, t_mul=2.0)

    def rate(t_mul):
        with Frame(leaves={(id(schedule), "t_mul"): t_mul}):
            return schedule(4)

    expected = [schedules.CosineDecayRestarts(0.1, 3, t_mul=t)(4) for t in (1.0, 2.0)]
    np.testing.assert_allclose(jax.vmap(rate)(jnp.array([1.0, 2.0])), expected, rtol=1e-5)


def test_an_optimizer_follows_its_schedule():
    optimizer = SGD(schedules.ExponentialDecay(1.0, 1, 0.5))
    p = Variable([0.0])
    for _ in range(3):
        optimizer.apply([jnp.ones(1)], [p])
    assert p.numpy().tolist() == [-1.75]
    assert len(optimizer.variables) == 1  # no learning rate among them
    assert float(optimizer.learning_rate) == 0.125
    again = SGD.from_config(optimizer.get_config())
    assert again.get_config()["learning_rate"] == optimizer.get_config()["learning_rate"]
    with pytest.raises(TypeError, match="not settable"):
        optimizer.learning_rate = 0.1


def test_a_user_writes_one():
    class Mine(schedules.LearningRateSchedule):
        def __init__(self, scale):
            self.scale = scale

        def __call__(self, step):
            return self.scale / (1 + step)

    assert float(SGD(Mine(0.5)).learning_rate) == 0.5
    with pytest.raises(NotImplementedError, match="must override `get_config"):
        Mine(0.5).get_config()
    with pytest.raises(NotImplementedError, match="must override `__call__"):
        schedules.LearningRateSchedule()(1)


def test_errors():
    with pytest.raises(ValueError, match="`decay_steps` must be > 0. Received: decay_steps=0"):
        schedules.CosineDecay(0.1, 0)
    with pytest.raises(ValueError, match="should be 1 less than the length of values"):
        schedules.PiecewiseConstantDecay([1, 2], [0.1])
