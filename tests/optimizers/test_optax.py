"""Optax transformations as optimisers."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kohort import optimizers
from kohort.core.variable import Variable

GRADIENTS = [jnp.array([1.0, -2.0]), jnp.array([0.5, 3.0]), jnp.array([-1.0, 1.0])]
TRANSFORMATIONS = [
    optax.sgd(0.1, momentum=0.9),
    optax.adamw(0.01),
    optax.chain(optax.clip_by_global_norm(0.5), optax.rmsprop(0.01)),
    optax.inject_hyperparams(optax.adam)(learning_rate=0.1),
]


@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
def test_steps_equal_optax(transformation):
    start = jnp.array([1.0, 2.0])
    optimizer, p = optimizers.get(transformation), Variable(start)
    params, state = [start], transformation.init([start])
    for g in GRADIENTS:
        optimizer.apply([g], [p])
        updates, state = transformation.update([g], state, params)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(p.numpy(), params[0], rtol=1e-6)
    leaves = jax.tree.leaves(state)
    own = optimizer.variables[2:]
    for variable, leaf in zip(own, leaves, strict=True):
        np.testing.assert_allclose(variable.numpy(), leaf, rtol=1e-6)


def test_the_learning_rate():
    p = Variable([1.0])
    factor = optimizers.OptaxOptimizer(optax.sgd(0.5), learning_rate=0.5)
    factor.apply([jnp.ones(1)], [p])
    assert p.numpy().tolist() == [0.75]
    factor.learning_rate = 0.0
    factor.apply([jnp.ones(1)])
    assert p.numpy().tolist() == [0.75]
    injected = optimizers.get(optax.inject_hyperparams(optax.sgd)(learning_rate=0.25))
    injected.apply([jnp.ones(1)], [p])
    assert p.numpy().tolist() == [0.5] and float(injected.learning_rate) == 0.25
    injected.learning_rate = 0.5
    injected.apply([jnp.ones(1)])
    assert p.numpy().tolist() == [0.0]


def test_missing_gradients_and_compilation():
    p, q = Variable([1.0]), Variable([1.0])
    optimizer = optimizers.OptaxOptimizer(optax.adam(0.1))
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([None, jnp.ones(1)], [p, q])
    assert p.numpy() == 1.0 and q.numpy() < 1.0
    values, state = jax.jit(optimizer.stateless_apply)(
        [v.value for v in optimizer.variables], [jnp.ones(1)] * 2, [p.value, q.value]
    )
    assert values[0] < 1.0 and int(state[0]) == 2


def test_a_configuration_does_not_hold_it():
    optimizer = optimizers.get(optax.sgd(0.1))
    with pytest.raises(ValueError, match="Optax transformation cannot be loaded"):
        optimizers.deserialize(optimizers.serialize(optimizer))


def test_optax_is_not_imported():
    code = "import sys, kohort.optimizers; sys.exit('optax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "src"}).returncode == 0
