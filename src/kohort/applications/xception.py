"""Xception: separable convolutions with residual connections."""

from __future__ import annotations

from kohort import layers
from kohort.applications._build import STORAGE, Files, Options, architecture, norm, relu
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.core.symbolic import KerasTensor

__all__ = ["Xception", "decode_predictions", "preprocess_input"]


def _separable(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    x = layers.SeparableConv2D(filters, kernel_size=3, padding="same", use_bias=False, name=name)(x)
    return norm(x, f"{name}_bn")


def _narrowing(x: KerasTensor, block: int, filters: tuple[int, int]) -> KerasTensor:
    """Two separable convolutions and pooling, beside a convolution of stride 2."""
    residual = layers.Conv2D(filters[1], kernel_size=1, strides=2, padding="same", use_bias=False)(
        x
    )
    residual = norm(residual)
    for i, count in enumerate(filters, 1):
        if block > 2 or i > 1:
            x = relu(x, f"block{block}_sepconv{i}_act")
        x = _separable(x, count, f"block{block}_sepconv{i}")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
    return layers.add([x, residual])


def _body(x: KerasTensor, options: Options) -> KerasTensor:
    for i, (filters, stride) in enumerate(((32, 2), (64, 1)), 1):
        name = f"block1_conv{i}"
        x = layers.Conv2D(filters, kernel_size=3, strides=stride, use_bias=False, name=name)(x)
        x = relu(norm(x, f"{name}_bn"), f"{name}_act")
    for block, filters in ((2, 128), (3, 256), (4, 728)):
        x = _narrowing(x, block, (filters, filters))
    for block in range(5, 13):
        residual = x
        for i in (1, 2, 3):
            x = relu(x, f"block{block}_sepconv{i}_act")
            x = _separable(x, 728, f"block{block}_sepconv{i}")
        x = layers.add([x, residual])
    x = _narrowing(x, 13, (728, 1024))
    for i, filters in ((1, 1536), (2, 2048)):
        name = f"block14_sepconv{i}"
        x = relu(_separable(x, filters, name), f"{name}_act")
    return x


_START = "xception_weights_tf_dim_ordering_tf_kernels"
Xception = architecture(
    "Xception", "Xception",
    "Chollet, \"Xception: deep learning with depthwise separable convolutions\", 2017",
    _body, Files(f"{STORAGE}xception/", f"{_START}.h5", f"{_START}_notop.h5"), 299, least=71,
)  # fmt: skip
preprocess_input = preprocessing("tf")
