"""EfficientNet: MobileNet's blocks with squeeze and excitation, scaled in width and depth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kohort import initializers, layers
from kohort.applications._build import (
    Body,
    Files,
    Options,
    architecture,
    channel_axis,
    classifier,
    norm,
    pad_before_stride,
)
from kohort.applications.imagenet_utils import decode_predictions
from kohort.applications.mobilenet_v2 import divisible
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

__all__ = [
    "EfficientNetB0", "EfficientNetB1", "EfficientNetB2", "EfficientNetB3", "EfficientNetB4",
    "EfficientNetB5", "EfficientNetB6", "EfficientNetB7", "decode_predictions", "preprocess_input",
]  # fmt: skip

# Stages of B0: window, blocks, filters of input and output, expansion, stride.
_STAGES = (
    (3, 1, 32, 16, 1, 1), (3, 2, 16, 24, 6, 2), (5, 2, 24, 40, 6, 2), (3, 3, 40, 80, 6, 2),
    (5, 3, 80, 112, 6, 1), (5, 4, 112, 192, 6, 2), (3, 1, 192, 320, 6, 1),
)  # fmt: skip
# Width, depth, image size, dropout.
_SCALES = (
    (1.0, 1.0, 224, 0.2), (1.0, 1.1, 240, 0.2), (1.1, 1.2, 260, 0.3), (1.2, 1.4, 300, 0.3),
    (1.4, 1.8, 380, 0.4), (1.6, 2.2, 456, 0.4), (1.8, 2.6, 528, 0.5), (2.0, 3.1, 600, 0.5),
)  # fmt: skip
_DEVIATION = (0.229, 0.224, 0.225)
_MOST_DROPPED = 0.2


def fan_out(scale: float = 2.0, distribution: str = "truncated_normal") -> Any:
    return initializers.VarianceScaling(scale, "fan_out", distribution)


def mix(x: KerasTensor, filters: int, name: str, activation: Any = None, **more: Any) -> Any:
    """A convolution 1 x 1."""
    return layers.Conv2D(
        filters, kernel_size=1, padding="same", activation=activation,
        kernel_initializer=fan_out(), name=name, **more,
    )(x)  # fmt: skip


def swish(x: KerasTensor, name: str) -> KerasTensor:
    return layers.Activation("swish", name=name)(x)


def _block(
    inputs: KerasTensor, filters: tuple[int, int], size: int, stride: int, expansion: int,
    dropped: float, name: str,
) -> KerasTensor:  # fmt: skip
    x, deep = inputs, filters[0] * expansion
    if expansion > 1:
        x = norm(mix(x, deep, f"{name}expand_conv", use_bias=False), f"{name}expand_bn")
        x = swish(x, f"{name}expand_activation")
    if stride == 2:
        x = pad_before_stride(x, size, f"{name}dwconv_pad")
    x = layers.DepthwiseConv2D(
        size, strides=stride, padding="valid" if stride == 2 else "same", use_bias=False,
        depthwise_initializer=fan_out(), name=f"{name}dwconv",
    )(x)  # fmt: skip
    x = swish(norm(x, f"{name}bn"), f"{name}activation")
    x = excite(x, deep, max(1, filters[0] // 4), name)
    x = norm(mix(x, filters[1], f"{name}project_conv", use_bias=False), f"{name}project_bn")
    if stride > 1 or filters[0] != filters[1]:
        return x
    if dropped > 0:
        x = layers.Dropout(dropped, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.add([x, inputs], name=f"{name}add")


def excite(x: KerasTensor, deep: int, few: int, name: str) -> KerasTensor:
    """Each channel times a factor in (0, 1) that depends on the means of all channels."""
    shape = (1, 1, deep) if channel_axis() == -1 else (deep, 1, 1)
    se = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    se = layers.Reshape(shape, name=f"{name}se_reshape")(se)
    se = mix(se, few, f"{name}se_reduce", "swish")
    se = mix(se, deep, f"{name}se_expand", "sigmoid")
    return layers.multiply([x, se], name=f"{name}se_excite")


def _body(width: float, depth: float) -> Body:
    def blocks(x: KerasTensor, options: Options) -> KerasTensor:
        x = layers.Rescaling(1 / 255)(x)
        x = layers.Normalization(axis=channel_axis())(x)
        if options.weights == "imagenet":  # these weights come from a division by the variance
            x = layers.Rescaling([1 / math.sqrt(d) for d in _DEVIATION])(x)
        x = pad_before_stride(x, 3, "stem_conv_pad")
        x = layers.Conv2D(
            divisible(32 * width), kernel_size=3, strides=2, use_bias=False,
            kernel_initializer=fan_out(), name="stem_conv",
        )(x)  # fmt: skip
        x = swish(norm(x, "stem_bn"), "stem_activation")
        total = sum(math.ceil(depth * stage[1]) for stage in _STAGES)
        done = 0
        for stage, (size, repeats, before, after, expansion, stride) in enumerate(_STAGES, 1):
            into, out = divisible(before * width), divisible(after * width)
            for i in range(math.ceil(depth * repeats)):
                filters = (into, out) if i == 0 else (out, out)
                x = _block(
                    x, filters, size, stride if i == 0 else 1, expansion,
                    _MOST_DROPPED * done / total, f"block{stage}{chr(97 + i)}_",
                )  # fmt: skip
                done += 1
        x = norm(mix(x, divisible(1280 * width), "top_conv", use_bias=False), "top_bn")
        return swish(x, "top_activation")

    return blocks


def head(rate: float) -> Body:
    def head(x: KerasTensor, options: Options) -> KerasTensor:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dropout(rate, name="top_dropout")(x)
        return classifier(x, options, kernel_initializer=fan_out(1 / 3, "uniform"))

    return head


def _make(number: int) -> Callable[..., Functional]:
    width, depth, size, rate = _SCALES[number]
    name = f"efficientnetb{number}"
    files = Files(
        "https://storage.googleapis.com/keras-applications/", f"{name}.h5", f"{name}_notop.h5"
    )
    return architecture(
        f"EfficientNetB{number}", f"EfficientNet, size B{number}",
        "Tan and Le, \"EfficientNet: rethinking model scaling\", 2019",
        _body(width, depth), files, size, head=head(rate), pool_names=("avg_pool", "max_pool"),
    )  # fmt: skip


EfficientNetB0, EfficientNetB1, EfficientNetB2, EfficientNetB3 = map(_make, range(4))
EfficientNetB4, EfficientNetB5, EfficientNetB6, EfficientNetB7 = map(_make, range(4, 8))


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return the images as they are: the model scales values in [0, 255] itself."""
    return x
