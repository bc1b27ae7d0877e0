"""Layers, in flat names: `kohort.layers.Dense`."""

from __future__ import annotations

from typing import Any

from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.symbolic import Operation
from kohort.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from kohort.layers.attention.dot import AdditiveAttention, Attention
from kohort.layers.attention.grouped_query import GroupedQueryAttention
from kohort.layers.attention.multi_head import MultiHeadAttention
from kohort.layers.batch_normalization import BatchNormalization
from kohort.layers.conv_transpose import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from kohort.layers.convolution import Conv1D, Conv2D, Conv3D
from kohort.layers.core import Dense, Embedding, Identity, Input, InputLayer, Masking
from kohort.layers.depthwise import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from kohort.layers.einsum_dense import EinsumDense
from kohort.layers.exported import TFSMLayer
from kohort.layers.input_spec import InputSpec
from kohort.layers.jax_layer import FlaxLayer, JaxLayer
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
from kohort.layers.pooling_windows import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from kohort.layers.preprocessing import *  # noqa: F403
from kohort.layers.preprocessing import __all__ as _preprocessing
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
from kohort.layers.rnn.bidirectional import Bidirectional
from kohort.layers.rnn.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from kohort.layers.rnn.gru import GRU, GRUCell
from kohort.layers.rnn.lstm import LSTM, LSTMCell
from kohort.layers.rnn.rnn import RNN
from kohort.layers.rnn.simple_rnn import SimpleRNN, SimpleRNNCell
from kohort.layers.rnn.stacked import StackedRNNCells
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

GroupQueryAttention = GroupedQueryAttention  # exported under this name, as in Keras
GlobalAvgPool1D, GlobalMaxPool1D = GlobalAveragePooling1D, GlobalMaxPooling1D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D
GlobalAvgPool3D, GlobalMaxPool3D = GlobalAveragePooling3D, GlobalMaxPooling3D
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D

__all__ = [
    "Activation", "ActivityRegularization", "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D", "Add", "AdditiveAttention", "AlphaDropout", "Attention", "Average",
    "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "AvgPool1D", "AvgPool2D",
    "AvgPool3D", "BatchNormalization", "Bidirectional", "Concatenate", "Conv1D", "Conv1DTranspose",
    "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D",
    "ConvLSTM3D", "Convolution1D", "Convolution1DTranspose", "Convolution2D",
    "Convolution2DTranspose", "Convolution3D", "Convolution3DTranspose", "Cropping1D", "Cropping2D",
    "Cropping3D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Dot", "Dropout", "ELU",
    "EinsumDense", "Embedding", "FlaxLayer", "Flatten", "GRU", "GRUCell", "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalAvgPool1D",
    "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D", "GlobalMaxPool2D", "GlobalMaxPool3D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization",
    "GroupQueryAttention", "Identity", "Input", "InputLayer", "InputSpec", "JaxLayer", "LSTM",
    "LSTMCell",
    "Lambda", "Layer", "LayerNormalization", "LeakyReLU", "Masking", "MaxPool1D", "MaxPool2D",
    "MaxPool3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum",
    "MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "RMSNormalization",
    "RNN", "ReLU", "RepeatVector", "Rescaling", "Reshape", "ReversibleEmbedding", "SeparableConv1D",
    "SeparableConv2D", "SeparableConvolution1D", "SeparableConvolution2D", "SimpleRNN",
    "SimpleRNNCell", "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    "SpectralNormalization", "StackedRNNCells", "Subtract", "TFSMLayer", "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D", "UpSampling2D", "UpSampling3D", "Wrapper", "ZeroPadding1D", "ZeroPadding2D",
    "ZeroPadding3D", "add", "average", "concatenate", "deserialize", "dot", "maximum", "minimum",
    "multiply", "serialize", "subtract",
    *_preprocessing,
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
