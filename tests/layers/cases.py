"""One or more configurations of every layer class, for the tests that all layers must pass."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kohort import layers
from kohort.core.registry import register_keras_serializable


class Case(NamedTuple):
    """A layer by class name and arguments, and the shapes of its inputs (several: a merge)."""

    name: str
    kwargs: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    whole_numbers: bool = False

    def layer(self, module: Any = layers, **more: Any) -> Any:
        """Make the layer in `module`, Kohort's or Keras's `layers`."""
        kwargs = {k: make(module) if callable(make) else make for k, make in self.kwargs.items()}
        return getattr(module, self.name)(**kwargs, **more)

    def inputs(self, seed: int = 0, dtype: str = "float32") -> Any:
        """Draw inputs."""
        rng = np.random.default_rng(seed)
        if self.whole_numbers:
            arrays = [rng.integers(0, 5, shape).astype("int32") for shape in self.shapes]
        else:
            arrays = [rng.normal(size=shape).astype(dtype) for shape in self.shapes]
        return arrays if len(arrays) > 1 else arrays[0]

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v}" for k, v in self.kwargs.items() if not callable(v))
        return f"{self.name}({arguments})"


def case(name: str, *shapes: tuple[int, ...], whole: bool = False, **kwargs: Any) -> Case:
    """Write a case briefly."""
    return Case(name, kwargs, shapes, whole)


def _dense(module: Any) -> Any:
    return module.Dense(2, kernel_initializer="ones", name="inner")


@register_keras_serializable("tests")
def _square(x: Any) -> Any:
    return x * x


def _cells(module: Any) -> Any:
    return [module.SimpleRNNCell(2, seed=1), module.SimpleRNNCell(3, seed=2)]


def _recurrent(module: Any) -> Any:
    return module.LSTM(2, return_sequences=True, seed=1, name="inner")


ROW, SEQ, IMAGE, VOLUME = (3, 4), (2, 5, 3), (2, 5, 6, 3), (2, 3, 4, 3, 2)

CASES = [
    case("Activation", ROW, activation="tanh"),
    case("ActivityRegularization", ROW, l1=0.1, l2=0.2),
    case("AdaptiveAveragePooling1D", SEQ, output_size=2),
    case("AdaptiveAveragePooling2D", IMAGE, output_size=(2, 4)),
    case("AdaptiveAveragePooling3D", VOLUME, output_size=2, data_format="channels_first"),
    case("AdaptiveMaxPooling1D", SEQ, output_size=(3,)),
    case("AdaptiveMaxPooling2D", IMAGE, output_size=2, data_format="channels_first"),
    case("AdaptiveMaxPooling3D", VOLUME, output_size=(2, 3, 1)),
    case("Add", ROW, ROW, ROW),
    case("Add", (2, 4), (2, 5, 4)),
    case("AdditiveAttention", (2, 3, 4), (2, 5, 4)),
    case("AlphaDropout", ROW, rate=0.4, seed=3),
    case("Attention", (2, 3, 4), (2, 5, 4), (2, 5, 4), use_scale=True, dropout=0.3, seed=3),
    case("Average", ROW, ROW),
    case("AveragePooling1D", SEQ, pool_size=2),
    case("AveragePooling2D", IMAGE, pool_size=(3, 2), strides=2, padding="same"),
    case("AveragePooling3D", VOLUME, pool_size=2, strides=1),
    case("BatchNormalization", ROW),
    case("BatchNormalization", IMAGE, axis=1, momentum=0.7, scale=False),
    case("BatchNormalization", (8, 4), renorm=True, renorm_clipping={"rmax": 2.0, "dmax": 0.5}),
    case("Bidirectional", SEQ, layer=_recurrent, merge_mode="sum"),
    case("Concatenate", (2, 3, 4), (2, 5, 4), axis=1),
    case("ConvLSTM1D", (2, 3, 4, 2), filters=2, kernel_size=2, dropout=0.3, seed=3),
    case("ConvLSTM2D", (1, 2, 3, 4, 2), filters=2, kernel_size=2, padding="same", seed=3),
    case("ConvLSTM3D", (1, 2, 3, 2, 2, 2), filters=1, kernel_size=2, strides=2, seed=3),
    case("Conv1D", SEQ, filters=4, kernel_size=2, dilation_rate=2, padding="causal"),
    case("Conv1DTranspose", SEQ, filters=2, kernel_size=3, strides=2, output_padding=1),
    case(
        "Conv2D", IMAGE, filters=4, kernel_size=(3, 2), strides=2, padding="same", activation="elu"
    ),
    case("Conv2D", IMAGE, filters=6, kernel_size=2, groups=3, use_bias=False),
    case("Conv2D", IMAGE, filters=2, kernel_size=2, dilation_rate=2, data_format="channels_first"),
    case("Conv2DTranspose", IMAGE, filters=2, kernel_size=(3, 2), strides=2, padding="same"),
    case("Conv3D", VOLUME, filters=3, kernel_size=2),
    case("Conv3DTranspose", VOLUME, filters=2, kernel_size=2, strides=(2, 1, 1)),
    case("Cropping1D", SEQ, cropping=(1, 2)),
    case("Cropping2D", IMAGE, cropping=((1, 0), (2, 1))),
    case("Cropping3D", VOLUME, cropping=((0, 1), (1, 1), (1, 0))),
    case("Dense", ROW, units=3),
    case("Dense", SEQ, units=2, activation="relu", use_bias=False, kernel_regularizer="l2"),
    case("DepthwiseConv1D", SEQ, kernel_size=3, depth_multiplier=2, padding="same"),
    case("DepthwiseConv2D", IMAGE, kernel_size=(3, 2), strides=2, depthwise_regularizer="l2"),
    case("Dot", (2, 3, 5), (2, 10, 3), axes=(1, 2)),
    case("Dot", ROW, ROW, axes=-1, normalize=True),
    case("Dropout", ROW, rate=0.4, seed=3),
    case("Dropout", SEQ, rate=0.4, seed=3, noise_shape=(None, 1, None)),
    case("Dropout", ROW, rate=0.0),
    case("ELU", ROW, alpha=0.5),
    case("EinsumDense", ROW, equation="ab,bc->ac", output_shape=3, bias_axes="c"),
    case("EinsumDense", SEQ, equation="abc,cd->abd", output_shape=(None, 4), activation="tanh"),
    case("EinsumDense", IMAGE, equation="...x,xyz->...yz", output_shape=(4, 2), bias_axes="y"),
    case("EinsumDense", IMAGE, equation="abc...,bde->ade...", output_shape=(2, 3), bias_axes="d"),
    case("Embedding", (2, 4), input_dim=6, output_dim=3, whole=True),
    case("Embedding", (2, 4), input_dim=6, output_dim=3, mask_zero=True, whole=True),
    case("Flatten", IMAGE),
    case("Flatten", IMAGE, data_format="channels_first"),
    case("GRU", SEQ, units=2, dropout=0.3, seed=3, return_sequences=True),
    case("GaussianDropout", ROW, rate=0.3, seed=3),
    case("GaussianNoise", ROW, stddev=0.3, seed=3),
    case("GlobalAveragePooling1D", SEQ),
    case("GlobalAveragePooling2D", IMAGE, keepdims=True),
    case("GlobalAveragePooling3D", VOLUME, data_format="channels_first"),
    case("GlobalMaxPooling1D", SEQ, keepdims=True),
    case("GlobalMaxPooling2D", IMAGE, data_format="channels_first"),
    case("GlobalMaxPooling3D", VOLUME),
    case("GroupNormalization", (2, 5, 4), groups=2),
    case("GroupNormalization", (2, 4, 5, 3), groups=2, axis=1, center=False),
    case("Identity", ROW),
    case("Lambda", ROW, function=lambda _: _square),
    case("LSTM", SEQ, units=2, dropout=0.3, recurrent_dropout=0.2, seed=3, go_backwards=True),
    case("LayerNormalization", ROW),
    case("LayerNormalization", IMAGE, axis=[1, -1], epsilon=1e-5, center=False),
    case("LeakyReLU", ROW, negative_slope=0.2),
    case("Masking", SEQ, mask_value=0.0),
    case("MaxPooling1D", SEQ, pool_size=3, strides=2, padding="same"),
    case("MaxPooling2D", IMAGE, pool_size=2, data_format="channels_first"),
    case("MaxPooling3D", VOLUME, pool_size=(2, 2, 1)),
    case("Maximum", ROW, ROW, ROW),
    case("Minimum", ROW, ROW),
    case("Multiply", ROW, ROW, ROW),
    case("Normalization", ROW),
    case("Normalization", SEQ, axis=(1, 2)),
    case("Normalization", ROW, mean=2.0, variance=3.0, invert=True),
    case("PReLU", IMAGE, alpha_initializer="ones", shared_axes=[1, 2]),
    case("Permute", SEQ, dims=(2, 1)),
    case("RMSNormalization", ROW),
    case("RNN", SEQ, cell=_cells),
    case("ReLU", ROW, max_value=1.5, negative_slope=0.1, threshold=0.3),
    case("RepeatVector", ROW, n=3),
    case("Rescaling", ROW, scale=2.0, offset=-1.0),
    case("Reshape", (2, 3, 4), target_shape=(-1, 2)),
    case("ReversibleEmbedding", (2, 4), input_dim=6, output_dim=3, mask_zero=True, whole=True),
    case("SimpleRNN", SEQ, units=2, use_bias=False, seed=3),
    case("SeparableConv1D", SEQ, filters=4, kernel_size=2, activation="tanh"),
    case("SeparableConv2D", IMAGE, filters=2, kernel_size=3, depth_multiplier=2, padding="same"),
    case("Softmax", IMAGE, axis=[1, 2]),
    case("SpatialDropout1D", SEQ, rate=0.4, seed=3),
    case("SpatialDropout2D", IMAGE, rate=0.4, seed=3, data_format="channels_first"),
    case("SpatialDropout3D", VOLUME, rate=0.4, seed=3),
    case("SpectralNormalization", ROW, layer=_dense, power_iterations=2),
    case("Subtract", ROW, ROW),
    case("TimeDistributed", SEQ, layer=_dense),
    case("UnitNormalization", ROW),
    case("UpSampling1D", SEQ, size=2),
    case("UpSampling2D", IMAGE, size=(2, 3)),
    case("UpSampling2D", IMAGE, size=2, interpolation="bilinear"),
    case("UpSampling3D", VOLUME, size=2),
    case("ZeroPadding1D", SEQ, padding=(1, 2)),
    case("ZeroPadding2D", IMAGE, padding=((1, 0), (2, 1))),
    case("ZeroPadding3D", VOLUME, padding=1),
]

# Slow to compile, and made of what another case has: they are left out of some tests.
COMPOSED = {"Bidirectional", "ConvLSTM1D", "ConvLSTM3D", "RNN", "TimeDistributed"}
