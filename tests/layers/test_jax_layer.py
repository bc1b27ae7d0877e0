"""Functions of JAX and modules of Flax as layers, beside Keras's."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kohort
from kohort import layers

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X[:, :1]


def init_fn(rng, inputs, training):
    return {"w": jnp.full((inputs.shape[-1], 1), 0.5)}, {
        "count": jnp.zeros((), "int32"),
        "kept": 0.0,
    }


def call_fn(params, state, rng, inputs, training):
    if training:
        assert rng.shape == (2,)
        state = {"count": state["count"] + 1, "kept": jnp.mean(inputs)}
    return inputs @ params["w"], state


def network(k, layer):
    model = k.Sequential([k.Input((3,)), layer, k.layers.Activation("tanh")])
    model.compile("sgd", "mse")
    return model


def test_a_function_trains_as_in_keras():
    ours = network(kohort, layers.JaxLayer(call_fn, init_fn, seed=1))
    # Keras's would need TensorFlow for `init_fn`.
    params, state = init_fn(None, X, True)
    theirs = network(keras, keras.layers.JaxLayer(call_fn, None, params, state, seed=1))
    options = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    found, expected = (m.fit(X, Y, **options).history["loss"] for m in (ours, theirs))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert int(ours.layers[0].state["count"].value) == 4


def test_given_values_and_no_state():
    layer = layers.JaxLayer(lambda params, inputs: inputs * params, params=np.float32(2))
    np.testing.assert_allclose(layer(X), 2 * X)
    assert layers.JaxLayer(lambda inputs: -inputs)(X)[0, 0] == -X[0, 0]


def test_configuration_and_files(tmp_path):
    kohort.saving.register_keras_serializable("tests")(call_fn)
    kohort.saving.register_keras_serializable("tests")(init_fn)
    model = network(kohort, layers.JaxLayer(call_fn, init_fn))
    model.layers[0].params["w"].assign(jnp.ones((3, 1)))
    model.save(tmp_path / "model.keras")
    loaded = kohort.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(X), model(X))


def test_a_flax_module_trains_as_in_keras():
    nn = pytest.importorskip("flax.linen", reason="Flax is not installed")

    class Module(nn.Module):
        @nn.compact
        def __call__(self, inputs, training=False):
            x = nn.Dense(4, kernel_init=nn.initializers.ones)(inputs)
            x = nn.BatchNorm(use_running_average=not training)(x)
            return nn.Dense(1, kernel_init=nn.initializers.ones)(nn.Dropout(0.5)(x, not training))

    variables = Module().init(jax.random.key(0), X)
    models = [
        network(kohort, layers.FlaxLayer(Module(), seed=1)),
        network(keras, keras.layers.FlaxLayer(Module(), variables=variables, seed=1)),
    ]
    losses = [
        m.fit(X, Y, epochs=2, batch_size=4, shuffle=False, verbose=0).history["loss"]
        for m in models
    ]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_method_of_an_equal_module_is_written_by_name():
    nn = pytest.importorskip("flax.linen", reason="Flax is not installed")

    class Doubling(nn.Module):
        def forward(self, inputs):
            return 2 * inputs

        def get_config(self):
            return {}

    layer = layers.FlaxLayer(Doubling(), method=Doubling().forward)
    assert layer.get_config()["method"] == "forward"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((lambda x: x,), "Missing required argument in `call_fn`: `inputs`"),
        ((lambda inputs, key: inputs,), "Unsupported argument in `call_fn`: `key`"),
        ((lambda params, inputs: inputs,), "cannot all be `None`"),
        ((lambda inputs: inputs, lambda inputs, x: 1), "Unsupported argument in `init_fn`"),
    ],
)
def test_wrong_functions(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.JaxLayer(*arguments)


def test_a_state_of_another_structure():
    layer = layers.JaxLayer(
        lambda state, inputs: (inputs, {"b": 1}), state={"a": jax.numpy.ones(1)}
    )
    with pytest.raises(ValueError, match="Structure mismatch"):
        layer(X)
