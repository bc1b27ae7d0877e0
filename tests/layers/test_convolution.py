"""Convolutions and pooling: what they refuse, derivatives, masks of ties, files."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kohort
from kohort import constraints, layers, ops

IMAGE = np.ones((2, 6, 5, 4), "float32")

BAD = [
    (lambda: layers.Conv1D(0, 1), "strictly positive value. Received filters=0"),
    (lambda: layers.Conv2D("4", 1), "strictly positive value"),
    (lambda: layers.Conv2D(2, (1, 0)), r"kernel_size=\(1, 0\), including values \{0\}"),
    (lambda: layers.Conv2D(2, (1, 2, 3)), "tuple of 2 integers"),
    (lambda: layers.Conv2D(2, 2, padding="causal"), "`padding` argument must be one of"),
    (lambda: layers.Conv2D(5, 2, groups=2), "divisible by the number of groups"),
    (lambda: layers.Conv2D(5, 2, groups=0), "number of groups must be a positive"),
    (lambda: layers.Conv2D(2, 2, strides=2, dilation_rate=2), "`strides > 1` not supported"),
    (lambda: layers.Conv2DTranspose(2, 2, strides=2, output_padding=2), "strictly less than"),
    (lambda: layers.DepthwiseConv1D(2, depth_multiplier=0), "strictly positive value"),
    (lambda: layers.Conv2D(2, 3)(IMAGE[0]), "expected min_ndim=4, found ndim=3"),
    (lambda: layers.Conv1D(2, 3)(IMAGE), "takes inputs of rank 3"),
    (lambda: layers.Conv2D(3, 2, groups=3)(IMAGE), "but the input has 4 channels"),
    (lambda: layers.Conv2D(2, 7)(IMAGE), "window is larger than the input"),
    (lambda: layers.SeparableConv2D(2, 3, dilation_rate=3)(IMAGE), "larger than the input"),
    (lambda: layers.MaxPooling2D(7)(IMAGE), "window is larger than the input"),
    (lambda: layers.AveragePooling1D(2)(IMAGE), "expected ndim=3, found ndim=4"),
    (lambda: layers.AdaptiveMaxPooling1D((2, 2)), "tuple of length 1"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_positional_order_of_transposed_convolutions(rank):
    """In three dimensions `data_format` comes before `output_padding`."""
    orders = [
        list(inspect.signature(getattr(module, f"Conv{rank}DTranspose")).parameters)
        for module in (layers, keras.layers)
    ]
    named = len(orders[1]) - 1  # all but **kwargs
    assert orders[0][:named] == orders[1][:named]


def test_other_channels_after_building():
    layer = layers.Conv2D(2, 2)
    layer.build((None, 6, 5, 4))
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 4"):
        layer(IMAGE[..., :3])
    with pytest.raises(ValueError, match="channel dimension of the inputs should be defined"):
        layers.Conv2D(2, 2).build((None, 6, 5, None))


def test_constraints_and_regularizers_reach_the_weights():
    layer = layers.SeparableConv2D(
        2, 3, depthwise_constraint=constraints.NonNeg(), pointwise_regularizer="l2",
        bias_regularizer="l1",
    )  # fmt: skip
    layer.build((None, 6, 5, 4))
    assert isinstance(layer.depthwise_kernel.constraint, constraints.NonNeg)
    assert layer.pointwise_kernel.constraint is None
    assert len(layer.losses) == 2


# ---- beside Keras


def test_forward_mode_and_second_derivatives():
    rng = np.random.default_rng(1)
    x, k = (jnp.asarray(rng.normal(size=s), "float32") for s in ((2, 5, 2), (2, 2, 3)))
    f = lambda k: jnp.sum(jnp.tanh(ops.conv(x, k)))  # noqa: E731
    native = lambda k: jnp.sum(jnp.tanh(keras.ops.conv(x, k)))  # noqa: E731
    a, b = (jax.jit(jax.jacfwd(jax.grad(g)))(k) for g in (f, native))
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("size", "strides", "padding"), [(2, 2, "valid"), ((3, 2), 2, "same")])
def test_the_first_of_equal_entries_gets_the_gradient(size, strides, padding):
    """Zeros after a ReLU are often equal: the gradient must go where Keras's goes."""
    x = jnp.asarray(np.random.default_rng(2).integers(0, 3, (2, 7, 8, 3)), "float32")

    def gradient(pool):
        return jax.jit(jax.grad(lambda x: jnp.sum(pool(x, size, strides, padding) ** 3)))(x)

    np.testing.assert_array_equal(gradient(ops.max_pool), gradient(keras.ops.max_pool))


def test_nan_goes_through_pooling():
    x = np.ones((1, 4, 1), "float32")
    x[0, 1] = np.nan
    assert np.isnan(layers.MaxPooling1D(2)(x)).ravel().tolist() == [True, False]


def test_windows_too_large_for_slices_are_left_to_xla():
    x = np.random.default_rng(0).normal(size=(1, 200, 1)).astype("float32")
    k = np.random.default_rng(1).normal(size=(150, 1, 1)).astype("float32")
    expected = np.convolve(x[0, :, 0], k[::-1, 0, 0], "valid")
    np.testing.assert_allclose(ops.conv(x, k)[0, :, 0], expected, rtol=1e-4, atol=1e-4)
    pooled = ops.max_pool(x, 20)
    np.testing.assert_array_equal(pooled, x.reshape(1, 10, 20, 1).max(2))


def _mixed(module):
    """A model with a layer of each kind."""
    use = module.layers
    return module.Sequential(
        [
            use.Input((8, 8, 2)),
            use.Conv2D(4, 3, padding="same", kernel_constraint="non_neg"),
            use.MaxPooling2D(2),
            use.SeparableConv2D(3, 2, depth_multiplier=2),
            use.DepthwiseConv2D(2, activation="relu"),
            use.Conv2DTranspose(2, 3, strides=2, output_padding=1),
            use.AveragePooling2D(2, padding="same"),
        ]
    )


@pytest.mark.parametrize(("writer", "reader"), [(kohort, keras), (keras, kohort)])
def test_keras_files_go_both_ways(writer, reader, tmp_path):
    model, path = _mixed(writer), str(tmp_path / "model.keras")
    model.save(path)
    loaded = reader.models.load_model(path)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 2)).astype("float32")
    a, b = (np.asarray(jax.jit(lambda x, m=m: m(x))(x)) for m in (model, loaded))
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
