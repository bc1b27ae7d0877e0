"""Convolutions and pooling: what they refuse, their forms by platform, masks of ties, files."""

import functools
import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kohort
from kohort import constraints, layers, ops
from kohort.ops import conv_slices
from kohort.ops.conv_slices import Window, convolve

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


# ---- the form for a CPU beside XLA's own

FORMS = [
    (Window((2, 1), ((1, 2), (0, 1)), (1, 1)), (3, 2, 4, 6)),
    (Window((1, 1), ((0, 0), (2, 2)), (2, 1)), (2, 3, 4, 3)),
    (Window((1, 2), ((1, 1), (0, 0)), (1, 2), groups=2), (2, 2, 2, 6)),
    (Window((2, 2), ((1, 0), (1, 0)), (1, 1), groups=4), (3, 3, 1, 8)),
]


@pytest.mark.parametrize(("window", "kernel_shape"), FORMS)
@pytest.mark.parametrize("last", [True, False])
def test_products_are_the_native_convolution(window, kernel_shape, last):
    """Whole numbers, so that sums in any order are equal."""
    rng = np.random.default_rng(0)
    x, k, w = (
        jnp.asarray(rng.integers(-4, 5, shape), "float32")
        for shape in ((3, 6, 7, 4) if last else (3, 4, 6, 7), kernel_shape, (3, 99, 99, 99))
    )
    window = window._replace(channels_last=last)

    def results(convolution):
        def both(x, k):
            y, gradient = jax.vjp(lambda *a: convolution(*a, window), x, k)
            return y, gradient(w[:, : y.shape[1], : y.shape[2], : y.shape[3]])

        return jax.jit(both)(x, k)

    for a, b in zip(
        jax.tree.leaves(results(convolve)), jax.tree.leaves(results(conv_slices._native)),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(a, b)


IMAGES = [
    (Window((1, 1), ((0, 0), (0, 0)), (1, 1)), (3, 3, 16, 5)),
    (Window((1, 1), ((1, 1), (0, 1)), (1, 1)), (3, 2, 16, 5)),  # as `same` pads
    (Window((2, 2), ((0, 1), (1, 1)), (1, 1)), (3, 3, 16, 5)),
    (Window((1, 1), ((1, 1), (2, 2)), (1, 2)), (2, 3, 16, 5)),
]


@pytest.mark.parametrize(("window", "kernel_shape"), IMAGES)
@pytest.mark.parametrize("size", ["cached", "large", "together"])
def test_forms_for_images_are_the_native_convolution(window, kernel_shape, size, monkeypatch):
    """Whole numbers, so that sums in any order are equal."""
    if size == "large":
        monkeypatch.setattr(conv_slices, "_CACHED_BYTES", 0)
        monkeypatch.setattr(conv_slices, "_LAID_TOGETHER", 0)
        monkeypatch.setattr(conv_slices, "_PART_BYTES", 2**14)  # one or two images
        monkeypatch.setattr(conv_slices, "_LAID_BYTES", 2**14)
    own = window._replace(together=size == "together")
    rng = np.random.default_rng(0)
    x, k, w = (
        jnp.asarray(rng.integers(-4, 5, shape), "float32")
        for shape in ((3, 6, 7, 16), kernel_shape, (3, 9, 9, 5))
    )

    @jax.jit
    def both(x, k):
        results = []
        for convolution, form in ((conv_slices._convolve, own), (conv_slices._native, window)):
            y, gradient = jax.vjp(functools.partial(convolution, window=form), x, k)
            results.append((y, gradient(w[:, : y.shape[1], : y.shape[2]])))
        return results

    for a, b in zip(*map(jax.tree.leaves, both(x, k)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_depthwise_gradients_image_by_image_are_the_same(monkeypatch):
    """The form for large images: all derivatives, for cohorts too."""
    monkeypatch.setattr(conv_slices, "_LARGE_IMAGE_BYTES", 0)
    rng = np.random.default_rng(0)
    x, k = (jnp.asarray(rng.integers(-2, 3, s), "float32") for s in ((3, 7, 2), (2, 3, 1, 4)))
    window = Window((2,), ((1, 0),), (1,), groups=2)

    def derivatives(convolution):
        def loss(k):
            return jnp.sum(convolution(x, k, window) ** 3)

        def both(k):
            return jax.grad(loss)(k), jax.hessian(loss)(k), jax.jacfwd(jax.grad(loss))(k)

        return jax.jit(jax.vmap(both))(k)

    for a, b in zip(
        derivatives(conv_slices._convolve), derivatives(conv_slices._native), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_few_rows_at_a_time_give_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    x, k = (jnp.asarray(rng.integers(-4, 5, s), "float32") for s in ((5, 8, 3), (3, 3, 2)))
    window = Window((1,), ((1, 1),), (1,))

    def gradients():
        loss = lambda x, k: jnp.sum(conv_slices._convolve(x, k, window) ** 2)  # noqa: E731
        return jax.jit(jax.value_and_grad(loss, (0, 1)))(x, k)

    whole = gradients()
    monkeypatch.setattr(conv_slices, "_LAID_BYTES", 2 * 8 * 9 * 4)  # two rows
    for a, b in zip(jax.tree.leaves(gradients()), jax.tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_do_not_keep_large_slices(monkeypatch):
    """What the backward pass keeps: inputs and kernel, not nine copies of the inputs."""
    monkeypatch.setattr(conv_slices, "_KEPT_BYTES", 2**16)
    x, k = jnp.ones((4, 16, 16, 8)), jnp.ones((3, 3, 8, 8))
    window = Window((1, 1), ((1, 1), (1, 1)), (1, 1))
    kept = jax.tree.leaves(jax.vjp(lambda x, k: convolve(x, k, window), x, k)[1])
    assert sum(a.size for a in kept) <= 2 * x.size + k.size


def test_form_by_platform():
    """Products on a CPU for cohorts, whose kernels differ; XLA's convolution elsewhere."""
    window = Window((1, 1), ((0, 0), (0, 0)), (1, 1), together=True)
    xs, ks = jnp.ones((3, 2, 5, 5, 2)), jnp.ones((3, 2, 2, 2, 4))
    program = jax.jit(jax.vmap(lambda x, k: convolve(x, k, window))).trace(xs, ks)
    for platform, is_native in (("cpu", False), ("cuda", True)):
        text = program.lower(lowering_platforms=(platform,)).as_text()
        assert ("stablehlo.convolution" in text) is is_native


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
