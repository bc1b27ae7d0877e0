"""Outputs, gradients, states and random masks of all layers, beside those of Keras on JAX."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort import layers
from kohort.core import tree
from kohort.core.masks import get_mask
from kohort.core.symbolic import KerasTensor
from tests.layers.cases import CASES, case

LOOSE = {"rtol": 1e-5, "atol": 2e-6}


def _pair(drawn, x):
    """The layer here and in Keras, built, with equal weights that no initialiser makes."""
    ours, theirs = drawn.layer(), drawn.layer(keras.layers)
    # Called with symbols, which builds them and computes (so compiles) nothing.
    ours(tree.map_structure(lambda a: KerasTensor(a.shape, str(a.dtype)), x))
    theirs(tree.map_structure(lambda a: keras.KerasTensor(a.shape, str(a.dtype)), x))
    assert [v.name for v in ours.weights] == [v.name for v in theirs.weights]
    rng = np.random.default_rng(5)
    values = [rng.uniform(0.3, 1.7, w.shape).astype(w.dtype) for w in theirs.get_weights()]
    ours.set_weights(values)
    theirs.set_weights(values)
    if hasattr(theirs, "finalize_state"):
        theirs.finalize_state()  # Keras's Normalization works with copies
    return ours, theirs


def _takes_training(layer):
    return "training" in type(layer).call.__code__.co_varnames


def _run(layer, x, training):
    """Output, new state, and the gradients for the weights and (floating) inputs."""
    kwargs = {"training": training} if _takes_training(layer) else {}
    fixed = [jnp.asarray(v.value) for v in layer.non_trainable_variables]
    whole = tree.flatten(x)[0].dtype == np.int32

    def scalar(weights, inputs):
        y, state = layer.stateless_call(weights, fixed, x if whole else inputs, **kwargs)
        pattern = jnp.cos(jnp.arange(y.size, dtype="float32")).reshape(y.shape)
        return jnp.sum(y * pattern), (y, state)

    weights = [jnp.asarray(v.value) for v in layer.trainable_variables]
    step = jax.jit(jax.grad(scalar, argnums=0 if whole else (0, 1), has_aux=True))
    grads, (y, state) = step(weights, 0.0 if whole else x)
    return tree.flatten([y, list(state), grads])


def check(drawn, training):
    """Compare one configuration."""
    x = drawn.inputs()
    ours, theirs = _pair(drawn, x)
    mine, reference = _run(ours, x, training), _run(theirs, x, training)
    assert len(mine) == len(reference)
    for a, b in zip(mine, reference, strict=True):
        assert a.dtype == b.dtype
        scale = max(1.0, float(np.max(np.abs(b)))) if b.size else 1.0
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=2e-6 * scale)


# ConvLSTM1D stands for the other two; Bidirectional is two LSTMs (tests/layers/rnn).
COSTLY = {"ConvLSTM2D", "ConvLSTM3D", "Bidirectional"}


@pytest.mark.parametrize("drawn", [c for c in CASES if c.name not in COSTLY], ids=repr)
def test_case(drawn):
    check(drawn, training=True)


few = settings(max_examples=4)
rates = st.floats(0.05, 0.9).map(lambda v: round(v, 2))
seeds = st.integers(0, 2**31 - 1)
flags = st.booleans()


@few
@given(axis=st.integers(-3, 2), momentum=rates, center=flags, scale=flags, training=flags)
def test_batch_normalization(axis, momentum, center, scale, training):
    drawn = case("BatchNormalization", (4, 5, 3), axis=axis, momentum=momentum, center=center,
                 scale=scale, epsilon=1e-4)  # fmt: skip
    check(drawn, training)


@few
@given(seed=seeds, center=flags, renorm=flags)
def test_batch_normalization_with_a_mask(seed, center, renorm):
    drawn = case("BatchNormalization", (4, 5, 3), center=center, renorm=renorm)
    x = drawn.inputs(seed % 1000)
    mask = np.random.default_rng(seed).random((4, 5)) > 0.4
    ours, theirs = _pair(drawn, x)
    a, b = (np.asarray(layer(x, training=True, mask=mask)) for layer in (ours, theirs))
    np.testing.assert_allclose(a, b, **LOOSE)
    for v, w in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(v, w, **LOOSE)


@few
@given(
    axis=st.sampled_from([-1, 1, [1, 2], [-1, 1], [2, 3], [3, 1, 2]]),
    center=flags, scale=flags, epsilon=st.sampled_from([1e-3, 1e-6]),
)  # fmt: skip
def test_layer_normalization(axis, center, scale, epsilon):
    check(case("LayerNormalization", (2, 3, 4, 5), axis=axis, center=center, scale=scale,
               epsilon=epsilon), False)  # fmt: skip


@few
@given(groups=st.sampled_from([1, 2, 3, 6, -1]), axis=st.sampled_from([-1, 3]), center=flags)
def test_group_normalization(groups, axis, center):
    check(case("GroupNormalization", (2, 3, 4, 6), groups=groups, axis=axis, center=center), False)


@few
@given(
    name=st.sampled_from(["Dropout", "AlphaDropout", "GaussianDropout", "SpatialDropout1D"]),
    rate=rates, seed=seeds,
)  # fmt: skip
def test_dropout_masks(name, rate, seed):
    check(case(name, (3, 4, 5), rate=rate, seed=seed), True)


@few
@given(name=st.sampled_from(["Dropout", "AlphaDropout"]), rate=rates, axis=st.integers(0, 2))
def test_dropout_noise_shape(name, rate, axis):
    shape = [3, 4, 5]
    shape[axis] = 1
    check(case(name, (3, 4, 5), rate=rate, seed=1, noise_shape=tuple(shape)), True)


@few
@given(
    units=st.integers(1, 4), use_bias=flags,
    activation=st.sampled_from([None, "relu", "tanh", "softmax", "gelu", "selu"]),
    shape=st.sampled_from([(2, 3), (2, 4, 3), (1, 2, 2, 5)]),
)  # fmt: skip
def test_dense(units, use_bias, activation, shape):
    check(case("Dense", shape, units=units, use_bias=use_bias, activation=activation), False)


@few
@given(
    max_value=st.sampled_from([None, 0.5, 2.0]), slope=st.sampled_from([0.0, 0.3]),
    threshold=st.sampled_from([0.0, 0.4]),
)  # fmt: skip
def test_relu(max_value, slope, threshold):
    check(case("ReLU", (5, 6), max_value=max_value, negative_slope=slope, threshold=threshold),
          False)  # fmt: skip


@few
@given(axis=st.sampled_from([-1, 1, [1], [1, 2], (0, 2)]), seed=seeds, floats=flags)
def test_softmax_with_a_mask(axis, seed, floats):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 3, 4)).astype("float32")
    mask = rng.random((2, 3, 4)) > 0.5
    mask[0] = False
    mask = mask.astype("float32") if floats else mask
    a, b = (np.asarray(m.Softmax(axis=axis)(x, mask=mask)) for m in (layers, keras.layers))
    np.testing.assert_allclose(a, b, **LOOSE)


@few
@given(axes=st.sampled_from([1, 2, -1, (1, 1), (2, 1), (-1, -2)]), normalize=flags)
def test_dot(axes, normalize):
    check(case("Dot", (2, 4, 4), (2, 4, 4), axes=axes, normalize=normalize), False)


@few
@given(axis=st.sampled_from([-1, 1, (1, 2), None]), seed=seeds)
def test_normalization_adapts(axis, seed):
    x = np.random.default_rng(seed).normal(3, 2, size=(12, 3, 4)).astype("float32")
    ours, theirs = layers.Normalization(axis=axis), keras.layers.Normalization(axis=axis)
    ours.adapt(x), theirs.adapt(x)
    for v, w in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(v, w, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), rtol=1e-5, atol=1e-5)


MASKED = ["Add", "Average", "Multiply", "Maximum", "Minimum", "Subtract", "Concatenate"]


@pytest.mark.parametrize("name", MASKED)
@pytest.mark.parametrize("both", [True, False])
def test_merging_of_masked_inputs(name, both):
    rng = np.random.default_rng(3)
    x, y = (rng.integers(0, 2, size=(3, 4, 1)).astype("float32") for _ in range(2))
    x, y = np.repeat(x, 2, -1) * rng.normal(size=2), np.repeat(y, 2, -1) + 0.0

    def run(module, masking_mask):
        first = module.Masking()(x)
        second = module.Masking()(y) if both else y
        out = getattr(module, name)()([first, second])
        return np.asarray(out), masking_mask(out)

    mine, mask = run(layers, get_mask)
    reference, expected = run(keras.layers, keras.src.backend.get_keras_mask)
    np.testing.assert_allclose(mine, reference, **LOOSE)
    assert (mask is None) == (expected is None)
    if mask is not None:
        np.testing.assert_array_equal(mask, expected)
