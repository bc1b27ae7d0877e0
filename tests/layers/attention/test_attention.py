"""Attention layers beside Keras's: masks, scores, dropout, gates, axes; settings and bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from keras import layers as keras_layers

import kohort as keras
from kohort import layers
from kohort.core import tree
from kohort.core.masks import get_mask, set_mask
from kohort.core.symbolic import KerasTensor
from tests.layers.beside import pair, same

RNG = np.random.default_rng(0)
Q, V, K = (RNG.normal(size=s).astype("float32") for s in ((2, 4, 3), (2, 5, 3), (2, 5, 3)))
MASK = RNG.random((2, 4, 5)) > 0.4
ROW = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)


@pytest.mark.parametrize(
    ("kwargs", "inputs", "call"),
    [
        ({}, (Q, V), {"use_causal_mask": True, "value_mask": ROW}),
        ({"output_shape": (3, 2), "use_bias": False}, (Q, V, K), {"attention_mask": MASK}),
        ({"dropout": 0.3, "seed": 1, "use_gate": True}, (Q, V), {"training": True}),
        ({"sliding_window": 2}, (Q, Q), {"return_attention_scores": True, "use_causal_mask": True}),
        ({"attention_axes": (1, 2)}, (np.stack([Q, Q], 1), np.stack([V, V], 1)), {}),
    ],
    ids=["causal", "shape", "dropout", "window", "axes"],
)
def test_multi_head(kwargs, inputs, call):
    same(lambda module: module.MultiHeadAttention(2, 3, **kwargs), *inputs, **call)


@pytest.mark.parametrize(
    ("kwargs", "call"),
    [
        ({}, {"use_causal_mask": True, "attention_mask": MASK}),
        ({"dropout": 0.2, "seed": 3, "use_gate": True}, {"training": True}),
        ({"use_bias": False}, {"return_attention_scores": True, "key_mask": ROW}),
    ],
    ids=["masks", "dropout", "scores"],
)
def test_group_query(kwargs, call):
    same(lambda module: module.GroupQueryAttention(3, 4, 2, **kwargs), Q, V, K, **call)


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_masks_of_attention_without_weights(name):
    call = {"mask": [MASK[:, :, 0], ROW], "return_attention_scores": True, "use_causal_mask": True}
    same(lambda module: getattr(module, name)(use_scale=True), [Q, V], **call)


def test_scores_by_concatenation():
    same(lambda module: module.Attention(score_mode="concat"), [Q, V, K])


def test_gradients_and_members():
    ours, theirs = pair(lambda module: module.MultiHeadAttention(2, 3), Q, V)

    def loss(layer, weights, q):
        y, _ = layer.stateless_call(weights, [], q, V)
        return (y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)).sum()

    weights = [v.value for v in ours.weights]
    mine, reference = (jax.jit(jax.grad(loss, (1, 2)), static_argnums=0)(layer, weights, Q)
                       for layer in (ours, theirs))  # fmt: skip
    for a, b in zip(tree.flatten(mine), tree.flatten(reference), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    stacked = [jnp.stack([w, 2 * w]) for w in weights]
    both = jax.jit(jax.vmap(lambda w: ours.stateless_call(w, [], Q, V)[0]))(stacked)
    np.testing.assert_allclose(both[0], ours(Q, V), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["MultiHeadAttention", "GroupQueryAttention"])
def test_configuration(name):
    arguments = (2, 3) if name == "MultiHeadAttention" else (3, 4, 2)
    ours, theirs = (getattr(m, name)(*arguments, name="a") for m in (layers, keras_layers))
    config, other = ours.get_config(), theirs.get_config()
    assert config == {k: v for k, v in other.items() if k != "quantization_config"}
    again = layers.deserialize(layers.serialize(ours))
    assert again.get_config() == config
    assert layers.serialize(ours)["class_name"] == name


def test_symbolic_shapes():
    query, value = KerasTensor((None, 4, 3)), KerasTensor((None, 5, 3))
    layer = layers.MultiHeadAttention(2, 3, output_shape=7)
    output, scores = layer(query, value, return_attention_scores=True)
    assert (output.shape, scores.shape) == ((None, 4, 7), (None, 2, 4, 5))
    assert layer.compute_output_shape((2, 4, 3), (2, 5, 3)) == (2, 4, 7)
    output, scores = layers.Attention()([query, value], return_attention_scores=True)
    assert (output.shape, scores.shape) == ((None, 4, 3), (None, 4, 5))


def test_sizes_of_values_and_keys_may_differ():
    layer = layers.MultiHeadAttention(2, 3, value_dim=2)
    output, scores = layer(Q, V, return_attention_scores=True)
    np.testing.assert_allclose(layer(Q, V), output, rtol=1e-5)
    np.testing.assert_allclose(scores.sum(axis=-1), np.ones((2, 2, 4)), rtol=1e-5)


def test_the_mask_of_the_query_goes_on():
    x, mask = jnp.asarray(Q), jnp.asarray(MASK[:, :, 0])
    set_mask(x, mask)
    y = layers.MultiHeadAttention(1, 2)(x, jnp.asarray(V))
    np.testing.assert_array_equal(get_mask(y), mask)
    assert get_mask(x) is not None


def test_dropout_is_one_rate():
    layer = layers.MultiHeadAttention(1, 2, dropout=0.5)
    assert layer.dropout == 0.5
    layer(Q, V)
    layer.dropout = 0.25
    assert layer._dropout_layer.rate == layer.get_config()["dropout"] == 0.25


def test_flash_attention_settings():
    assert keras.config.is_flash_attention_enabled() is None
    keras.config.enable_flash_attention()
    try:
        with pytest.raises(ValueError, match="Dropout is not supported when flash"):
            layers.MultiHeadAttention(1, 2, dropout=0.1)
        layer = layers.MultiHeadAttention(1, 2)
        with pytest.raises(ValueError, match="scores is not supported when flash"):
            layer(Q, V, return_attention_scores=True)
        keras.config.disable_flash_attention()
        assert keras.config.is_flash_attention_enabled() is False
    finally:
        keras.core.settings._values["flash_attention"] = None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.MultiHeadAttention(0, 2), "num_heads"),
        (lambda: layers.MultiHeadAttention(2, 2, value_dim=0), "value_dim"),
        (lambda: layers.MultiHeadAttention(2, 2, sliding_window=0), "sliding_window"),
        (lambda: layers.MultiHeadAttention(2, 2, attention_axes=1.5), "attention_axes"),
        (lambda: layers.MultiHeadAttention(2, 2)(Q, V, K[:, :3]), "`value` and `key`"),
        (lambda: layers.GroupQueryAttention(2, 3, 2), "divisible"),
        (lambda: layers.GroupQueryAttention(2, 2, 2)(Q, V[..., :2]), "last dimension"),
        (lambda: layers.Attention()(Q), "list of inputs"),
        (lambda: layers.Attention()([Q]), "length 2 or 3"),
        (lambda: layers.Attention(score_mode="sum"), "score_mode"),
        (lambda: layers.AdditiveAttention()([Q, V], mask=ROW), "mask must be a list"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(ValueError, match=message):
        make()
