"""Every optimiser against real Keras: several steps with equal gradients."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort import optimizers
from kohort.core.naming import name_scope
from kohort.core.variable import Variable

RNG = np.random.default_rng(0)
START = {
    "kernel": RNG.normal(size=(4, 3)),
    "bias": RNG.normal(size=3),
    "table_embedding": RNG.normal(size=(5, 2)),
    "conv": RNG.normal(size=(2, 3, 2)),
}
STEPS = 4
GRADIENTS = [
    [RNG.normal(size=v.shape).astype("float32") for v in START.values()] for _ in range(STEPS)
]
CASES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.8, "momentum": 0.9, "centered": True}),
    ("RMSprop", {"centered": True, "epsilon": 1e-3}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3, "amsgrad": True}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.1, "beta_1": 0.8}),
    ("Nadam", {"beta_1": 0.8}),
    ("Adamax", {"beta_2": 0.9}),
    ("Adagrad", {"initial_accumulator_value": 0.3}),
    ("Adadelta", {"rho": 0.9, "learning_rate": 1.0}),
    ("Adafactor", {}),
    ("Adafactor", {"relative_step": False, "clip_threshold": 0.5, "beta_2_decay": -0.5}),
    ("Ftrl", {}),
    (
        "Ftrl",
        {
            "learning_rate": 0.1,
            "learning_rate_power": -0.4,
            "l1_regularization_strength": 0.1,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.3,
            "beta": 0.1,
        },
    ),
    ("Lion", {"beta_1": 0.8}),
    ("Lamb", {}),
    ("Muon", {}),
    ("Muon", {"exclude_layers": ["kernel"], "nesterov": False, "adam_lr_ratio": 0.5}),
    ("Muon", {"rms_rate": None, "ns_steps": 3, "exclude_embeddings": False}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"warmup_steps": 4, "beta_1": 0.8}),
]
IDS = [f"{name}-{'-'.join(options)}" for name, options in CASES]


def variables(make, scope):
    with scope("dense"):
        return [make(v.astype("float32"), name=name) for name, v in START.items()]


def run(optimizer, parameters, convert):
    for gradients in GRADIENTS:
        optimizer.apply([convert(g) for g in gradients], parameters)
    return parameters


def compare(name, options, rtol=1e-5):
    """Train with both and compare parameters and state: values, order, names."""
    ours = getattr(optimizers, name)(**options, name="o")
    theirs = getattr(keras.optimizers, name)(**options, name="o")
    p = run(ours, variables(Variable, name_scope), jnp.asarray)
    q = run(theirs, variables(keras.Variable, keras.name_scope), keras.ops.convert_to_tensor)
    for a, b in zip(p, q, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=rtol, atol=3e-6)
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        assert (a.shape, a.dtype) == (tuple(b.shape), b.dtype)
        assert a.path == b.path or b.name.startswith("variable")  # Keras named it by a counter
        np.testing.assert_allclose(a.numpy(), np.asarray(b), rtol=10 * rtol, atol=1e-5)
    return ours, theirs


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_steps_and_state(name, options):
    ours, theirs = compare(name, options)
    assert ours.get_config() == theirs.get_config()
    assert optimizers.serialize(ours) == keras.optimizers.serialize(theirs)
    again = optimizers.deserialize(keras.optimizers.serialize(theirs))
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


SHARED = [
    {"weight_decay": 0.1},
    {"clipnorm": 0.5},
    {"clipvalue": 0.2},
    {"global_clipnorm": 0.5},
    {"loss_scale_factor": 8.0},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
    {"gradient_accumulation_steps": 2},
    {"gradient_accumulation_steps": 2, "clipnorm": 0.3, "use_ema": True, "weight_decay": 0.1},
]


@pytest.mark.parametrize("name", ["SGD", "Nadam"])
@pytest.mark.parametrize("options", SHARED, ids=["-".join(o) for o in SHARED])
def test_shared_options(name, options):
    ours, theirs = compare(name, {"learning_rate": 0.1, **options}, rtol=3e-5)
    assert ours.get_config() == theirs.get_config()


@settings(max_examples=6)
@given(
    name=st.sampled_from(["Adam", "AdamW", "Nadam", "Adamax", "Lamb", "Lion"]),
    rate=st.floats(1e-4, 0.5),
    beta_1=st.floats(0.1, 0.95),
    beta_2=st.floats(0.1, 0.999),
    decay=st.floats(0.001, 0.1),
)
def test_drawn_moments(name, rate, beta_1, beta_2, decay):
    options = {"learning_rate": rate, "beta_1": beta_1, "beta_2": beta_2, "weight_decay": decay}
    compare(name, options, rtol=1e-4)


@settings(max_examples=6)
@given(
    name=st.sampled_from(["SGD", "RMSprop"]),
    rate=st.floats(1e-4, 0.5),
    momentum=st.floats(0.0, 1.0),
    clipnorm=st.one_of(st.none(), st.floats(0.1, 3.0)),
)
def test_drawn_momentum(name, rate, momentum, clipnorm):
    options = {"learning_rate": rate, "momentum": momentum, "clipnorm": clipnorm}
    compare(name, options, rtol=1e-4)


def test_loss_scale_optimizer():
    options = {"initial_scale": 4.0, "dynamic_growth_steps": 2}
    ours = optimizers.LossScaleOptimizer(optimizers.SGD(0.5), **options)
    theirs = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5), **options)
    p, q = Variable([1.0, 2.0]), keras.Variable([1.0, 2.0])
    ours.build([p])
    theirs.build([q])
    values = [[v.value for v in o.variables] for o in (ours, theirs)]
    params = [[p.value], [q.value]]
    for gradient in ([1.0, 2.0], [1.0, np.inf], [2.0, 1.0], [4.0, 4.0], [np.nan, 1.0]):
        gradient = [jnp.asarray(gradient)]
        for i, optimizer in enumerate((ours, theirs)):
            params[i], values[i] = optimizer.stateless_apply(values[i], gradient, params[i])
        for a, b in zip([*params[0], *values[0]], [*params[1], *values[1]], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    assert ours.get_config() == {
        **theirs.get_config(),
        "inner_optimizer": optimizers.serialize(ours.inner_optimizer),
    }


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_compiled_equals_eager_and_a_member_equals_itself_alone(name, options):
    optimizer = getattr(optimizers, name)(**options)
    parameters = variables(Variable, name_scope)
    optimizer.build(parameters)
    state = [v.value for v in optimizer.variables]
    values = [v.value for v in parameters]

    def steps(values, state, scale):
        gradients = [jnp.asarray(g) * scale for g in GRADIENTS[0]]
        values, state = optimizer.stateless_apply(state, gradients, values)
        return values

    scales = jnp.array([1.0, 0.5])
    together = jax.jit(jax.vmap(steps, (None, None, 0)))(values, state, scales)
    alone = steps(values, state, 0.5)
    for a, b in zip(together, alone, strict=True):
        np.testing.assert_allclose(a[1], b, rtol=1e-5, atol=1e-6)
