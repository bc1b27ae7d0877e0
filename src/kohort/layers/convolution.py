"""Convolutions in one to three dimensions."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort.core.component import field
from kohort.core.settings import standardize_data_format
from kohort.layers.conv_base import ConvLayer, check_positive, lower
from kohort.layers.fields import activation, constraint, initializer, regularizer
from kohort.ops import nn_conv


def _check_groups(name: str, value: Any) -> None:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(
            f"The number of groups must be a positive integer. Received: groups={value}."
        )


class _Conv(ConvLayer):
    filters: int = field(check=check_positive)
    kernel_size: Any = field()
    strides: Any = 1
    padding: str = field("valid", convert=lower)
    data_format: str = field(None, convert=standardize_data_format)
    dilation_rate: Any = 1
    groups: int = field(1, check=_check_groups)
    activation: Any = activation()
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    bias_constraint: Any = constraint()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.filters % self.groups:
            raise ValueError(
                "The number of filters must be evenly divisible by the number of groups. "
                f"Received: groups={self.groups}, filters={self.filters}."
            )
        self._refuse_dilated_strides()

    def build(self, input_shape: Any) -> None:
        """Create kernel and bias."""
        channels = self._see_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                "The number of input channels must be evenly divisible by the number of groups. "
                f"Received groups={self.groups}, but the input has {channels} channels (full "
                f"input shape is {tuple(input_shape)})."
            )
        self.compute_output_shape(input_shape)  # the kernel must fit into the input
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape)
        self._add_bias(self.filters)

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve; a subclass may do something to the kernel first."""
        return nn_conv.conv(inputs, kernel, **self._settings())

    def call(self, inputs: Any) -> Any:
        """Convolve, add the bias, apply the activation."""
        return self._finish(self.convolution_op(inputs, self.kernel.value))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The windows along each axis, and the filters."""
        return self._convolved_shape(input_shape, self.filters)


class Conv1D(_Conv):
    """A convolution along the steps of a sequence.

        output[t] = activation(sum_i input[t · strides + i · dilation_rate] @ kernel[i] + bias)

    Args:
        filters: the channels of the output.
        kernel_size: the length of the window.
        strides: how far the window moves; not together with `dilation_rate > 1`.
        padding: `"valid"`: only whole windows; `"same"`: zeros at both ends, so that the output
            has `ceil(steps / strides)` steps; `"causal"`: zeros before the start, so that no
            step sees a later one.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        groups: how many parts the channels are split into, each with filters of its own.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, filters)`.

    >>> Conv1D(4, 3)(np.ones((2, 10, 3))).shape
    (2, 8, 4)

    Source: `keras.layers.Conv1D`; causal: van den Oord et al., "WaveNet", 2016.
    """

    _paddings = ("valid", "same", "causal")

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve; causal padding puts all zeros before the start."""
        settings = self._settings()
        if self.padding == "causal":
            settings["padding"] = "valid"
            before = (self.dilation_rate[0] * (self.kernel_size[0] - 1), 0)
            last = self.data_format == "channels_last"
            inputs = jnp.pad(inputs, ((0, 0), *((before, (0, 0)) if last else ((0, 0), before))))
        return nn_conv.conv(inputs, kernel, **settings)


class Conv2D(_Conv):
    """A convolution over images: a window of weights moves over rows and columns.

        output[r, c] = activation(sum_ij input[r · s + i · d, c · s + j · d] @ kernel[i, j] + bias)

    Args:
        filters: the channels of the output.
        kernel_size: an int, or (rows, columns), of the window.
        strides: how far the window moves; not together with `dilation_rate > 1`.
        padding: `"valid"`: only whole windows; `"same"`: zeros around, so that the output has
            `ceil(size / strides)` rows and columns.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        groups: how many parts the channels are split into, each with filters of its own.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, rows, columns, channels)`. Output shape: `(batch, new_rows,
    new_columns, filters)`; with `channels_first` the channels come second.

    >>> Conv2D(4, 3, padding="same", strides=2)(np.ones((2, 9, 9, 3))).shape
    (2, 5, 5, 4)

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    """

    _rank = 2


class Conv3D(_Conv):
    """A convolution over volumes (or films): like `Conv2D` with one more axis.

    Args:
        filters: the channels of the output.
        kernel_size: an int, or 3 ints, of the window.
        strides: how far the window moves; not together with `dilation_rate > 1`.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        groups: how many parts the channels are split into, each with filters of its own.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, x, y, z, channels)`. Output shape: `(batch, new_x, new_y, new_z,
    filters)`.

    >>> Conv3D(2, (2, 2, 1))(np.ones((1, 4, 4, 4, 3))).shape
    (1, 3, 3, 4, 2)

    Source: Tran et al., "Learning spatiotemporal features with 3D convolutional networks", 2015.
    """

    _rank = 3
