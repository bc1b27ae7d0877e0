"""What convolutions and pooling share: sizes, checks and the shape of the output."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from kohort.layers.arguments import standardize_tuple
from kohort.layers.input_spec import InputSpec
from kohort.layers.layer import Layer


def check_positive(name: str, value: Any) -> None:
    """Refuse what is not a positive whole number."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value <= 0:
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected a strictly positive value. "
            f"Received {name}={value}."
        )


def lower(padding: Any) -> Any:
    """A padding in small letters; what is no text is left for the check."""
    return padding.lower() if isinstance(padding, str) else padding


def window_reach(sizes: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """How much of each axis a window covers, gaps included.

    >>> window_reach((3, 3), (1, 2))
    (3, 5)
    """
    return tuple(d * (k - 1) + 1 for k, d in zip(sizes, dilation, strict=True))


def window_counts(
    lengths: Sequence[int | None], reach: Sequence[int], strides: Sequence[int], padding: str
) -> tuple[int | None, ...]:
    """How many windows fit along each axis; None for an unknown length.

    >>> window_counts((7, None), (3, 3), (2, 1), "valid")
    (3, None)
    """
    counts: list[int | None] = []
    for n, r, s in zip(lengths, reach, strides, strict=True):
        counts.append(None if n is None else (n - (r if padding == "valid" else 1)) // s + 1)
    return tuple(counts)


class WindowLayer(Layer):
    """A layer that moves a window over the `_rank` axes between batch and channels.

    Subclasses declare the fields `strides`, `padding` and `data_format` in Keras's order.
    """

    _rank = 1
    _sizes: tuple[str, ...] = ()
    """The fields that hold a size for each axis."""
    _paddings: tuple[str, ...] = ("valid", "same")

    def __post_init__(self: Any) -> None:
        for name in self._sizes:
            setattr(self, name, standardize_tuple(getattr(self, name), self._rank, name))
        if self.padding not in self._paddings:
            raise ValueError(
                f"The `padding` argument must be one of {set(self._paddings)}. "
                f"Received: {self.padding}"
            )
        self.input_spec = InputSpec(min_ndim=self._rank + 2)

    @property
    def _channel_axis(self: Any) -> int:
        return -1 if self.data_format == "channels_last" else 1

    @property
    def _axes(self: Any) -> slice:
        """Where a shape has the lengths of the axes that windows move over."""
        first = 1 if self.data_format == "channels_last" else 2
        return slice(first, first + self._rank)

    def _windows(self: Any, input_shape: Any, **told: Any) -> Any:
        """The number of windows along each axis; `told` is what an error tells besides."""
        if len(input_shape) != self._rank + 2:
            raise ValueError(
                f"{type(self).__name__} takes inputs of rank {self._rank + 2}: batch, "
                f"{self._rank} axes and channels. Received: input_shape={tuple(input_shape)}"
            )
        lengths = input_shape[self._axes]
        counts = window_counts(lengths, self._reach, self.strides, self.padding)
        if any(count is not None and count <= 0 for count in counts):
            facts = ", ".join(f"`{name}={value}`" for name, value in told.items())
            raise ValueError(
                "Computed output size would be zero or negative: the window is larger than the "
                f"input. Received: `inputs shape={tuple(input_shape)}`, {facts}, "
                f"`strides={self.strides}`, `padding={self.padding}`. Use a smaller window, "
                "padding='same', or larger inputs."
            )
        return counts

    def _with_channels(self: Any, input_shape: Any, lengths: Any, channels: Any) -> tuple[Any, ...]:
        """The shape of an output of these lengths and channels."""
        if self.data_format == "channels_last":
            return (input_shape[0], *lengths, channels)
        return (input_shape[0], channels, *lengths)


class ConvLayer(WindowLayer):
    """A convolution: kernel, bias and activation."""

    _sizes = ("kernel_size", "strides", "dilation_rate")

    @property
    def _reach(self: Any) -> tuple[int, ...]:
        return window_reach(self.kernel_size, self.dilation_rate)

    def _refuse_dilated_strides(self: Any) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}"
            )

    def _see_channels(self: Any, input_shape: Any) -> int:
        """Remember and return the number of input channels."""
        axis = self._channel_axis
        channels = input_shape[axis] if len(input_shape) > 1 else None
        if channels is None:
            raise ValueError(
                "The channel dimension of the inputs should be defined. Received: "
                f"input_shape={tuple(input_shape)}, data_format='{self.data_format}'"
            )
        self.input_spec = InputSpec(min_ndim=self._rank + 2, axes={axis: channels})
        return channels

    def _add_bias(self: Any, size: int) -> None:
        self.bias = self.add_weight(name="bias", shape=(size,)) if self.use_bias else None

    def _finish(self: Any, outputs: Any) -> Any:
        """Add the bias and apply the activation."""
        if self.bias is not None:
            bias = self.bias.value
            if self.data_format == "channels_first":
                bias = bias.reshape(-1, *(1,) * self._rank)
            outputs = outputs + bias
        return self.activation(outputs)

    def _settings(self: Any) -> dict[str, Any]:
        """What the operations ask for by these names."""
        return {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }

    def _convolved_shape(self: Any, input_shape: Any, channels: Any) -> tuple[Any, ...]:
        lengths = self._windows(
            input_shape, kernel_size=self.kernel_size, dilation_rate=self.dilation_rate
        )
        return self._with_channels(input_shape, lengths, channels)
