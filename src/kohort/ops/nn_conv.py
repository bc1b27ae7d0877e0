"""Convolutions in one to three dimensions, patches, pixel shuffles."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kohort.core.settings import standardize_data_format
from kohort.core.symbolic import op
from kohort.core.tracing import is_portable
from kohort.ops._base import array
from kohort.ops.conv_forms import Window
from kohort.ops.conv_maps import convolve, transpose


def spatial(value: Any, count: int) -> tuple[int, ...]:
    """One int, or one for each spatial axis, as a tuple."""
    return (value,) * count if isinstance(value, int) else tuple(value)


def channels_axis(data_format: str) -> int:
    """Where the channels are."""
    return -1 if data_format == "channels_last" else 1


def _windows(
    inputs: jax.Array, kernel: jax.Array, strides: Any, padding: str, data_format: str,
    dilation_rate: Any, groups: int = 1,
) -> Window:  # fmt: skip
    count, last = inputs.ndim - 2, data_format == "channels_last"
    strides, dilation = spatial(strides, count), spatial(dilation_rate, count)
    lengths = inputs.shape[1:-1] if last else inputs.shape[2:]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel.shape[:-2], dilation, strict=True)]
    pads = lax.padtype_to_pads(lengths, reach, strides, padding.upper())
    sides = tuple((low, high) for low, high in pads)
    return Window(strides, sides, dilation, groups, last)


@op
def conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> jax.Array:  # fmt: skip
    """A convolution (cross-correlation) over the spatial axes.

    Shapes: inputs (batch, *spatial, channels), kernel (*window, channels / groups, filters)
    -> (batch, *new spatial, filters); with `channels_first` the channels come second.

    >>> conv(jnp.ones((1, 4, 1)), jnp.ones((2, 1, 3))).shape
    (1, 3, 3)
    """
    data_format = standardize_data_format(data_format)
    kernel = array(kernel)
    inputs = array(inputs).astype(kernel.dtype)
    channels = inputs.shape[channels_axis(data_format)]
    if channels % kernel.shape[-2]:
        raise ValueError(
            "The number of input channels must match the kernel's in_channels, or be a multiple "
            f"of them (groups). Received: input channels={channels}, kernel "
            f"in_channels={kernel.shape[-2]}"
        )
    groups = channels // kernel.shape[-2]
    window = _windows(inputs, kernel, strides, padding, data_format, dilation_rate, groups)
    outputs = convolve(inputs, kernel, window, is_portable())
    if outputs.size == 0 and inputs.size != 0:
        raise ValueError(
            "The convolution operation resulted in an empty output. This can happen if the "
            "input is too small for the given kernel size, strides, dilation rate, and padding "
            "mode. Please check the input shape and convolution parameters. Received: "
            f"inputs.shape={inputs.shape}, kernel.shape={kernel.shape}"
        )
    return outputs


@op
def depthwise_conv(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> jax.Array:  # fmt: skip
    """A convolution of each channel on its own.

    Shapes: kernel (*window, channels, multiplier) -> (batch, …, channels · multiplier).
    """
    data_format = standardize_data_format(data_format)
    inputs, kernel = array(inputs), array(kernel)
    channels = _check_channels(inputs, kernel, data_format)
    kernel = kernel.reshape(*kernel.shape[:-2], 1, channels * kernel.shape[-1])
    window = _windows(inputs, kernel, strides, padding, data_format, dilation_rate, channels)
    return convolve(inputs, kernel, window, is_portable())


def _check_channels(inputs: jax.Array, kernel: jax.Array, data_format: str) -> int:
    channels = inputs.shape[channels_axis(data_format)]
    if kernel.shape[-2] != channels:
        raise ValueError(
            "The number of input channels must match the kernel's input channels. Received: "
            f"input channels={channels}, kernel input channels={kernel.shape[-2]}, "
            f"data_format='{data_format}'."
        )
    return channels


@op
def separable_conv(
    inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1,
    padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1,
) -> jax.Array:  # fmt: skip
    """A depthwise convolution, then a convolution of window 1 that mixes the channels."""
    inner = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(inner, pointwise_kernel, 1, "valid", data_format)


@op
def conv_transpose(
    inputs: Any, kernel: Any, strides: Any = 1, padding: str = "valid",
    output_padding: Any = None, data_format: str | None = None, dilation_rate: Any = 1,
) -> jax.Array:  # fmt: skip
    """The transposed convolution, which makes images larger by the strides.

    Shapes: kernel (*window, filters, channels) -> (batch, *new spatial, filters).
    """
    data_format = standardize_data_format(data_format)
    inputs, kernel = array(inputs), array(kernel)
    channels = inputs.shape[channels_axis(data_format)]
    if kernel.shape[-1] != channels:
        raise ValueError(
            "The number of input channels must match the kernel's input channels. Received: "
            f"input channels={channels}, kernel input channels={kernel.shape[-1]}, "
            f"data_format='{data_format}'."
        )
    count, last = inputs.ndim - 2, data_format == "channels_last"
    strides, dilation = spatial(strides, count), spatial(dilation_rate, count)
    extra = (None,) * count if output_padding is None else spatial(output_padding, count)
    lengths, pads = [], []
    for i, n in enumerate(inputs.shape[1:-1] if last else inputs.shape[2:]):
        axis = kernel.shape[i], strides[i], padding, extra[i], dilation[i]
        reach = (axis[0] - 1) * dilation[i]
        lengths.append(transposed_length(n, *axis))
        before, after = transpose_padding(reach + 1, *axis[1:4])
        pads.append((reach - before, reach - after))  # of the convolution that is transposed
    window = Window(strides, tuple(pads), dilation, 1, last)
    return transpose(inputs, kernel, window, tuple(lengths), is_portable())


def transposed_length(
    length: int, size: int, stride: int, padding: str, extra: int | None, dilation: int = 1
) -> int:
    """The length of an axis after a transposed convolution with a window of `size` entries.

    >>> transposed_length(5, 3, 2, "valid", None), transposed_length(5, 3, 2, "same", None)
    (11, 10)
    """
    reach = (size - 1) * dilation
    pads = transpose_padding(reach + 1, stride, padding, extra)
    return (length - 1) * stride + 1 - reach + sum(pads)


def transpose_padding(window: int, stride: int, padding: str, extra: int | None) -> tuple[int, int]:
    """What JAX pads before and after an axis of a transposed convolution.

    Without `extra` (Keras's `output_padding`) the output has size · stride entries for
    `same` and (size - 1) · stride + max(window, stride) for `valid`.

    >>> transpose_padding(3, 2, "same", None)
    (2, 1)
    """
    if padding.lower() not in {"valid", "same"}:
        raise ValueError(
            f"The `padding` argument must be one of 'valid', 'same'. Received: padding={padding}"
        )
    if padding.lower() == "valid":
        return window - 1, window - 1 + (max(0, stride - window) if extra is None else extra)
    total = stride + window - 2 if extra is None else window + window % 2 - 2 + extra
    before = min(total // 2 + total % 2, window - 1)
    return before, total - before


@op
def unfold(
    x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> jax.Array:
    """Sliding windows of images as columns: (n, c, h, w) -> (n, c · window, places)."""
    x = array(x)
    if x.ndim != 4:
        raise ValueError(f"Input must be a 4D tensor. Received: input.shape={x.shape}")
    pads = [(p, p) for p in spatial(padding, 2)]
    patches = lax.conv_general_dilated_patches(
        jnp.pad(x, [(0, 0), (0, 0), *pads]), spatial(kernel_size, 2), spatial(stride, 2), "VALID",
        rhs_dilation=spatial(dilation, 2), dimension_numbers=("NCHW", "OIHW", "NCHW"),
    )  # fmt: skip
    return patches.reshape(*patches.shape[:2], -1)


@op
def fold(
    x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
    stride: Any = 1,
) -> jax.Array:  # fmt: skip
    """The transpose of `unfold`: columns are added up into images (n, c, *output_size)."""
    x = array(x)
    if x.ndim != 3:
        raise ValueError(f"Input must be a 3D tensor. Received: input.shape={x.shape}")
    window = spatial(kernel_size, 2)
    channels = x.shape[1] // (window[0] * window[1])
    images = jnp.zeros((x.shape[0], channels, *spatial(output_size, 2)), x.dtype)
    settings = (kernel_size, dilation, padding, stride)
    return jax.linear_transpose(lambda image: unfold(image, *settings), images)(x)[0]


@op
def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> jax.Array:
    """Channels into blocks of pixels: (n, h, w, c) -> (n, h · b, w · b, c / b²)."""
    x, b = array(x), _block(block_size)
    if standardize_data_format(data_format) == "channels_last":
        n, h, w, c = x.shape
        x = x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(n, h * b, w * b, c // b**2)
    n, c, h, w = x.shape
    x = x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(n, c // b**2, h * b, w * b)


@op
def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> jax.Array:
    """Blocks of pixels into channels: (n, h, w, c) -> (n, h / b, w / b, c · b²)."""
    x, b = array(x), _block(block_size)
    if standardize_data_format(data_format) == "channels_last":
        n, h, w, c = x.shape
        x = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(n, h // b, w // b, c * b**2)
    n, c, h, w = x.shape
    x = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(n, c * b**2, h // b, w // b)


def _block(block_size: int) -> int:
    if block_size < 2:
        raise ValueError(f"`block_size` must be at least 2. Received: block_size={block_size}")
    return block_size
