"""The loops that know their derivative give JAX's own gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import kohort
from kohort.layers.rnn import rnn

CASES = [
    ("LSTM", {}, False),
    ("LSTM", {"go_backwards": True, "return_sequences": True, "dropout": 0.3}, True),
    ("LSTM", {"zero_output_for_mask": True, "return_sequences": True}, True),
    ("GRU", {"go_backwards": True, "zero_output_for_mask": True}, True),
    ("SimpleRNN", {"activation": "relu", "return_sequences": True}, True),
]


@pytest.mark.parametrize(("name", "options", "masked"), CASES)
def test_gradients_are_those_of_jax(monkeypatch, name, options, masked):
    layer = getattr(kohort.layers, name)(3, return_state=True, seed=1, **options)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(4, 5, 2)), jnp.float32)
    mask = jnp.asarray(rng.random((4, 5)) > 0.4) if masked else None
    layer.build(x.shape)
    weights = [jnp.asarray(rng.normal(size=w.shape), w.dtype) for w in layer.trainable_variables]
    rest = [v.value for v in layer.non_trainable_variables]

    def loss(weights, x):
        outputs, _ = layer.stateless_call(weights, rest, x, mask=mask, training=True)
        return sum((y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)).sum() for y in outputs)

    gradients = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    own = gradients(weights, x)
    jaxpr = str(jax.make_jaxpr(loss)(weights, x))
    assert "custom_vjp" in jaxpr
    monkeypatch.setattr(rnn, "_knows_derivative", lambda step: False)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        own,
        jax.jit(jax.value_and_grad(lambda w, x: loss(w, x), argnums=(0, 1)))(weights, x),
    )


def test_functions_of_unknown_slope_are_left_to_jax():
    step = kohort.layers.LSTM(2, recurrent_activation="hard_sigmoid").cell.step
    assert not rnn._knows_derivative(step)
    assert rnn._knows_derivative(kohort.layers.LSTM(2).cell.step)
    assert not rnn._knows_derivative(kohort.layers.GRU(2, reset_after=False).cell.step)


def test_tangents_are_found_too():
    layer = kohort.layers.LSTM(2)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 3, 2)), jnp.float32)
    layer.build(x.shape)
    _, tangent = kohort.ops.jvp(lambda x: layer(x).sum(), (x,), (jnp.ones_like(x),))
    assert float(tangent) == pytest.approx(float(jax.grad(lambda x: layer(x).sum())(x).sum()), 1e-4)
