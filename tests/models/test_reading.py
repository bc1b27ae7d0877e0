"""Layers before windows get less, and the model gives what its layers give one by one."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kohort import Input, Model, Sequential, layers, ops, random


def one_by_one(model, x):
    for layer in model.layers:
        x = layer(x)
    return x


def convolved(model, x):
    """The lengths of what each convolution gives."""
    jaxpr = jax.make_jaxpr(lambda x: model(x))(x)
    equations = [e for e in jaxpr.eqns if e.primitive.name == "conv_outputs"]
    return [e.outvars[0].aval.shape[1:-1] for e in equations]


def images(*shape, seed=0):
    return np.asarray(random.normal(shape, seed=seed))


def mnist_like():
    return Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(3, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Flatten(), layers.Dense(2),
    ])  # fmt: skip


def test_what_pooling_leaves_out_is_not_computed():
    assert convolved(mnist_like(), images(2, 28, 28, 1)) == [(24, 24), (10, 10)]


WINDOWS = {
    "Conv": {"filters": 3, "kernel_size": 2},
    "DepthwiseConv": {"kernel_size": 3},
    "SeparableConv": {"filters": 4, "kernel_size": 2},
    "MaxPooling": {},
    "AveragePooling": {"pool_size": 3},
}
OF_ALL = [{"padding": "same"}, {"strides": 2}, {"strides": 1}, {}]
OF_CONVOLUTIONS = [{"activation": "tanh"}, {"activation": "softmax"}, {"dilation_rate": 2}]


def stack_of(rank, names, choices):
    for name, choice in zip(names, choices, strict=True):
        if name in WINDOWS:
            is_known = name.endswith("Conv") or choice in OF_ALL
            own = choice if is_known else {}
            yield getattr(layers, f"{name}{rank}D")(**WINDOWS[name], **own)
        else:
            yield getattr(layers, name)()


@settings(max_examples=25, deadline=None)
@given(
    rank=st.sampled_from([1, 2]),
    lengths=st.tuples(st.integers(18, 25), st.integers(18, 25)),
    names=st.lists(
        st.sampled_from([*WINDOWS, "ReLU", "UnitNormalization"]), min_size=2, max_size=4
    ),
    choices=st.lists(st.sampled_from(OF_ALL + OF_CONVOLUTIONS), min_size=4, max_size=4),
)
def test_models_give_what_their_layers_give(rank, lengths, names, choices):
    shape = (*lengths[:rank], 2)
    stack = stack_of(rank, names, choices[: len(names)])
    try:
        model = Sequential([layers.Input(shape), *stack])
    except ValueError as error:  # windows that do not fit
        assert "larger than the input" in str(error)
        return
    x = images(2, *shape)
    weights = images(*one_by_one(model, x).shape, seed=1)

    def gradient(call):
        return jax.grad(lambda x: ops.sum(call(x) * weights))(x)

    np.testing.assert_allclose(model(x), one_by_one(model, x), rtol=1e-5, atol=1e-5)
    expected = gradient(lambda x: one_by_one(model, x))
    np.testing.assert_allclose(gradient(model), expected, rtol=1e-4, atol=1e-4)


def test_volumes_and_channels_first():
    for form, shape in (("channels_last", (11, 9, 7, 2)), ("channels_first", (2, 11, 9, 7))):
        model = Sequential([
            layers.Input(shape),
            layers.Conv3D(3, 2, data_format=form), layers.MaxPooling3D(2, data_format=form),
            layers.Conv3D(3, 2, data_format=form), layers.AveragePooling3D(2, data_format=form),
        ])  # fmt: skip
        x = images(2, *shape)
        np.testing.assert_allclose(model(x), one_by_one(model, x), rtol=1e-5, atol=1e-5)


def test_axes_of_two_orders_are_not_mixed():
    model = Sequential([
        layers.Input((7, 9, 2)),
        layers.Conv2D(8, 3), layers.MaxPooling2D(2, data_format="channels_first"),
    ])  # fmt: skip
    x = images(2, 7, 9, 2)
    np.testing.assert_allclose(model(x), one_by_one(model, x), rtol=1e-5)


def test_images_of_other_sizes_than_the_first():
    model = Sequential([layers.Conv2D(3, 3), layers.MaxPooling2D(), layers.GlobalMaxPooling2D()])
    for size in (9, 12, 15, 8):
        x = images(2, size, size + 1, 1)
        np.testing.assert_allclose(model(x), one_by_one(model, x), rtol=1e-5)


def test_outputs_are_whole():
    x = Input((9, 9, 1))
    inside = layers.Conv2D(2, 2)(x)
    model = Model(x, [inside, layers.MaxPooling2D(3)(inside)])
    assert [y.shape for y in model(images(2, 9, 9, 1))] == [(2, 8, 8, 2), (2, 2, 2, 2)]


def test_what_others_read_is_whole():
    x = Input((9, 9, 1))
    inside = layers.Conv2D(2, 2)(x)
    pooled = [layers.MaxPooling2D(size)(inside) for size in (3, 2)]
    model = Model(x, pooled)
    assert convolved(model, images(2, 9, 9, 1)) == [(8, 8)]


class Above(layers.Conv2D):
    """A convolution that also looks at the last row."""

    def call(self, inputs):
        return super().call(inputs) + ops.mean(inputs[:, -1])


@pytest.mark.parametrize(
    "first",
    [
        lambda: Above(2, 2),
        lambda: layers.Conv2D(2, 2, activation=lambda x: x - ops.mean(x)),
        lambda: layers.Conv2D(2, 2, activity_regularizer="l2"),
        lambda: layers.Conv2D(2, 2, padding="same"),
        lambda: layers.SpectralNormalization(layers.Conv2D(2, 2)),
    ],
)
def test_layers_that_may_read_more_get_all(first):
    model = Sequential([layers.Input((10, 10, 1)), first(), layers.MaxPooling2D(2)])
    x = images(2, 10, 10, 1)
    apart = one_by_one(model, x)
    penalty = np.sum([loss for layer in model.layers for loss in layer.losses])
    np.testing.assert_allclose(model(x), apart, rtol=1e-5)
    np.testing.assert_allclose(np.sum(model.losses), penalty, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Layer 'conv1d:UserWarning")  # it destroys the mask
def test_masked_sequences():
    model = Sequential([
        layers.Input((7,), dtype="int32"), layers.Embedding(5, 3, mask_zero=True),
        layers.Activation("relu"), layers.Conv1D(2, 2), layers.MaxPooling1D(5),
    ])  # fmt: skip
    x = np.arange(14).reshape(2, 7) % 5
    np.testing.assert_allclose(model(x), one_by_one(model, x), rtol=1e-5)


def test_arguments_by_name():
    x = Input((9, 9, 1))
    model = Model(x, layers.MaxPooling2D(3)(layers.Conv2D(2, 2)(inputs=x)))
    assert model(images(2, 9, 9, 1)).shape == (2, 2, 2, 2)


def test_windows_that_do_not_fit_are_told_as_before():
    x = Input((None, None, 1))
    model = Model(x, layers.MaxPooling2D(4)(layers.Conv2D(2, 3)(x)))
    assert model(images(1, 6, 6, 1)).shape == (1, 1, 1, 2)
    with pytest.raises(ValueError, match="larger than the input"):
        model(images(1, 5, 5, 1))
