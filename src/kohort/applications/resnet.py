"""ResNet: blocks that add what they compute to what they get."""

from __future__ import annotations

from collections.abc import Callable

from kohort import layers
from kohort.applications._build import (
    STORAGE,
    Body,
    Files,
    Options,
    architecture,
    norm,
    relu,
)
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

EPSILON = 1.001e-5
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
POOLS = ("avg_pool", "max_pool")


def stem(x: KerasTensor) -> KerasTensor:
    """The first convolution, 7 x 7."""
    x = layers.ZeroPadding2D(3, name="conv1_pad")(x)
    return layers.Conv2D(64, kernel_size=7, strides=2, name="conv1_conv")(x)


def pool(x: KerasTensor) -> KerasTensor:
    """The first pooling."""
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    return layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _block(x: KerasTensor, filters: int, stride: int, is_first: bool, name: str) -> KerasTensor:
    shortcut = x
    if is_first:
        shortcut = layers.Conv2D(4 * filters, kernel_size=1, strides=stride, name=f"{name}_0_conv")(
            x
        )
        shortcut = norm(shortcut, f"{name}_0_bn", epsilon=EPSILON)
    x = layers.Conv2D(filters, kernel_size=1, strides=stride, name=f"{name}_1_conv")(x)
    x = relu(norm(x, f"{name}_1_bn", epsilon=EPSILON), f"{name}_1_relu")
    x = layers.Conv2D(filters, kernel_size=3, padding="same", name=f"{name}_2_conv")(x)
    x = relu(norm(x, f"{name}_2_bn", epsilon=EPSILON), f"{name}_2_relu")
    x = layers.Conv2D(4 * filters, kernel_size=1, name=f"{name}_3_conv")(x)
    x = norm(x, f"{name}_3_bn", epsilon=EPSILON)
    return relu(layers.Add(name=f"{name}_add")([shortcut, x]), f"{name}_out")


def _body(depth: int) -> Body:
    def blocks(x: KerasTensor, options: Options) -> KerasTensor:
        x = pool(relu(norm(stem(x), "conv1_bn", epsilon=EPSILON), "conv1_relu"))
        for stack, count in enumerate(BLOCKS[depth]):
            for i in range(count):
                stride = 2 if i == 0 and stack > 0 else 1
                x = _block(x, 64 * 2**stack, stride, i == 0, f"conv{stack + 2}_block{i + 1}")
        return x

    return blocks


def files(name: str) -> Files:
    """The files of one of the architectures."""
    start = f"{name}_weights_tf_dim_ordering_tf_kernels"
    return Files(f"{STORAGE}resnet/", f"{start}.h5", f"{start}_notop.h5")


def _make(depth: int) -> Callable[..., Functional]:
    source = 'He et al., "Deep residual learning for image recognition", 2015'
    return architecture(
        f"ResNet{depth}", f"ResNet with {depth} layers", source, _body(depth),
        files(f"resnet{depth}"), 224, pool_names=POOLS,
    )  # fmt: skip


ResNet50, ResNet101, ResNet152 = _make(50), _make(101), _make(152)
preprocess_input = preprocessing("caffe")
