"""DenseNet: each block gets the outputs of all blocks before it."""

from __future__ import annotations

from collections.abc import Callable

from kohort import layers
from kohort.applications._build import (
    STORAGE,
    Body,
    Files,
    Options,
    architecture,
    channel_axis,
    norm,
    relu,
)
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.applications.resnet import EPSILON, POOLS
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

_BLOCKS = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}
_GROWTH = 32


def _activated(x: KerasTensor, name: str) -> KerasTensor:
    return relu(norm(x, f"{name}bn", epsilon=EPSILON), f"{name}relu")


def _block(x: KerasTensor, name: str) -> KerasTensor:
    new = _activated(x, f"{name}_0_")
    new = layers.Conv2D(4 * _GROWTH, kernel_size=1, use_bias=False, name=f"{name}_1_conv")(new)
    new = _activated(new, f"{name}_1_")
    new = layers.Conv2D(
        _GROWTH, kernel_size=3, padding="same", use_bias=False, name=f"{name}_2_conv"
    )(new)
    return layers.Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, new])


def _narrower(x: KerasTensor, name: str) -> KerasTensor:
    x = _activated(x, f"{name}_")
    half = int(x.shape[channel_axis()] or 0) // 2
    x = layers.Conv2D(half, kernel_size=1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, name=f"{name}_pool")(x)


def _body(depth: int) -> Body:
    def blocks(x: KerasTensor, options: Options) -> KerasTensor:
        x = layers.ZeroPadding2D(3)(x)
        x = layers.Conv2D(64, kernel_size=7, strides=2, use_bias=False, name="conv1_conv")(x)
        x = layers.ZeroPadding2D(1)(_activated(x, "conv1_"))
        x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
        for stack, count in enumerate(_BLOCKS[depth], 2):
            for i in range(1, count + 1):
                x = _block(x, f"conv{stack}_block{i}")
            if stack < 5:
                x = _narrower(x, f"pool{stack}")
        return _activated(x, "")

    return blocks


def _make(depth: int) -> Callable[..., Functional]:
    start = f"densenet{depth}_weights_tf_dim_ordering_tf_kernels"
    files = Files(f"{STORAGE}densenet/", f"{start}.h5", f"{start}_notop.h5")
    return architecture(
        f"DenseNet{depth}", f"DenseNet with {depth} layers",
        "Huang et al., \"Densely connected convolutional networks\", 2016", _body(depth), files,
        224, pool_names=POOLS,
    )  # fmt: skip


DenseNet121, DenseNet169, DenseNet201 = _make(121), _make(169), _make(201)
preprocess_input = preprocessing("torch")
