"""Convolutions of each channel on its own, and separable ones, which then mix the channels."""

from __future__ import annotations

from typing import Any

from kohort.core.component import field
from kohort.core.settings import standardize_data_format
from kohort.layers.conv_base import ConvLayer, check_positive, lower
from kohort.layers.fields import activation, constraint, initializer, regularizer
from kohort.ops import nn_conv


class _DepthwiseConv(ConvLayer):
    kernel_size: Any = field()
    strides: Any = 1
    padding: str = field("valid", convert=lower)
    depth_multiplier: int = field(1, check=check_positive)
    data_format: str = field(None, convert=standardize_data_format)
    dilation_rate: Any = 1
    activation: Any = activation()
    use_bias: bool = True
    depthwise_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    depthwise_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    depthwise_constraint: Any = constraint()
    bias_constraint: Any = constraint()

    def build(self, input_shape: Any) -> None:
        """Create kernel and bias."""
        channels = self._see_channels(input_shape)
        self.compute_output_shape(input_shape)  # the kernel must fit into the input
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, channels, self.depth_multiplier),
            initializer=self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self._add_bias(self.depth_multiplier * channels)

    def call(self, inputs: Any) -> Any:
        """Convolve each channel, add the bias, apply the activation."""
        return self._finish(nn_conv.depthwise_conv(inputs, self.kernel.value, **self._settings()))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The windows along each axis, and `depth_multiplier` times the channels."""
        channels = input_shape[self._channel_axis]
        return self._convolved_shape(
            input_shape, None if channels is None else self.depth_multiplier * channels
        )


class DepthwiseConv1D(_DepthwiseConv):
    """A convolution of each channel of a sequence with kernels of its own.

        output[t, c · m + j] = sum_i input[t · strides + i · dilation_rate, c] · kernel[i, c, j]

    Args:
        kernel_size: the length of the window.
        strides: how far the window moves.
        padding: `"valid"` or `"same"`.
        depth_multiplier: m, the output channels for each channel.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, channels · m)`.

    >>> DepthwiseConv1D(3, depth_multiplier=2)(np.ones((2, 10, 3))).shape
    (2, 8, 6)

    Source: `keras.layers.DepthwiseConv1D`.
    """


class DepthwiseConv2D(_DepthwiseConv):
    """A convolution of each channel of images with kernels of its own.

    Args:
        kernel_size: an int, or (rows, columns), of the window.
        strides: how far the window moves.
        padding: `"valid"` or `"same"`.
        depth_multiplier: the output channels for each channel.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, rows, columns, channels)`. Output shape: `(batch, new_rows,
    new_columns, channels · depth_multiplier)`.

    >>> DepthwiseConv2D(3, padding="same")(np.ones((2, 5, 5, 4))).shape
    (2, 5, 5, 4)

    Source: Howard et al., "MobileNets", 2017.
    """

    _rank = 2


class _SeparableConv(ConvLayer):
    filters: int = field(check=check_positive)
    kernel_size: Any = field()
    strides: Any = 1
    padding: str = field("valid", convert=lower)
    data_format: str = field(None, convert=standardize_data_format)
    dilation_rate: Any = 1
    depth_multiplier: int = field(1, check=check_positive)
    activation: Any = activation()
    use_bias: bool = True
    depthwise_initializer: Any = initializer("glorot_uniform")
    pointwise_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    depthwise_regularizer: Any = regularizer()
    pointwise_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    depthwise_constraint: Any = constraint()
    pointwise_constraint: Any = constraint()
    bias_constraint: Any = constraint()

    def build(self, input_shape: Any) -> None:
        """Create both kernels and the bias."""
        channels = self._see_channels(input_shape)
        self.compute_output_shape(input_shape)  # the kernel must fit into the input
        deep = channels * self.depth_multiplier
        self.depthwise_kernel = self.add_weight(
            name="depthwise_kernel",
            shape=(*self.kernel_size, channels, self.depth_multiplier),
            initializer=self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
        )
        self.pointwise_kernel = self.add_weight(
            name="pointwise_kernel",
            shape=(*(1,) * self._rank, deep, self.filters),
            initializer=self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
        )
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        """Convolve each channel, mix the channels, add the bias, apply the activation."""
        kernels = self.depthwise_kernel.value, self.pointwise_kernel.value
        return self._finish(nn_conv.separable_conv(inputs, *kernels, **self._settings()))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The windows along each axis, and the filters."""
        return self._convolved_shape(input_shape, self.filters)


class SeparableConv1D(_SeparableConv):
    """A convolution of each channel of a sequence, then one of window 1 that mixes the channels.

        output = activation(depthwise(input) @ pointwise_kernel + bias)

    Args:
        filters: the channels of the output.
        kernel_size: the length of the window.
        strides: how far the window moves.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        depth_multiplier: the channels between the two, for each channel of the input.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, filters)`.

    >>> SeparableConv1D(4, 3)(np.ones((2, 10, 3))).shape
    (2, 8, 4)

    Source: `keras.layers.SeparableConv1D`.
    """


class SeparableConv2D(_SeparableConv):
    """A convolution of each channel of images, then one of window 1 that mixes the channels.

        output = activation(depthwise(input) @ pointwise_kernel + bias)

    Args:
        filters: the channels of the output.
        kernel_size: an int, or (rows, columns), of the window.
        strides: how far the window moves.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        depth_multiplier: the channels between the two, for each channel of the input.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, rows, columns, channels)`. Output shape: `(batch, new_rows,
    new_columns, filters)`.

    >>> SeparableConv2D(8, 3, padding="same")(np.ones((2, 5, 5, 4))).shape
    (2, 5, 5, 8)

    Source: Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.
    """

    _rank = 2
