"""Transposed convolutions, which make sequences, images and volumes larger."""

from __future__ import annotations

from typing import Any

from kohort.core.component import field
from kohort.core.settings import standardize_data_format
from kohort.layers.arguments import standardize_tuple
from kohort.layers.conv_base import ConvLayer, check_positive, lower
from kohort.layers.fields import activation, constraint, initializer, regularizer
from kohort.ops import nn_conv


class _ConvTranspose(ConvLayer):
    filters: int = field(check=check_positive)
    kernel_size: Any = field()
    strides: Any = 1
    padding: str = field("valid", convert=lower)
    output_padding: Any = None
    data_format: str = field(None, convert=standardize_data_format)
    dilation_rate: Any = 1
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
        self._refuse_dilated_strides()
        if self.output_padding is None:
            return
        self.output_padding = standardize_tuple(
            self.output_padding, self._rank, "output_padding", allow_zero=True
        )
        if any(o >= s for o, s in zip(self.output_padding, self.strides, strict=True)):
            raise ValueError(
                "`output_padding` must be strictly less than `strides` for all dimensions. "
                f"Received: output_padding={self.output_padding}, strides={self.strides}"
            )

    def build(self, input_shape: Any) -> None:
        """Create kernel and bias."""
        channels = self._see_channels(input_shape)
        self.kernel = self.add_weight(
            name="kernel", shape=(*self.kernel_size, self.filters, channels)
        )
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        """Convolve, add the bias, apply the activation."""
        settings = self._settings() | {"output_padding": self.output_padding}
        return self._finish(nn_conv.conv_transpose(inputs, self.kernel.value, **settings))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The enlarged lengths, and the filters."""
        lengths = [
            None if n is None else nn_conv.transposed_length(n, *settings)
            for n, *settings in zip(
                input_shape[self._axes], self.kernel_size, self.strides,
                [self.padding] * self._rank, self.output_padding or (None,) * self._rank,
                self.dilation_rate, strict=True,
            )
        ]  # fmt: skip
        return self._with_channels(input_shape, lengths, self.filters)


class Conv1DTranspose(_ConvTranspose):
    """The transpose of `Conv1D`: each step becomes a window of steps, which are added up.

        output[t · strides + i · dilation_rate] += kernel[i] @ input[t]

    Args:
        filters: the channels of the output.
        kernel_size: the length of the window.
        strides: how much longer the output is; not together with `dilation_rate > 1`.
        padding: `"valid"`: all that the windows reach; `"same"`: `steps · strides` steps.
        output_padding: steps added at the end; less than `strides`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, filters)`.

    >>> Conv1DTranspose(4, 3, strides=2)(np.ones((2, 5, 3))).shape
    (2, 11, 4)

    Source: Zeiler et al., "Deconvolutional networks", 2010.
    """


class Conv2DTranspose(_ConvTranspose):
    """The transpose of `Conv2D`: each pixel becomes a window of pixels, which are added up.

    Args:
        filters: the channels of the output.
        kernel_size: an int, or (rows, columns), of the window.
        strides: how much larger the output is; not together with `dilation_rate > 1`.
        padding: `"valid"`: all that the windows reach; `"same"`: sizes · strides.
        output_padding: rows and columns added at the end; less than `strides`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, rows, columns, channels)`. Output shape: `(batch, new_rows,
    new_columns, filters)`.

    >>> Conv2DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 5, 5, 3))).shape
    (2, 10, 10, 4)

    Source: Zeiler et al., "Deconvolutional networks", 2010.
    """

    _rank = 2


class Conv3DTranspose(_ConvTranspose):
    """The transpose of `Conv3D`: each entry becomes a window of entries, which are added up.

    Args:
        filters: the channels of the output.
        kernel_size: an int, or 3 ints, of the window.
        strides: how much larger the output is; not together with `dilation_rate > 1`.
        padding: `"valid"`: all that the windows reach; `"same"`: sizes · strides.
        output_padding: entries added at the end of each axis; less than `strides`.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: the distance between the entries of a window.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, x, y, z, channels)`. Output shape: `(batch, new_x, new_y, new_z,
    filters)`.

    >>> Conv3DTranspose(2, 2)(np.ones((1, 2, 2, 2, 3))).shape
    (1, 3, 3, 3, 2)

    Source: Zeiler et al., "Deconvolutional networks", 2010.
    """

    _rank = 3

    # Keras has `data_format` before `output_padding` in this class alone
    data_format: str = field(None, convert=standardize_data_format)
    output_padding: Any = None
    dilation_rate: Any = 1
    activation: Any = activation()
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    bias_constraint: Any = constraint()
