"""MobileNet: depthwise convolutions, each followed by one of window 1."""

from __future__ import annotations

from typing import Any

from kohort import layers
from kohort.applications._build import STORAGE, Files, Options, build, norm
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.applications.mobilenet_v2 import rows_of, usual_size
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

_SIZES = (128, 160, 192, 224)
_FILTERS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_HALVING = (2, 4, 6, 12)


def _relu6(x: KerasTensor, name: str) -> KerasTensor:
    return layers.ReLU(6.0, name=f"{name}_relu")(norm(x, f"{name}_bn"))


def _block(x: KerasTensor, filters: int, multiplier: int, block: int) -> KerasTensor:
    is_halving = block in _HALVING
    if is_halving:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{block}")(x)
    x = layers.DepthwiseConv2D(
        3, strides=2 if is_halving else 1, padding="valid" if is_halving else "same",
        depth_multiplier=multiplier, use_bias=False, name=f"conv_dw_{block}",
    )(x)  # fmt: skip
    x = _relu6(x, f"conv_dw_{block}")
    x = layers.Conv2D(
        filters, kernel_size=1, padding="same", use_bias=False, name=f"conv_pw_{block}"
    )(x)
    return _relu6(x, f"conv_pw_{block}")


def MobileNet(
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Functional:
    """MobileNet.

    Args:
        input_shape: the shape of an image, at least 32 x 32; 224 x 224 x 3 unless told.
        alpha: the width: all numbers of filters are multiplied by it.
        depth_multiplier: the output channels of the depthwise convolutions for each channel.
        dropout: the rate before the classifier.
        include_top: whether the classifier is there.
        weights: None (new ones), a path to a file of Keras weights for this architecture, or
            `"imagenet"`: the file in `~/.keras/models`, which Kohort does not download.
        input_tensor: a symbolic tensor to build on.
        pooling: without the classifier: `"avg"`, `"max"` or None, global pooling at the end.
        classes: how many classes the classifier has.
        classifier_activation: of the classifier; None for logits.
        name: the name of the model.

    Call `mobilenet.preprocess_input` on the images first.

    Source: Howard et al., "MobileNets", 2017.
    """
    if weights == "imagenet" and (alpha not in (0.25, 0.5, 0.75, 1.0) or depth_multiplier != 1):
        raise ValueError(
            "If imagenet weights are being loaded, alpha must be one of `0.25`, `0.50`, `0.75` or "
            "`1.0`, and depth multiplier must be 1. Received: "
            f"alpha={alpha}, depth_multiplier={depth_multiplier}"
        )
    size = usual_size(input_shape, None, _SIZES)

    def body(x: KerasTensor, options: Options) -> KerasTensor:
        first = int(32 * alpha)
        x = layers.Conv2D(
            first, kernel_size=3, strides=2, padding="same", use_bias=False, name="conv1"
        )(x)
        x = _relu6(x, "conv1")
        for block, filters in enumerate(_FILTERS, 1):
            x = _block(x, int(filters * alpha), depth_multiplier, block)
        return x

    def head(x: KerasTensor, options: Options) -> KerasTensor:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(classes, kernel_size=1, padding="same", name="conv_preds")(x)
        x = layers.Reshape((classes,), name="reshape_2")(x)
        return layers.Activation(classifier_activation, name="predictions")(x)

    width = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0"}.get(alpha, "2_5")
    start = f"mobilenet_{width}_{size}_tf"
    files = Files(f"{STORAGE}mobilenet/", f"{start}.h5", f"{start}_no_top.h5")
    options = Options(
        name or "", include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation,
    )  # fmt: skip
    if name is None:
        options = options._replace(name=f"mobilenet_{alpha:0.2f}_{rows_of(options, size)}")
    return build(options, body, head, size, 32, files)


preprocess_input = preprocessing("tf")
