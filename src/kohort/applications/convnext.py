"""ConvNeXt: a convolutional network built as vision transformers are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kohort import initializers, layers
from kohort.applications._build import STORAGE, Body, Files, Options, build, document
from kohort.applications.imagenet_utils import decode_predictions
from kohort.core.settings import image_data_format
from kohort.core.symbolic import KerasTensor
from kohort.models import Functional, Sequential

__all__ = [
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge",
    "decode_predictions", "preprocess_input",
]  # fmt: skip

# Blocks of the third stage (the others have three), filters of the first (then twice as many).
_VERSIONS = {
    "Tiny": (9, 96), "Small": (27, 96), "Base": (27, 128), "Large": (27, 192), "XLarge": (27, 256),
}  # fmt: skip
_MEANS, _DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class LayerScale(layers.Layer, module="keras.src.applications.convnext"):
    """Each channel times a weight that starts near zero: `y = gamma * x`.

    >>> LayerScale(0.5, 3)(np.ones((1, 3)))
    Array([[0.5, 0.5, 0.5]], dtype=float32)

    Source: Touvron et al., "Going deeper with image transformers", 2021.
    """

    init_values: float
    projection_dim: int

    def build(self, input_shape: Any) -> None:
        """Make the weight."""
        start = initializers.Constant(self.init_values)
        self.gamma = self.add_weight(shape=(self.projection_dim,), initializer=start)

    def call(self, x: Any) -> Any:
        """Multiply."""
        return x * self.gamma


def _norm(name: str | None = None) -> layers.Layer:
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def _block(inputs: KerasTensor, filters: int, name: str) -> KerasTensor:
    x = layers.Conv2D(
        filters, kernel_size=7, padding="same", groups=filters, name=f"{name}_depthwise_conv"
    )(inputs)
    x = _norm(f"{name}_layernorm")(x)
    x = layers.Dense(4 * filters, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(filters, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, projection_dim=filters, name=f"{name}_layer_scale")(x)
    return inputs + layers.Activation("linear", name=f"{name}_identity")(x)


def _smaller(stage: int, filters: int, name: str) -> Sequential:
    """A convolution with steps as wide as its window, in front of a stage."""
    if stage == 0:
        conv = layers.Conv2D(filters, kernel_size=4, strides=4, name=f"{name}_stem_conv")
        return Sequential([conv, _norm(f"{name}_stem_layernorm")], name=f"{name}_stem")
    prefix, number = f"{name}_downsampling", stage - 1
    conv = layers.Conv2D(filters, kernel_size=2, strides=2, name=f"{prefix}_conv_{number}")
    return Sequential(
        [_norm(f"{prefix}_layernorm_{number}"), conv], name=f"{prefix}_block_{number}"
    )


def _body(version: str) -> Body:
    third, width = _VERSIONS[version]

    def body(x: KerasTensor, options: Options) -> KerasTensor:
        name = options.name
        if options.include_preprocessing and x.shape[-1] == 3:
            x = layers.Normalization(
                mean=[255 * m for m in _MEANS], variance=[(255 * d) ** 2 for d in _DEVIATIONS],
                name=f"{name}_prestem_normalization",
            )(x)  # fmt: skip
        for stage, repeats in enumerate((3, 3, third, 3)):
            filters = width * 2**stage
            x = _smaller(stage, filters, name)(x)
            for i in range(repeats):
                x = _block(x, filters, f"{name}_stage_{stage}_block_{i}")
        return x

    return body


def _head(x: KerasTensor, options: Options) -> KerasTensor:
    x = layers.GlobalAveragePooling2D(name=f"{options.name}_head_gap")(x)
    x = _norm(f"{options.name}_head_layernorm")(x)
    activation = options.classifier_activation
    return layers.Dense(options.classes, activation=activation, name=f"{options.name}_head_dense")(
        x
    )


def _make(version: str) -> Callable[..., Functional]:
    own_name = f"convnext_{version.lower()}"
    files = Files(f"{STORAGE}convnext/", f"{own_name}.h5", f"{own_name}_notop.h5")

    def make(
        include_top: bool = True, include_preprocessing: bool = True, weights: Any = "imagenet",
        input_tensor: Any = None, input_shape: Any = None, pooling: str | None = None,
        classes: int = 1000, classifier_activation: Any = "softmax", name: str = own_name,
    ) -> Functional:  # fmt: skip
        if image_data_format() == "channels_first":
            raise ValueError(
                "ConvNeXt wants the channels last. Received: image_data_format='channels_first'.\n"
                "  1. kohort.config.set_image_data_format('channels_last')"
            )
        options = Options(
            name, include_top, weights, input_tensor, input_shape, pooling, classes,
            classifier_activation, include_preprocessing,
        )  # fmt: skip
        return build(options, _body(version), _head, 224, 32, files, tail=lambda x, _: _norm()(x))

    return document(
        make, f"ConvNeXt{version}", what=f"ConvNeXt, size {version}",
        source="Liu et al., \"A ConvNet for the 2020s\", 2022",
        file=files.top, module="convnext", least=32, size=224, preprocesses=True,
    )  # fmt: skip


ConvNeXtTiny, ConvNeXtSmall, ConvNeXtBase = map(_make, ("Tiny", "Small", "Base"))
ConvNeXtLarge, ConvNeXtXLarge = map(_make, ("Large", "XLarge"))


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Return the images as they are: the model scales values in [0, 255] itself."""
    return x
