"""EfficientNetV2: EfficientNet whose first blocks are plain convolutions, which train faster."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kohort import layers
from kohort.applications._build import (
    STORAGE,
    Body,
    Files,
    Options,
    build,
    channel_axis,
    document,
    norm,
)
from kohort.applications.efficientnet import excite, fan_out, head, mix, swish
from kohort.applications.imagenet_utils import decode_predictions
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

__all__ = [
    "EfficientNetV2B0", "EfficientNetV2B1", "EfficientNetV2B2", "EfficientNetV2B3",
    "EfficientNetV2L", "EfficientNetV2M", "EfficientNetV2S", "decode_predictions",
    "preprocess_input",
]  # fmt: skip

_EXPANSIONS = (1, 4, 4, 4, 6, 6, 6)
_STRIDES = (1, 2, 2, 2, 1, 2, 1)
_FUSED = 3  # stages whose blocks are plain convolutions
_B = ((1, 2, 2, 3, 5, 8), (32, 16, 32, 48, 96, 112, 192))
# Blocks of each stage; filters of the stem and of each stage; width, depth, image size.
_VERSIONS: dict[str, tuple[Any, ...]] = {
    "B0": (*_B, 1.0, 1.0, 224),
    "B1": (*_B, 1.0, 1.1, 240),
    "B2": (*_B, 1.1, 1.2, 260),
    "B3": (*_B, 1.2, 1.4, 300),
    "S": ((2, 4, 4, 6, 9, 15), (24, 24, 48, 64, 128, 160, 256), 1.0, 1.0, 384),
    "M": ((3, 5, 5, 7, 14, 18, 5), (24, 24, 48, 80, 160, 176, 304, 512), 1.0, 1.0, 480),
    "L": ((4, 7, 7, 10, 19, 25, 7), (32, 32, 64, 96, 192, 224, 384, 640), 1.0, 1.0, 480),
}
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_MOST_DROPPED = 0.2


def _rounded(filters: float) -> int:
    """The nearest multiple of 8."""
    return max(8, int(filters + 4) // 8 * 8)


def _norm(x: KerasTensor, name: str) -> KerasTensor:
    return norm(x, name, momentum=0.9)


def _conv(x: KerasTensor, filters: int, size: int, stride: int, name: str) -> KerasTensor:
    return layers.Conv2D(
        filters, kernel_size=size, strides=stride, padding="same", use_bias=False,
        kernel_initializer=fan_out(), name=name,
    )(x)  # fmt: skip


def _block(
    inputs: KerasTensor, filters: tuple[int, int], stride: int, expansion: int, fused: bool,
    dropped: float, name: str,
) -> KerasTensor:  # fmt: skip
    x, deep = inputs, filters[0] * expansion
    if expansion > 1:
        size, step = (3, stride) if fused else (1, 1)
        x = _norm(_conv(x, deep, size, step, f"{name}expand_conv"), f"{name}expand_bn")
        x = swish(x, f"{name}expand_activation")
    if not fused:
        x = layers.DepthwiseConv2D(
            3, strides=stride, padding="same", use_bias=False, depthwise_initializer=fan_out(),
            name=f"{name}dwconv2",
        )(x)  # fmt: skip
        x = swish(_norm(x, f"{name}bn"), f"{name}activation")
        x = excite(x, deep, max(1, filters[0] // 4), name)
    size, step = (3, stride) if expansion == 1 else (1, 1)
    x = _norm(_conv(x, filters[1], size, step, f"{name}project_conv"), f"{name}project_bn")
    if expansion == 1:
        x = swish(x, f"{name}project_activation")
    if stride > 1 or filters[0] != filters[1]:
        return x
    if dropped > 0:
        x = layers.Dropout(dropped, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.add([x, inputs], name=f"{name}add")


def _scaled(x: KerasTensor, by_channel: bool) -> KerasTensor:
    """Values in [0, 255] as the network wants them."""
    if not by_channel or x.shape[channel_axis()] != 3:
        return layers.Rescaling(1 / 128, offset=-1)(x)
    x = layers.Rescaling(1 / 255)(x)
    variance = [d**2 for d in _DEVIATIONS]
    return layers.Normalization(axis=channel_axis(), mean=_MEANS, variance=variance)(x)


def _body(version: str) -> Body:
    repeats, filters, width, depth, _ = _VERSIONS[version]

    def blocks(x: KerasTensor, options: Options) -> KerasTensor:
        if options.include_preprocessing:
            x = _scaled(x, by_channel=version[0] == "B")
        into = _rounded(filters[0] * width)
        x = swish(_norm(_conv(x, into, 3, 2, "stem_conv"), "stem_bn"), "stem_activation")
        done = 0
        for stage, count in enumerate(repeats):
            out = _rounded(filters[stage + 1] * width)
            for i in range(math.ceil(depth * count)):
                x = _block(
                    x, (into, out), 1 if i else _STRIDES[stage], _EXPANSIONS[stage],
                    stage < _FUSED, _MOST_DROPPED * done / sum(repeats),
                    f"block{stage + 1}{chr(97 + i)}_",
                )  # fmt: skip
                into, done = out, done + 1
        x = _norm(mix(x, _rounded(1280 * width), "top_conv", use_bias=False), "top_bn")
        return swish(x, "top_activation")

    return blocks


def _make(version: str) -> Callable[..., Functional]:
    own_name, size = f"efficientnetv2-{version.lower()}", _VERSIONS[version][-1]
    files = Files(f"{STORAGE}efficientnet_v2/", f"{own_name}.h5", f"{own_name}_notop.h5")

    def make(
        include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
        input_shape: Any = None, pooling: str | None = None, classes: int = 1000,
        classifier_activation: Any = "softmax", include_preprocessing: bool = True,
        name: str = own_name,
    ) -> Functional:  # fmt: skip
        options = Options(
            name, include_top, weights, input_tensor, input_shape, pooling, classes,
            classifier_activation, include_preprocessing,
        )  # fmt: skip
        pools = ("avg_pool", "max_pool")
        return build(options, _body(version), head(0.2), size, 32, files, pools)

    return document(
        make, f"EfficientNetV2{version}", what=f"EfficientNetV2, size {version}",
        source="Tan and Le, \"EfficientNetV2: smaller models and faster training\", 2021",
        file=files.top, module="efficientnet_v2", least=32, size=size, preprocesses=True,
    )  # fmt: skip


EfficientNetV2B0, EfficientNetV2B1, EfficientNetV2B2 = map(_make, ("B0", "B1", "B2"))
EfficientNetV2B3, EfficientNetV2S, EfficientNetV2M, EfficientNetV2L = map(
    _make, ("B3", "S", "M", "L")
)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return the images as they are: the model scales values in [0, 255] itself."""
    return x
