"""MobileNet, version 2: residual blocks that are wide inside and narrow between."""

from __future__ import annotations

from typing import Any

from kohort import layers
from kohort.applications._build import (
    STORAGE,
    Files,
    Options,
    build,
    channel_axis,
    classifier,
    image_shape,
    norm,
    pad_before_stride,
)
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

_SIZES = (96, 128, 160, 192, 224)
# The filters of each block, and the blocks of stride 2.
_FILTERS = (16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320)
_HALVING = (1, 3, 6, 13)


def divisible(filters: float, by: int = 8) -> int:
    """The nearest multiple, at most a tenth less.

    >>> divisible(30), divisible(11)
    (32, 16)
    """
    rounded = max(by, int(filters + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * filters else rounded


def _relu6(x: KerasTensor, name: str, bn: str) -> KerasTensor:
    return layers.ReLU(6.0, name=name)(norm(x, bn, momentum=0.999))


def _block(inputs: KerasTensor, filters: int, block: int) -> KerasTensor:
    x, channels = inputs, int(inputs.shape[channel_axis()] or 0)
    prefix = f"block_{block}_" if block else "expanded_conv_"
    stride = 2 if block in _HALVING else 1
    settings: dict[str, Any] = {"padding": "same", "use_bias": False}
    if block:
        x = layers.Conv2D(6 * channels, kernel_size=1, name=f"{prefix}expand", **settings)(x)
        x = _relu6(x, f"{prefix}expand_relu", f"{prefix}expand_BN")
    if stride == 2:
        x = pad_before_stride(x, 3, f"{prefix}pad")
    x = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="valid" if stride == 2 else "same",
        use_bias=False,
        name=f"{prefix}depthwise",
    )(x)
    x = _relu6(x, f"{prefix}depthwise_relu", f"{prefix}depthwise_BN")
    x = layers.Conv2D(filters, kernel_size=1, name=f"{prefix}project", **settings)(x)
    x = norm(x, f"{prefix}project_BN", momentum=0.999)
    if channels == filters and stride == 1:
        return layers.Add(name=f"{prefix}add")([inputs, x])
    return x


def _head(x: KerasTensor, options: Options) -> KerasTensor:
    return classifier(layers.GlobalAveragePooling2D()(x), options)


def usual_size(input_shape: Any, input_tensor: Any, sizes: tuple[int, ...]) -> int:
    """The size of the images: that of the input, where there are weights for it; else 224."""
    shape = input_shape if input_tensor is None else input_tensor.shape[1:]
    if shape is None:
        return 224
    rows, columns = shape[:2] if channel_axis() == -1 else shape[1:]
    return rows if rows == columns and rows in sizes else 224


def rows_of(options: Options, size: int) -> int | None:
    """The number by which a model is named: the rows of its images."""
    if options.weights == "imagenet":
        return size
    return image_shape(options, size, 32)[0 if channel_axis() == -1 else 1]


def MobileNetV2(
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Functional:
    """MobileNet, version 2.

    Args:
        input_shape: the shape of an image, at least 32 x 32; 224 x 224 x 3 unless told.
        alpha: the width: all numbers of filters are multiplied by it.
        include_top: whether the classifier is there.
        weights: None (new ones), a path to a file of Keras weights for this architecture, or
            `"imagenet"`: the file in `~/.keras/models`, which Kohort does not download.
        input_tensor: a symbolic tensor to build on.
        pooling: without the classifier: `"avg"`, `"max"` or None, global pooling at the end.
        classes: how many classes the classifier has.
        classifier_activation: of the classifier; None for logits.
        name: the name of the model.

    Call `mobilenet_v2.preprocess_input` on the images first.

    Source: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018.
    """
    if weights == "imagenet" and alpha not in (0.35, 0.5, 0.75, 1.0, 1.3, 1.4):
        raise ValueError(
            "If imagenet weights are being loaded, alpha must be one of `0.35`, `0.50`, `0.75`, "
            f"`1.0`, `1.3` or `1.4` only. Received: alpha={alpha}"
        )
    size = usual_size(input_shape, input_tensor, _SIZES)

    def body(x: KerasTensor, options: Options) -> KerasTensor:
        x = layers.Conv2D(
            divisible(32 * alpha),
            kernel_size=3,
            strides=2,
            padding="same",
            use_bias=False,
            name="Conv1",
        )(x)
        x = _relu6(x, "Conv1_relu", "bn_Conv1")
        for block, filters in enumerate(_FILTERS):
            x = _block(x, divisible(int(filters * alpha)), block)
        last = divisible(1280 * max(alpha, 1.0))
        x = layers.Conv2D(last, kernel_size=1, use_bias=False, name="Conv_1")(x)
        return _relu6(x, "out_relu", "Conv_1_bn")

    start = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}"
    files = Files(f"{STORAGE}mobilenet_v2/", f"{start}.h5", f"{start}_no_top.h5")
    options = Options(
        name or "", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation,
    )  # fmt: skip
    if name is None:
        options = options._replace(name=f"mobilenetv2_{alpha:0.2f}_{rows_of(options, size)}")
    return build(options, body, _head, size, 32, files)


preprocess_input = preprocessing("tf")
