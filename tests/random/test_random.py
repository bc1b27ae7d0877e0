"""Draws against those of Keras on JAX; seeds; Frames."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import random
from kohort.core.frame import Frame
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object

X = jnp.arange(24, dtype="float32").reshape(4, 6)  # a JAX array: NumPy divides differently
DRAWS = [
    ("normal", ((3, 4),), {}),
    ("normal", ((3,), 2.0, 0.5), {"dtype": "bfloat16"}),
    ("truncated_normal", ([3, 40],), {"mean": 1.0, "stddev": 3.0}),
    ("uniform", ((3, 4), -1.0, 2.0), {}),
    ("uniform", ((3, 4),), {"dtype": "float16"}),
    ("randint", ((30,), 2, 9), {}),
    ("randint", ((30,), 0, 200), {"dtype": "uint8"}),
    ("categorical", (X, 7), {}),
    ("categorical", (X / 9, 5), {"dtype": "int16"}),
    ("dropout", (X, 0.3), {}),
    ("dropout", (X, 0.0), {}),
    ("dropout", (X, 1.0), {}),
    ("dropout", (X, 0.5), {"noise_shape": (None, 1)}),
    ("shuffle", (X,), {}),
    ("shuffle", (X,), {"axis": 1}),
    ("gamma", ((5,), 0.7), {}),
    ("beta", ((3, 2), [0.5, 2.0], 3.0), {}),
    ("binomial", ((3, 2), [5, 9], [0.3, 0.8]), {}),
]


@pytest.mark.parametrize("name, args, kwargs", DRAWS)
@pytest.mark.parametrize("seed", [0, 1337, 2**32 - 1])
def test_draw_equals_keras(name, args, kwargs, seed):
    ours = getattr(random, name)(*args, **kwargs, seed=seed)
    theirs = getattr(keras.random, name)(*args, **kwargs, seed=seed)
    assert ours.dtype == theirs.dtype
    if name in ("normal", "truncated_normal"):  # drawn on the host: the last bits may differ
        np.testing.assert_allclose(*(np.asarray(x, "float32") for x in (ours, theirs)), rtol=2e-5)
    elif name == "uniform":  # compilers round a product and a sum once or twice
        np.testing.assert_allclose(*(np.asarray(x, "float32") for x in (ours, theirs)), atol=2e-7)
    else:
        np.testing.assert_array_equal(ours, theirs)


def test_generator_counts_as_keras():
    ours, theirs = random.SeedGenerator(5), keras.random.SeedGenerator(5)
    for ordered in (True, True, False, False, True):
        np.testing.assert_array_equal(ours.next(ordered), theirs.next(ordered))
    assert ours.state.dtype == "uint32" and not ours.state.trainable
    assert ours.state.path == f"{ours.name}/seed_generator_state"


def test_global_seed_gives_the_numbers_of_keras():
    random.set_random_seed(3)
    ours = [random.normal((2,)), random.uniform((2,)), np.random.rand(2)]
    keras.utils.set_random_seed(3)
    theirs = [keras.random.normal((2,)), keras.random.uniform((2,)), np.random.rand(2)]
    np.testing.assert_array_equal(np.stack(ours), np.stack(theirs))
    assert random.get_random_seed() == 3


def test_state_is_carried_by_a_frame():
    generator = random.SeedGenerator(1)

    @jax.jit
    def step(state):
        with Frame({generator.state: state}) as frame:
            draws = random.normal((2,), seed=generator), random.normal((2,), seed=generator)
        return draws, frame.updates[generator.state]

    first, state = step(generator.state.value)
    second, state = step(state)
    np.testing.assert_array_equal(state, [1, 4])
    np.testing.assert_array_equal(generator.state.value, [1, 0])
    expected = [random.normal((2,), seed=generator) for _ in range(4)]
    np.testing.assert_array_equal(np.stack([*first, *second]), np.stack(expected))


def test_unseeded_draw_in_a_trace_is_refused_unless_carried():
    with pytest.raises(ValueError, match="only use seeded random ops"):
        jax.jit(lambda: random.normal((2,)))()
    state = random.global_seed_generator().state

    @jax.jit
    def carried(value):
        with Frame({state: value}) as frame:
            return random.normal((2,)), frame.updates[state]

    draw, new = carried(state.value)
    assert draw.shape == (2,) and not np.array_equal(new, state.value)


def test_traced_rate_equals_constant_rate_and_has_finite_gradient():
    constant = random.dropout(X, 0.25, seed=3)
    np.testing.assert_allclose(jax.jit(lambda r: random.dropout(X, r, seed=3))(0.25), constant)
    all_dropped = jax.jit(lambda x, r: random.dropout(x, r, seed=3).sum())
    np.testing.assert_array_equal(jax.grad(all_dropped)(X, 1.0), np.zeros_like(X))
    half = jax.jit(lambda r: random.dropout(jnp.ones(3, "bfloat16"), r, seed=3))(0.25)
    assert half.dtype == "bfloat16"


def test_configuration_round_trip():
    generator = random.SeedGenerator(7, name="mine")
    assert generator.get_config() == {"seed": 7, "name": "mine"}
    again = deserialize_keras_object(serialize_keras_object(generator))
    np.testing.assert_array_equal(again.next(), generator.next())


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: random.SeedGenerator("a"), "must be an integer"),
        (lambda: random.SeedGenerator(1, other=2), "Unrecognized keyword"),
        (lambda: random.draw_seed("a"), "must be either an integer"),
        (lambda: random.set_random_seed("a"), "to be an integer"),
        (lambda: random.uniform((2,), dtype="int32"), "floating point `dtype`"),
        (lambda: random.randint((2,), 0, 2, dtype="float32"), "integer `dtype`"),
        (lambda: random.categorical([1.0], 2), "2-D tensor"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
