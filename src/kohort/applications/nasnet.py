"""NASNet: cells that were found by a search over architectures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kohort import layers
from kohort.applications._build import (
    STORAGE,
    Body,
    Files,
    Options,
    build,
    classifier,
    document,
    norm,
    pad_before_stride,
    relu,
)
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.core.settings import image_data_format
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

_Pair = tuple[KerasTensor, KerasTensor]


def _norm(x: KerasTensor, name: str) -> KerasTensor:
    return norm(x, name, momentum=0.9997, epsilon=0.001)


def _mix(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """A convolution 1 x 1."""
    return layers.Conv2D(
        filters,
        kernel_size=1,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)


def _separable(x: KerasTensor, filters: int, size: int, name: str, stride: int = 1) -> KerasTensor:
    """Two separable convolutions, the first with the stride."""
    for i, step in ((1, stride), (2, 1)):
        x, prefix = relu(x), f"separable_conv_{i}"
        if step == 2:
            x = pad_before_stride(x, size, f"{prefix}_pad_{name}")
        x = layers.SeparableConv2D(
            filters, kernel_size=size, strides=step, use_bias=False,
            padding="valid" if step == 2 else "same",
            name=f"{prefix}_{name}",
        )(x)  # fmt: skip
        x = _norm(x, f"{prefix}_bn_{name}")
    return x


def _average(x: KerasTensor, name: str) -> KerasTensor:
    return layers.AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def _adjusted(p: KerasTensor | None, x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """The input of the cell before, as large as x and with so many channels."""
    if p is None:
        return x
    if p.shape[-2] != x.shape[-2]:
        p = relu(p, f"adjust_relu_1_{name}")
        shifted = layers.ZeroPadding2D(((0, 1), (0, 1)))(p)
        shifted = layers.Cropping2D(((1, 0), (1, 0)))(shifted)
        halves = []
        for i, half in enumerate((p, shifted), 1):
            half = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{i}_{name}")(half)
            halves.append(_mix(half, filters // 2, f"adjust_conv_{i}_{name}"))
        return _norm(layers.concatenate(halves), f"adjust_bn_{name}")
    if p.shape[-1] != filters:
        return _norm(_mix(relu(p), filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}")
    return p


def _normal(x: KerasTensor, p: KerasTensor | None, filters: int, name: str) -> _Pair:
    """A cell that keeps the size."""
    p = _adjusted(p, x, filters, name)
    h = _norm(_mix(relu(x), filters, f"normal_conv_1_{name}"), f"normal_bn_1_{name}")

    def sep(of: KerasTensor, size: int, place: str) -> KerasTensor:
        return _separable(of, filters, size, f"normal_{place}_{name}")

    def added(a: KerasTensor, b: KerasTensor, number: int) -> KerasTensor:
        return layers.add([a, b], name=f"normal_add_{number}_{name}")

    found = [
        added(sep(h, 5, "left1"), sep(p, 3, "right1"), 1),
        added(sep(p, 5, "left2"), sep(p, 3, "right2"), 2),
        added(_average(h, f"normal_left3_{name}"), p, 3),
        added(_average(p, f"normal_left4_{name}"), _average(p, f"normal_right4_{name}"), 4),
        added(sep(h, 3, "left5"), h, 5),
    ]
    return layers.concatenate([p, *found], name=f"normal_concat_{name}"), x


def _reduction(x: KerasTensor, p: KerasTensor | None, filters: int, name: str) -> _Pair:
    """A cell that halves the size."""
    p = _adjusted(p, x, filters, name)
    h = _norm(_mix(relu(x), filters, f"reduction_conv_1_{name}"), f"reduction_bn_1_{name}")
    padded = pad_before_stride(h, 3, f"reduction_pad_1_{name}")

    def halved(of: KerasTensor, size: int, place: str) -> KerasTensor:
        return _separable(of, filters, size, f"reduction_{place}_{name}", stride=2)

    def largest(place: str) -> KerasTensor:
        return layers.MaxPooling2D(3, strides=2, name=f"reduction_{place}_{name}")(padded)

    x1 = [halved(h, 5, "left1"), halved(p, 7, "right1")]
    first = layers.add(x1, name=f"reduction_add_1_{name}")
    second = layers.add([largest("left2"), halved(p, 7, "right2")], name=f"reduction_add_2_{name}")
    mean = layers.AveragePooling2D(3, strides=2, name=f"reduction_left3_{name}")(padded)
    third = layers.add([mean, halved(p, 5, "right3")], name=f"reduction_add3_{name}")
    fourth = layers.add([second, _average(first, f"reduction_left4_{name}")])
    again = _separable(first, filters, 3, f"reduction_left4_{name}")
    fifth = layers.add([again, largest("right5")], name=f"reduction_add4_{name}")
    joined = [second, third, fourth, fifth]
    return layers.concatenate(joined, name=f"reduction_concat_{name}"), x


def _body(stem: int, filters: int, repeats: int, skips: bool) -> Body:
    """Three stages of cells; `skips`: a stage starts from the input of the one before."""

    def body(x: KerasTensor, options: Options) -> KerasTensor:
        x = layers.Conv2D(
            stem,
            kernel_size=3,
            strides=2,
            use_bias=False,
            kernel_initializer="he_normal",
            name="stem_conv1",
        )(x)
        x = _norm(x, "stem_bn1")
        x, p = _reduction(x, None, filters // 4, "stem_1")
        x, p = _reduction(x, p, filters // 2, "stem_2")
        for stage in range(3):
            width = filters * 2**stage
            if stage:
                x, before = _reduction(x, p, width, f"reduce_{stage * repeats}")
                p = p if skips else before
            for i in range(repeats):
                x, p = _normal(x, p, width, str(stage * repeats + i + bool(stage)))
        return relu(x)

    return body


def _head(x: KerasTensor, options: Options) -> KerasTensor:
    return classifier(layers.GlobalAveragePooling2D()(x), options)


def _make(size: str, side: int, body: Body) -> Callable[..., Functional]:
    own_name = f"nasnet_{size.lower()}"
    files = Files(f"{STORAGE}nasnet/", f"{own_name}.h5", f"{own_name}_no_top.h5")

    def make(
        input_shape: Any = None, include_top: bool = True, weights: Any = "imagenet",
        input_tensor: Any = None, pooling: str | None = None, classes: int = 1000,
        classifier_activation: Any = "softmax", name: str = own_name,
    ) -> Functional:  # fmt: skip
        if image_data_format() == "channels_first":
            raise ValueError(
                "NASNet wants the channels last. Received: image_data_format='channels_first'.\n"
                "  1. kohort.config.set_image_data_format('channels_last')"
            )
        if size == "Mobile" and not include_top and input_shape is None:
            input_shape = (side, side, 3)
        options = Options(
            name, include_top, weights, input_tensor, input_shape, pooling, classes,
            classifier_activation,
        )  # fmt: skip
        return build(options, body, _head, side, 32, files)

    return document(
        make, f"NASNet{size}", what=f"NASNet, {size.lower()}", file=files.top, module="nasnet",
        source="Zoph et al., \"Learning transferable architectures for scalable image "
        "recognition\", 2017",
        least=32, size=side,
    )  # fmt: skip


NASNetMobile = _make("Mobile", 224, _body(32, 44, 4, skips=False))
NASNetLarge = _make("Large", 331, _body(96, 168, 6, skips=True))
preprocess_input = preprocessing("tf")
