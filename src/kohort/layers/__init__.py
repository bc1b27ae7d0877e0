"""Layers, in flat names: `kohort.layers.Dense`."""

from __future__ import annotations

from typing import Any

from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.symbolic import Operation
from kohort.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from kohort.layers.batch_normalization import BatchNormalization
from kohort.layers.core import Dense, Embedding, Identity, Input, InputLayer, Masking
from kohort.layers.einsum_dense import EinsumDense
from kohort.layers.input_spec import InputSpec
from kohort.layers.lambda_layer import Lambda
from kohort.layers.layer import Layer
from kohort.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from kohort.layers.normalization import (
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from kohort.layers.pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from kohort.layers.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from kohort.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from kohort.layers.reversible_embedding import ReversibleEmbedding
from kohort.layers.scaling import Normalization, Rescaling
from kohort.layers.spatial import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from kohort.layers.spectral_normalization import SpectralNormalization
from kohort.layers.wrapper import TimeDistributed, Wrapper

GlobalAvgPool1D, GlobalMaxPool1D = GlobalAveragePooling1D, GlobalMaxPooling1D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D
GlobalAvgPool3D, GlobalMaxPool3D = GlobalAveragePooling3D, GlobalMaxPooling3D

__all__ = [
    "ELU", "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average",
    "BatchNormalization", "Concatenate", "Cropping1D", "Cropping2D", "Cropping3D", "Dense", "Dot",
    "Dropout", "EinsumDense", "Embedding", "Flatten", "GaussianDropout", "GaussianNoise",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalAvgPool1D",
    "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D", "GlobalMaxPool2D", "GlobalMaxPool3D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization",
    "Identity", "Input", "InputLayer", "InputSpec", "Lambda", "Layer", "LayerNormalization",
    "LeakyReLU", "Masking", "Maximum", "Minimum", "Multiply", "Normalization", "PReLU", "Permute",
    "RMSNormalization", "ReLU", "RepeatVector", "Rescaling", "Reshape", "ReversibleEmbedding",
    "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "SpectralNormalization",
    "Subtract", "TimeDistributed", "UnitNormalization", "UpSampling1D", "UpSampling2D",
    "UpSampling3D", "Wrapper", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "add", "average",
    "concatenate", "deserialize", "dot", "maximum", "minimum", "multiply", "serialize", "subtract",
]  # fmt: skip


def serialize(layer: Layer) -> dict[str, Any]:
    """Return the configuration of a layer, with its class."""
    return serialize_keras_object(layer)


def deserialize(config: dict[str, Any], custom_objects: Any = None) -> Any:
    """Make a layer from what `serialize` returned.

    >>> deserialize(serialize(Dense(3))).units
    3
    """
    layer = deserialize_keras_object(config, custom_objects=custom_objects)
    if not isinstance(layer, Operation):
        raise ValueError(
            "`keras.layers.deserialize` was passed a `config` object that is not a "
            f"`keras.layers.Layer`. Received: {config}"
        )
    return layer
