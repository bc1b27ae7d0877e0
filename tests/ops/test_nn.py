"""Operations of neural networks, linear algebra and signals against Keras."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import ops
from kohort.core.symbolic import KerasTensor
from tests.ops.oracle import assert_same, check, normal

X = normal(3, 4)
INTS = np.array([0, 2, 1], "int32")
IMAGES = normal(2, 8, 9, 3)
LINE = normal(2, 10, 3)
VOLUME = normal(2, 5, 6, 4, 3)
SPD = (lambda a: (a @ a.T + 3 * np.eye(4)).astype("float32"))(normal(4, 4))

ACTIVATIONS = """relu relu6 sigmoid sparse_sigmoid softplus softsign silu swish log_sigmoid
 hard_sigmoid hard_silu hard_swish hard_tanh selu sparse_plus tanh_shrink leaky_relu elu celu gelu
 squareplus soft_shrink hard_shrink glu softmax log_softmax sparsemax erf erfc rsqrt""".split()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    check(name, np.abs(X) if name == "rsqrt" else 3 * X)


def test_erfinv():
    check("erfinv", np.tanh(X), rtol=1e-4)


LOSSES = [
    ("binary_crossentropy", (np.round(np.abs(np.tanh(X))), np.abs(np.tanh(X))), {}),
    ("binary_crossentropy", (np.round(np.abs(np.tanh(X))), X), {"from_logits": True}),
    ("categorical_crossentropy", (np.eye(4, dtype="float32")[INTS], np.abs(X)), {}),
    ("categorical_crossentropy", (np.eye(4, dtype="float32")[INTS], X), {"from_logits": True}),
    ("sparse_categorical_crossentropy", (INTS, np.abs(X)), {}),
    ("sparse_categorical_crossentropy", (INTS[:, None], X), {"from_logits": True}),
    ("one_hot", (INTS, 4), {}), ("one_hot", (INTS, 4), {"axis": 0, "dtype": "int32"}),
    ("multi_hot", (INTS[None], 5), {}), ("psnr", (X, X + 0.1, 1.0), {}),
    ("softmax", (IMAGES,), {"axis": (1, 2)}), ("threshold", (X, 0.1, 9.0), {}),
    ("moments", (X, [0]), {}), ("moments", (IMAGES, [1, 2]), {"keepdims": True}),
    ("normalize", (X,), {}), ("normalize", (X,), {"axis": 0, "order": 3}),
    ("layer_normalization", (X, X[0], X[1]), {"epsilon": 1e-3}),
    ("layer_normalization", (X, X[:, 0], X[:, 1]), {"axis": 0}),
    ("rms_normalization", (X, X[0]), {}), ("polar", (np.abs(X), X), {}),
    ("batch_normalization", (X, X[0], np.abs(X[1])), {"axis": -1}),
    ("top_k", (X, 2), {}), ("in_top_k", (INTS, X, 2), {}), ("logsumexp", (X,), {"axis": 1}),
    ("segment_sum", (X, np.array([0, 0, 1])), {"num_segments": 2}),
    ("segment_max", (X, np.array([0, 0, 1])), {"num_segments": 2}),
    ("segment_min", (X, np.array([0, 0, 1])), {"num_segments": 2}),
    ("segment_prod", (X, np.array([0, 0, 1])), {"num_segments": 3}),
    ("extract_sequences", (LINE[..., 0], 4, 2), {}), ("fft", ((X, X),), {}),
    ("fft2", ((X, X),), {}), ("ifft2", ((X, X),), {}), ("rfft", (X,), {"fft_length": 6}),
    ("irfft", ((X, X),), {}), ("stft", (LINE[..., 0], 4, 2, 6), {}),
    ("stft", (LINE[..., 0], 4, 2, 6), {"window": None, "center": False}),
    ("cdist", (X, X + 1), {}), ("view_as_complex", (X[:, :2],), {}), ("logdet", (SPD,), {}),
    ("rearrange", (IMAGES, "b h w c -> b (h w) c"), {}),
    ("rearrange", (IMAGES, "b (p h) w c -> b w (h c) p"), {"p": 2}),
]  # fmt: skip


@pytest.mark.parametrize("name, args, kwargs", LOSSES)
def test_nn(name, args, kwargs):
    check(name, *args, **kwargs)


CONV = [
    ("conv", (LINE, normal(3, 3, 5)), {}),
    ("conv", (IMAGES, normal(3, 2, 3, 4)), {"strides": (2, 1), "padding": "same"}),
    ("conv", (IMAGES, normal(3, 3, 1, 6)), {"dilation_rate": 2}),
    ("conv", (VOLUME, normal(2, 2, 2, 3, 4)), {}),
    ("conv", (np.moveaxis(IMAGES, -1, 1), normal(3, 3, 3, 4)), {"data_format": "channels_first"}),
    ("depthwise_conv", (IMAGES, normal(3, 3, 3, 2)), {"padding": "same"}),
    ("separable_conv", (IMAGES, normal(3, 3, 3, 2), normal(1, 1, 6, 5)), {}),
    ("conv_transpose", (LINE, normal(3, 5, 3)), {"strides": 2}),
    ("conv_transpose", (IMAGES, normal(3, 3, 4, 3)), {"strides": 2, "padding": "same"}),
    ("conv_transpose", (IMAGES, normal(2, 3, 4, 3)), {"strides": 3, "output_padding": 1}),
    ("max_pool", (IMAGES, 2, 2), {}), ("max_pool", (LINE, 3), {"strides": 2, "padding": "same"}),
    ("average_pool", (IMAGES, (2, 3), 2), {"padding": "same"}),
    ("average_pool", (VOLUME, 2, 2), {}),
    ("adaptive_average_pool", (IMAGES, (3, 4)), {}), ("adaptive_max_pool", (LINE, 4), {}),
    ("adaptive_average_pool", (VOLUME, 2), {}),
    ("unfold", (np.moveaxis(IMAGES, -1, 1), 3), {"stride": 2, "padding": 1}),
    ("fold", (normal(2, 12, 12), (5, 4), 2), {}), ("depth_to_space", (normal(1, 2, 2, 8), 2), {}),
    ("space_to_depth", (normal(1, 4, 4, 2), 2), {}),
    ("depth_to_space", (normal(1, 8, 2, 2), 2), {"data_format": "channels_first"}),
    ("space_to_depth", (normal(1, 2, 4, 4), 2), {"data_format": "channels_first"}),
]  # fmt: skip


@pytest.mark.parametrize("name, args, kwargs", CONV)
def test_conv_and_pool(name, args, kwargs):
    check(name, *args, rtol=1e-4, atol=1e-5, **kwargs)


LINALG = [
    ("cholesky", (SPD,), {}), ("cholesky", (SPD,), {"upper": True}),
    ("cholesky_inverse", (np.linalg.cholesky(SPD),), {}), ("det", (SPD,), {}),
    ("eigh", (SPD,), {}), ("inv", (SPD,), {}), ("pinv", (X,), {}), ("lu_factor", (SPD,), {}),
    ("matrix_rank", (SPD,), {}), ("norm", (X,), {}), ("norm", (X,), {"ord": 1, "axis": 0}),
    ("qr", (X,), {}), ("qr", (X,), {"mode": "complete"}), ("solve", (SPD, X.T), {}),
    ("solve_triangular", (np.tril(SPD), X.T), {"lower": True}), ("slogdet", (SPD,), {}),
    ("svd", (X,), {"full_matrices": False}), ("svd", (X,), {"compute_uv": False}),
    ("lstsq", (X.T, X[:, :1].repeat(4, 0)[:4]), {}),
]  # fmt: skip


@pytest.mark.parametrize("name, args, kwargs", LINALG)
def test_linalg(name, args, kwargs):
    check(name, *args, rtol=1e-3, atol=1e-4, **kwargs)


def test_istft_undoes_stft():
    wave = np.sin(np.arange(64, dtype="float32"))[None]
    frames = ops.stft(wave, 16, 4, 16)
    check("istft", tuple(map(np.asarray, frames)), 16, 4, 16, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ops.istft(frames, 16, 4, 16), wave, atol=1e-5)


def test_istft_without_window_gives_the_numbers_of_keras():
    frames = ops.stft(normal(1, 32), 8, 2, 8, None)
    check("istft", tuple(map(np.asarray, frames)), 8, 2, 8, window=None, rtol=1e-4, atol=1e-5)


def test_solve_vectors():
    a, b = np.stack([SPD, SPD]), normal(2, 4)
    x = np.linalg.solve(a, b[..., None])[..., 0]
    np.testing.assert_allclose(ops.solve(a, b), x, rtol=1e-3, atol=1e-4)


def test_attention():
    q, k, v = normal(2, 3, 4, 5), normal(2, 6, 4, 5), normal(2, 6, 4, 5)
    mask = np.tril(np.ones((3, 6), bool))
    check("dot_product_attention", q, k, v, symbolic=False)
    check("dot_product_attention", q, k, v, None, mask, symbolic=False)
    check("dot_product_attention", q, k, v, is_causal=True, scale=0.3)


def test_ctc_loss_and_its_gradient():
    target = np.array([[1, 2, 2, 3], [3, 1, 0, 0]])
    output = normal(2, 9, 5)
    lengths = np.array([4, 2]), np.array([9, 6])
    check("ctc_loss", target, output, *lengths, rtol=1e-4)
    grads = [jax.jit(jax.grad(lambda o, f=f: f(target, o, *lengths).sum()))(jnp.asarray(output))
             for f in (ops.ctc_loss, keras.ops.ctc_loss)]  # fmt: skip
    assert_same(*grads, rtol=1e-3, atol=1e-5)


def test_ctc_greedy_decode():
    inputs = normal(3, 7, 5)
    for merge in (True, False):
        found = ops.ctc_decode(inputs, [7, 4, 5], merge_repeated=merge)
        assert_same(found, keras.ops.ctc_decode(inputs, [7, 4, 5], merge_repeated=merge))


def test_ctc_beam_search():
    inputs = normal(3, 6, 4)
    settings = {"strategy": "beam_search", "beam_width": 20, "top_paths": 2}
    # Compiled as one: that takes half as long as to compile the steps one by one.
    ours = jax.jit(lambda x: ops.ctc_decode(x, [6, 4, 5], **settings))
    theirs = jax.jit(lambda x: keras.ops.ctc_decode(x, np.array([6, 4, 5]), **settings))
    assert_same(ours(inputs), theirs(inputs), rtol=1e-4)


@pytest.mark.parametrize("call, message", [
    (lambda: ops.conv(IMAGES, normal(3, 3, 2, 4)), "must match the kernel"),
    (lambda: ops.conv(IMAGES, normal(9, 9, 3, 4)), "empty output"),
    (lambda: ops.depthwise_conv(IMAGES, normal(3, 3, 2, 4)), "must match"),
    (lambda: ops.conv_transpose(IMAGES, normal(3, 3, 4, 2)), "must match"),
    (lambda: ops.conv_transpose(IMAGES, normal(3, 3, 4, 3), padding="full"), "one of 'valid'"),
    (lambda: ops.max_pool(IMAGES, 2, padding="full"), "Invalid padding"),
    (lambda: ops.adaptive_max_pool(X, 2), "1D/2D/3D"),
    (lambda: ops.depth_to_space(IMAGES, 1), "at least 2"),
    (lambda: ops.unfold(X, 2), "4D tensor"), (lambda: ops.fold(X, 2, 2), "3D tensor"),
    (lambda: ops.binary_crossentropy(X, X[0]), "same shape"),
    (lambda: ops.categorical_crossentropy(X, X[0]), "same shape"),
    (lambda: ops.sparse_categorical_crossentropy(INTS, X[:2]), "up until the last"),
    (lambda: ops.one_hot(INTS, 3, sparse=True), "Sparse"),
    (lambda: ops.multi_hot(INTS), "num_classes"), (lambda: ops.psnr(X, X[0], 1.0), "must match"),
    (lambda: ops.normalize(X, order=0), "int >= 1"),
    (lambda: ops.cholesky(-SPD), "Cholesky decomposition failed"),
    (lambda: ops.inv(X), "square matrix"), (lambda: ops.det(X[0]), "rank >= 2"),
    (lambda: ops.qr(X, mode="r"), "mode"), (lambda: ops.fft(X), "tuple of two"),
    (lambda: ops.fft((X, X[0])), "same shape"),
    (lambda: ops.fft((INTS, INTS)), "not of type float"),
    (lambda: ops.stft(X, 8, 2, 4), "fft_length"), (lambda: ops.stft(X, 2, 1, 4, "bell"), "window"),
    (lambda: ops.stft(X, 2, 1, 4, np.ones(3)), "sequence_length"),
    (lambda: ops.stft(X, 2, 0, 4), "positive integer"),
    (lambda: ops.segment_sum(X, INTS[:2], 2), "same leading dimension"),
    (lambda: ops.segment_sum(X, X, 2), "1-D vector"),
    (lambda: ops.segment_sum(X, INTS), "num_segments"), (lambda: ops.cdist(X[0], X), "rank >= 2"),
    (lambda: ops.cdist(X, X[:, :2]), "Last dimension"),
    (lambda: ops.view_as_complex(X), "size 2"),
    (lambda: ops.ctc_decode(normal(1, 2, 3), [2], strategy="best"), "Invalid strategy"),
    (lambda: ops.dot_product_attention(X, X, X), "4D inputs"),
    (lambda: ops.rearrange(X, "a -> a"), "names 1 axes"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_pools_step_by_their_window():
    assert_same(ops.max_pool(IMAGES, 2), ops.max_pool(IMAGES, 2, 2))
    assert_same(ops.average_pool(IMAGES, (2, 3)), ops.average_pool(IMAGES, (2, 3), (2, 3)))


def test_symbolic_convolution_with_unknown_sizes():
    images = KerasTensor((None, None, 9, 3))
    assert ops.conv(images, normal(3, 3, 3, 4)).shape == (None, None, 7, 4)
    assert ops.conv(images, normal(1, 1, 3, 4), strides=16).shape == (None, None, 1, 4)
    assert ops.max_pool(images, 2).shape == (None, None, 4, 3)
    assert ops.split(images, 2, axis=1)[0].shape == (None, None, 9, 3)
