"""ResNet, version 2: normalisation and activation come before each convolution."""

from __future__ import annotations

from collections.abc import Callable

from kohort import layers
from kohort.applications._build import Body, Options, architecture, norm, relu
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.applications.resnet import BLOCKS, EPSILON, POOLS, files, pool, stem
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]


def _block(x: KerasTensor, filters: int, stride: int, is_first: bool, name: str) -> KerasTensor:
    before = relu(norm(x, f"{name}_preact_bn", epsilon=EPSILON), f"{name}_preact_relu")
    if is_first:
        shortcut = layers.Conv2D(4 * filters, kernel_size=1, strides=stride, name=f"{name}_0_conv")(
            before
        )
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = layers.Conv2D(filters, kernel_size=1, use_bias=False, name=f"{name}_1_conv")(before)
    x = relu(norm(x, f"{name}_1_bn", epsilon=EPSILON), f"{name}_1_relu")
    x = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = layers.Conv2D(
        filters, kernel_size=3, strides=stride, use_bias=False, name=f"{name}_2_conv"
    )(x)
    x = relu(norm(x, f"{name}_2_bn", epsilon=EPSILON), f"{name}_2_relu")
    x = layers.Conv2D(4 * filters, kernel_size=1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _body(depth: int) -> Body:
    def blocks(x: KerasTensor, options: Options) -> KerasTensor:
        x = pool(stem(x))
        for stack, count in enumerate(BLOCKS[depth]):
            for i in range(count):
                stride = 2 if i == count - 1 and stack < 3 else 1
                x = _block(x, 64 * 2**stack, stride, i == 0, f"conv{stack + 2}_block{i + 1}")
        return relu(norm(x, "post_bn", epsilon=EPSILON), "post_relu")

    return blocks


def _make(depth: int) -> Callable[..., Functional]:
    source = 'He et al., "Identity mappings in deep residual networks", 2016'
    return architecture(
        f"ResNet{depth}V2", f"ResNet, version 2, with {depth} layers", source, _body(depth),
        files(f"resnet{depth}v2"), 224, pool_names=POOLS,
    )  # fmt: skip


ResNet50V2, ResNet101V2, ResNet152V2 = _make(50), _make(101), _make(152)
preprocess_input = preprocessing("tf")
