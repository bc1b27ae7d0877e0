"""Inception-ResNet, version 2: Inception's branches as residual blocks."""

from __future__ import annotations

from typing import Any

from kohort import layers
from kohort.applications._build import (
    STORAGE,
    Files,
    Options,
    architecture,
    channel_axis,
    norm,
    relu,
)
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.core.symbolic import KerasTensor

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

# A convolution: filters, rows, columns.
_Step = tuple[int, int, int]
_HALVED: dict[str, Any] = {"strides": 2, "padding": "valid"}
_BRANCHES: dict[str, tuple[tuple[_Step, ...], ...]] = {
    "block35": (
        ((32, 1, 1),),
        ((32, 1, 1), (32, 3, 3)),
        ((32, 1, 1), (48, 3, 3), (64, 3, 3)),
    ),
    "block17": (((192, 1, 1),), ((128, 1, 1), (160, 1, 7), (192, 7, 1))),
    "block8": (((192, 1, 1),), ((192, 1, 1), (224, 1, 3), (256, 3, 1))),
}


class CustomScaleLayer(layers.Layer, module="keras.src.applications.inception_resnet_v2"):
    """The first input and a share of the second: `y = a + scale * b`.

    >>> CustomScaleLayer(0.5)([np.ones(2), np.ones(2)])
    Array([1.5, 1.5], dtype=float32)

    Source: Szegedy et al., "Inception-v4, Inception-ResNet", 2016, section 3.3.
    """

    scale: float

    def call(self, inputs: Any) -> Any:
        """Add."""
        return inputs[0] + inputs[1] * self.scale


def _convolve(x: KerasTensor, *steps: _Step, name: str | None = None, **last: Any) -> KerasTensor:
    """Convolutions with normalisation, one after the other; `last` is for the last one."""
    for i, (filters, rows, columns) in enumerate(steps):
        settings = {"padding": "same"} | (last if i == len(steps) - 1 else {})
        x = layers.Conv2D(
            filters, kernel_size=(rows, columns), use_bias=False, name=name, **settings
        )(x)
        x = norm(x, name and f"{name}_bn", scale=False)
        x = relu(x, name and f"{name}_ac")
    return x


def _join(branches: list[KerasTensor], name: str) -> KerasTensor:
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def _blocks(x: KerasTensor, kind: str, count: int, scale: float) -> KerasTensor:
    """Residual blocks; the very last of all adds all of it and has no activation."""
    for i in range(1, count + 1):
        name, is_last = f"{kind}_{i}", (kind, i) == ("block8", 10)
        mixed = _join([_convolve(x, *steps) for steps in _BRANCHES[kind]], f"{name}_mixed")
        channels = int(x.shape[channel_axis()] or 0)
        up = layers.Conv2D(channels, kernel_size=1, padding="same", name=f"{name}_conv")(mixed)
        x = CustomScaleLayer(1.0 if is_last else scale)([x, up])
        x = x if is_last else relu(x, f"{name}_ac")
    return x


def _body(x: KerasTensor, options: Options) -> KerasTensor:
    x = _convolve(x, (32, 3, 3), **_HALVED)
    x = _convolve(_convolve(x, (32, 3, 3), padding="valid"), (64, 3, 3))
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = _convolve(_convolve(x, (80, 1, 1), padding="valid"), (192, 3, 3), padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(x)
    branches = [
        _convolve(x, (96, 1, 1)),
        _convolve(x, (48, 1, 1), (64, 5, 5)),
        _convolve(x, (64, 1, 1), (96, 3, 3), (96, 3, 3)),
    ]
    pool = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    x = _join([*branches, _convolve(pool, (64, 1, 1))], "mixed_5b")
    x = _blocks(x, "block35", 10, 0.17)
    branches = [
        _convolve(x, (384, 3, 3), **_HALVED),
        _convolve(x, (256, 1, 1), (256, 3, 3), (384, 3, 3), **_HALVED),
    ]
    x = _join([*branches, layers.MaxPooling2D(3, **_HALVED)(x)], "mixed_6a")
    x = _blocks(x, "block17", 20, 0.1)
    branches = [
        _convolve(x, (256, 1, 1), (384, 3, 3), **_HALVED),
        _convolve(x, (256, 1, 1), (288, 3, 3), **_HALVED),
        _convolve(x, (256, 1, 1), (288, 3, 3), (320, 3, 3), **_HALVED),
    ]
    x = _join([*branches, layers.MaxPooling2D(3, **_HALVED)(x)], "mixed_7a")
    return _convolve(_blocks(x, "block8", 10, 0.2), (1536, 1, 1), name="conv_7b")


_START = "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels"
InceptionResNetV2 = architecture(
    "InceptionResNetV2", "Inception-ResNet, version 2",
    "Szegedy et al., \"Inception-v4, Inception-ResNet and the impact of residual connections on "
    "learning\", 2016",
    _body, Files(f"{STORAGE}inception_resnet_v2/", f"{_START}.h5", f"{_START}_notop.h5"),
    299, 75, name="inception_resnet_v2",
)  # fmt: skip
preprocess_input = preprocessing("tf")
