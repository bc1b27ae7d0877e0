"""MobileNet, version 3: version 2 with squeeze and excitation and a cheaper swish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kohort import layers, ops
from kohort.applications._build import (
    STORAGE,
    Body,
    Files,
    Options,
    build,
    channel_axis,
    norm,
    pad_before_stride,
)
from kohort.applications.imagenet_utils import decode_predictions
from kohort.applications.mobilenet_v2 import divisible
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

# Keras has no `keras.applications.mobilenet_v3.MobileNetV3Small`: the models' names are one up.
__all__ = ["decode_predictions", "preprocess_input"]

# Blocks: expansion, filters, whether the window is the large one, stride, excitation, hard swish.
_SMALL = (
    (1, 16, 0, 2, 1, 0), (72 / 16, 24, 0, 2, 0, 0), (88 / 24, 24, 0, 1, 0, 0), (4, 40, 1, 2, 1, 1),
    (6, 40, 1, 1, 1, 1), (6, 40, 1, 1, 1, 1), (3, 48, 1, 1, 1, 1), (3, 48, 1, 1, 1, 1),
    (6, 96, 1, 2, 1, 1), (6, 96, 1, 1, 1, 1), (6, 96, 1, 1, 1, 1),
)  # fmt: skip
_LARGE = (
    (1, 16, 0, 1, 0, 0), (4, 24, 0, 2, 0, 0), (3, 24, 0, 1, 0, 0), (3, 40, 1, 2, 1, 0),
    (3, 40, 1, 1, 1, 0), (3, 40, 1, 1, 1, 0), (6, 80, 0, 2, 0, 1), (2.5, 80, 0, 1, 0, 1),
    (2.3, 80, 0, 1, 0, 1), (2.3, 80, 0, 1, 0, 1), (6, 112, 0, 1, 1, 1), (6, 112, 0, 1, 1, 1),
    (6, 160, 1, 2, 1, 1), (6, 160, 1, 1, 1, 1), (6, 160, 1, 1, 1, 1),
)  # fmt: skip


def _relu(x: KerasTensor) -> KerasTensor:
    return layers.ReLU()(x)


def _hard_swish(x: KerasTensor) -> KerasTensor:
    return layers.Activation("hard_swish")(x)


def _conv(x: KerasTensor, filters: int, name: str, size: int = 1, **more: Any) -> KerasTensor:
    return layers.Conv2D(filters, kernel_size=size, padding="same", name=name, **more)(x)


def _norm(x: KerasTensor, name: str) -> KerasTensor:
    return norm(x, name, epsilon=0.001, momentum=0.999)


def _excite(inputs: KerasTensor, filters: int, prefix: str) -> KerasTensor:
    """Each channel times a factor in [0, 1] that depends on the means of all channels."""
    name = f"{prefix}squeeze_excite_"
    x = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}avg_pool")(inputs)
    x = _conv(x, divisible(filters / 4), f"{name}conv")
    x = layers.ReLU(name=f"{name}relu")(x)
    x = _conv(x, filters, f"{name}conv_1")
    x = ops.multiply(layers.ReLU(6.0)(ops.add(x, 3.0)), 1 / 6)
    return layers.Multiply(name=f"{name}mul")([inputs, x])


def _block(
    inputs: KerasTensor, number: int, expansion: float, filters: int, size: int, stride: int,
    excited: bool, activation: Callable[[KerasTensor], KerasTensor],
) -> KerasTensor:  # fmt: skip
    x, channels = inputs, int(inputs.shape[channel_axis()] or 0)
    deep = divisible(channels * expansion)
    prefix = f"expanded_conv_{number}_" if number else "expanded_conv_"
    if number:
        x = _conv(x, deep, f"{prefix}expand", use_bias=False)
        x = activation(_norm(x, f"{prefix}expand_bn"))
    if stride == 2:
        x = pad_before_stride(x, size, f"{prefix}depthwise_pad")
    x = layers.DepthwiseConv2D(
        size, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False,
        name=f"{prefix}depthwise",
    )(x)  # fmt: skip
    x = activation(_norm(x, f"{prefix}depthwise_bn"))
    if excited:
        x = _excite(x, deep, prefix)
    x = _norm(_conv(x, filters, f"{prefix}project", use_bias=False), f"{prefix}project_bn")
    if stride == 1 and channels == filters:
        return layers.Add(name=f"{prefix}add")([inputs, x])
    return x


def _body(blocks: tuple[Any, ...], alpha: float, minimal: bool) -> Body:
    swish = _relu if minimal else _hard_swish

    def body(x: KerasTensor, options: Options) -> KerasTensor:
        if options.include_preprocessing:
            x = layers.Rescaling(1 / 127.5, offset=-1.0)(x)
        x = _conv(x, 16, "conv", 3, strides=2, use_bias=False)
        x = swish(_norm(x, "conv_bn"))
        for i, (expansion, filters, large, stride, excited, swished) in enumerate(blocks):
            x = _block(
                x, i, expansion, divisible(filters * alpha), 5 if large and not minimal else 3,
                stride, bool(excited) and not minimal, swish if swished else _relu,
            )  # fmt: skip
        x = _conv(x, divisible(int(x.shape[channel_axis()] or 0) * 6), "conv_1", use_bias=False)
        return swish(_norm(x, "conv_1_bn"))

    return body


def _head(filters: int, rate: float, minimal: bool) -> Body:
    def head(x: KerasTensor, options: Options) -> KerasTensor:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = _conv(x, filters, "conv_2")
        x = (_relu if minimal else _hard_swish)(x)
        if rate > 0:
            x = layers.Dropout(rate)(x)
        x = layers.Flatten()(_conv(x, options.classes, "logits"))
        return layers.Activation(options.classifier_activation, name="predictions")(x)

    return head


def _make(size: str, blocks: tuple[Any, ...], last: int) -> Callable[..., Functional]:
    own_name = f"MobileNetV3{size}"

    def make(
        input_shape: Any = None, alpha: float = 1.0, minimalistic: bool = False,
        include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
        classes: int = 1000, pooling: str | None = None, dropout_rate: float = 0.2,
        classifier_activation: Any = "softmax", include_preprocessing: bool = True,
        name: str = own_name,
    ) -> Functional:  # fmt: skip
        stored = (1.0,) if minimalistic else (0.75, 1.0)
        if weights == "imagenet" and alpha not in stored:
            raise ValueError(
                f"With imagenet weights `alpha` must be one of {stored}. Received: alpha={alpha}"
            )
        variant = f"{size.lower()}{'_minimalistic' * minimalistic}_224_{alpha}_float"
        start = f"weights_mobilenet_v3_{variant}"
        files = Files(f"{STORAGE}mobilenet_v3/", f"{start}.h5", f"{start}_no_top_v2.h5")
        options = Options(
            name, include_top, weights, _image(input_shape, input_tensor), None, pooling,
            classes, classifier_activation, include_preprocessing,
        )  # fmt: skip
        head = _head(divisible(last * max(alpha, 1.0)), dropout_rate, minimalistic)
        body, pools = _body(blocks, alpha, minimalistic), ("avg_pool", "max_pool")
        return build(options, body, head, 224, 32, files, pools)

    make.__name__ = make.__qualname__ = own_name
    make.__doc__ = _DOC.format(size=size.lower())
    return make


def _image(shape: Any, tensor: Any) -> KerasTensor:
    """The input; images may have any size from 32 x 32 on."""
    if isinstance(tensor, KerasTensor):
        return tensor
    if shape is None:
        shape = (None, None, 3) if channel_axis() == -1 else (3, None, None)
    sides = shape[:2] if channel_axis() == -1 else shape[1:]
    if any(side is not None and side < 32 for side in sides):
        raise ValueError(f"Input size must be at least 32x32. Received: input_shape={shape}")
    return layers.Input(shape=tuple(shape), tensor=tensor)


_DOC = """MobileNet, version 3, {size}.

    Args:
        input_shape: the shape of an image, at least 32 x 32; any size unless told.
        alpha: the width: all numbers of filters are multiplied by it.
        minimalistic: no excitation, no hard swish, no window of 5: quicker on some devices.
        include_top: whether the classifier is there.
        weights: None (new ones), a path to a file of Keras weights for this architecture, or
            `"imagenet"`: the file in `~/.keras/models`, which Kohort does not download.
        input_tensor: a symbolic tensor to build on.
        classes: how many classes the classifier has.
        pooling: without the classifier: `"avg"`, `"max"` or None, global pooling at the end.
        dropout_rate: in front of the classifier.
        classifier_activation: of the classifier; None for logits.
        include_preprocessing: whether the model itself scales values in [0, 255].
        name: the name of the model.

    Source: Howard et al., "Searching for MobileNetV3", 2019.
    """
MobileNetV3Small = _make("Small", _SMALL, 1024)
MobileNetV3Large = _make("Large", _LARGE, 1280)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return the images as they are: the model scales values in [0, 255] itself."""
    return x
