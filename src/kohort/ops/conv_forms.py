"""Forms of the convolution: XLA's own, and those that are quick on a CPU.

XLA on a CPU has one quick convolution, of sequences and images with the axes in their usual order;
its transposes are quick where they are written as such a one. With other orders, for volumes, and
for groups, into which `vmap` over kernels turns it, it takes ten times as long and more. There,
and where there is little to do, slices of the input laid side by side make it one product (a
batched one under `vmap`). Where an output sees a few numbers only it is a sum of slices, which XLA
computes together with what follows.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from kohort.ops._base import sum_dtype

_MOST_SLICES = 128
"""Entries of a window beyond which its slices take too long to compile."""
_MOST_GROUPS = 8
_FEW_NUMBERS = 32
"""Numbers that an output sees up to which a sum of slices is quick."""
_FEW_CHANNELS = 16
"""Fewer channels than this are too little for a product by itself."""
_CACHED_BYTES = 2**21
"""Slices up to this size make a product that is quicker than XLA's convolution."""
_ROWS_LAST = 16
"""Rows a step of the loop that finds the gradient of a kernel."""
_ROWS_LOST = 1.1
"""So many times the rows of the outputs: inputs whose gradient is quicker by rows laid out."""
_LAID_BYTES = 2**26
"""Slices larger than this are laid side by side for a part of the batch at a time."""
_LARGE_IMAGE_BYTES = 2**14
"""Images from this size on get a step of a loop each in the gradient of a depthwise kernel."""

Form = Callable[..., jax.Array]
Wanted = Literal["outputs", "inputs", "kernel"]
"""What a form is for: the convolution, or its transpose for the inputs or for the kernel."""


class Window(NamedTuple):
    """How a window moves over the axes between batch and channels."""

    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1
    channels_last: bool = True


def layout(rank: int, channels_last: bool) -> lax.ConvDimensionNumbers:
    """Where inputs, kernel and outputs have their axes."""
    images = (0, rank - 1, *range(1, rank - 1)) if channels_last else tuple(range(rank))
    kernel = (rank - 1, rank - 2, *range(rank - 2))
    return lax.ConvDimensionNumbers(images, kernel, images)


def native(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """XLA's convolution."""
    return lax.conv_general_dilated(
        inputs, kernel, window.strides, window.padding, rhs_dilation=window.dilation,
        dimension_numbers=layout(inputs.ndim, window.channels_last),
        feature_group_count=window.groups,
    )  # fmt: skip


def on_cpu(
    inputs: jax.Array, kernel: jax.Array, window: Window, wanted: Wanted, together: bool = False
) -> jax.Array:
    """The convolution in the form that is quickest on a CPU for what is wanted of it.

    Args:
        together: whether `vmap` will give the kernel, or both arguments, a member axis.
    """
    depthwise = window.groups > 1 and kernel.shape[-2] == 1
    if 0 in inputs.shape or (window.groups > _MOST_GROUPS and not depthwise):
        return native(inputs, kernel, window)
    if not window.channels_last:
        last = window._replace(channels_last=True)
        moved = jnp.moveaxis(inputs, 1, -1)
        return jnp.moveaxis(on_cpu(moved, kernel, last, wanted, together), -1, 1)
    if depthwise:
        return _depthwise_form(inputs, kernel, wanted)(inputs, kernel, window)
    if window.groups > 1:
        xs, kernels = (jnp.split(a, window.groups, -1) for a in (inputs, kernel))
        alone = window._replace(groups=1)
        return jnp.concatenate(
            [on_cpu(x, k, alone, wanted, together) for x, k in zip(xs, kernels, strict=True)], -1
        )
    return _form(inputs, kernel, window, wanted, together)(inputs, kernel, window)


def _form(
    inputs: jax.Array, kernel: jax.Array, window: Window, wanted: Wanted, together: bool
) -> Form:
    """The form for channels last, in one group."""
    is_quick = inputs.ndim <= 4 and inputs.dtype == kernel.dtype == jnp.float32
    if together or not is_quick:
        if not _has_few_slices(kernel):
            return native
        many = inputs.ndim == 4 and kernel.shape[-2] >= _FEW_CHANNELS
        by_row = is_quick and many and wanted != "inputs"
        return functools.partial(_in_parts, _product_by_row if by_row else _one_product)
    if math.prod(kernel.shape[:-2]) == 1:
        return _one_product
    if wanted == "outputs":
        return _sum_of_slices if math.prod(kernel.shape[:-1]) <= _FEW_NUMBERS else native
    size = inputs.shape[0] * _row_bytes(inputs, kernel, window)
    if size <= _CACHED_BYTES and _has_few_slices(kernel):
        return _one_product
    if wanted == "kernel":
        return _few_rows_last
    return _rows_laid if _loses_rows(inputs, kernel, window) else _kernel_swapped


def _loses_rows(inputs: jax.Array, kernel: jax.Array, window: Window) -> bool:
    """Whether images have far fewer rows after the convolution, with windows side by side."""
    if inputs.ndim != 4 or max(window.strides) > 1:
        return False
    rows = inputs.shape[1]
    left = rows + sum(window.padding[0]) - window.dilation[0] * (kernel.shape[0] - 1)
    return rows >= _ROWS_LOST * left


def _depthwise_form(inputs: jax.Array, kernel: jax.Array, wanted: Wanted) -> Form:
    if not _has_few_slices(kernel):
        return native
    if wanted != "kernel":
        return _each_channel
    is_large = math.prod(inputs.shape[1:]) * inputs.dtype.itemsize >= _LARGE_IMAGE_BYTES
    return _each_image if is_large else functools.partial(_each_channel, laid=True)


def _has_few_slices(kernel: jax.Array) -> bool:
    return math.prod(kernel.shape[:-2]) <= _MOST_SLICES


# ---- XLA's convolution, so written that a transpose of it is quick


def _kernel_swapped(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """Its transpose for the inputs has the kernel's axes in the usual order.

    Without the barrier XLA would fold the swap into the convolution, which is slow then.
    """
    axes = layout(inputs.ndim, channels_last=True)
    spec = axes.rhs_spec
    axes = axes._replace(rhs_spec=(spec[1], spec[0], *spec[2:]))
    swapped = lax.optimization_barrier(kernel.swapaxes(-1, -2))
    return lax.conv_general_dilated(
        inputs, swapped, window.strides, window.padding, rhs_dilation=window.dilation,
        dimension_numbers=axes,
    )  # fmt: skip


def _rows_laid(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """What each row of windows sees side by side, then a convolution along the row.

    Its transpose for the inputs multiplies rows of the outputs alone and adds up the results,
    where the one above multiplies the zeros above and below them too.
    """
    (above, beside), (down, right) = window.padding, window.dilation
    rows = Window((1, 1), (above, (0, 0)), (down, 1))
    laid = jnp.concatenate(_slices(inputs, (kernel.shape[0], 1), rows), -1)
    kernel = kernel.swapaxes(0, 1).reshape(1, kernel.shape[1], -1, kernel.shape[-1])
    return _kernel_swapped(laid, kernel, Window((1, 1), ((0, 0), beside), (1, right)))


def _few_rows_last(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """Some rows at a time: without the loop XLA computes inputs again to move their axes."""
    rows = max(1, min(_ROWS_LAST, inputs.shape[0] // 2))  # a loop of one step would be none
    count, rest = divmod(inputs.shape[0], rows)

    @functools.partial(jax.checkpoint, prevent_cse=False)  # moved axes are not kept for all rows
    def part(start: jax.Array, inputs: jax.Array, kernel: jax.Array) -> jax.Array:
        return _rows_last(lax.dynamic_slice_in_dim(inputs, start, rows), kernel, window)

    outputs = lax.map(lambda start: part(start, inputs, kernel), jnp.arange(count) * rows)
    outputs = outputs.reshape(count * rows, *outputs.shape[2:])
    if not rest:
        return outputs
    return jnp.concatenate([outputs, _rows_last(inputs[count * rows :], kernel, window)])


def _rows_last(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """Its transpose for the kernel is a convolution of channels over places, summed over rows.

    The barriers keep the axes in the usual order there, as above. This form itself is slow.
    """
    rank = inputs.ndim
    rows_last = (rank - 1, *range(rank - 1))
    outputs_axes = (rank - 2, rank - 1, *range(rank - 2))
    axes = lax.ConvDimensionNumbers(rows_last, rows_last, outputs_axes)
    laid = lax.optimization_barrier(jnp.moveaxis(inputs, (0, -1), (-1, 0)))
    outputs = lax.conv_general_dilated(
        laid, jnp.moveaxis(kernel, -2, 0), window.strides, window.padding,
        rhs_dilation=window.dilation, dimension_numbers=axes,
    )  # fmt: skip
    return jnp.moveaxis(lax.optimization_barrier(outputs), -2, 0)


# ---- products of slices


def _in_parts(form: Form, inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """Lay out slices of a part of the batch at a time, where they are large."""
    count = inputs.shape[0] * _row_bytes(inputs, kernel, window) // _LAID_BYTES
    rows = inputs.shape[0] // max(1, min(count, inputs.shape[0]))
    count, rest = divmod(inputs.shape[0], rows)
    if count == 1:
        return form(inputs, kernel, window)
    parts = inputs[: count * rows].reshape(count, rows, *inputs.shape[1:])
    outputs = lax.map(lambda part: form(part, kernel, window), parts)
    outputs = outputs.reshape(count * rows, *outputs.shape[2:])
    if not rest:
        return outputs
    return jnp.concatenate([outputs, form(inputs[count * rows :], kernel, window)])


def _row_bytes(inputs: jax.Array, kernel: jax.Array, window: Window) -> int:
    """The size of the slices of one row of the batch, about."""
    places = math.prod(-(-n // s) for n, s in zip(inputs.shape[1:-1], window.strides, strict=True))
    return places * math.prod(kernel.shape[:-1]) * inputs.dtype.itemsize


def _one_product(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    patches = jnp.concatenate(_slices(inputs, kernel.shape[:-2], window), -1)
    # In two dimensions: XLA lays out the gradient of a product of more in another order, slowly.
    flat = patches.reshape(-1, patches.shape[-1]) @ kernel.reshape(-1, kernel.shape[-1])
    return flat.reshape(*patches.shape[:-1], -1)


def _product_by_row(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """A product for each row of the kernel: a third of the slices for a window of three rows."""
    across, along = (
        kernel.shape[0],
        window._replace(strides=(1, *window.strides[1:]), dilation=(1, *window.dilation[1:])),
    )
    laid = jnp.concatenate(_slices(inputs, (1, *kernel.shape[1:-2]), along), -1)
    stride, step = window.strides[0], window.dilation[0]
    span = (laid.shape[1] - step * (across - 1) - 1) // stride * stride + 1
    rows = (lax.slice_in_dim(laid, i, i + span, stride, 1) for i in range(0, step * across, step))
    products = (row @ k.reshape(-1, kernel.shape[-1]) for row, k in zip(rows, kernel, strict=True))
    return functools.reduce(jnp.add, products)


def _sum_of_slices(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """A slice for each number that an output sees, times its row of the kernel."""
    size, channels = kernel.shape[:-2], kernel.shape[-2]
    rows = kernel.reshape(-1, channels, kernel.shape[-1])
    pieces = zip(_slices(inputs, size, window), rows, strict=True)
    terms = [piece[..., c : c + 1] * row[c] for piece, row in pieces for c in range(channels)]
    return functools.reduce(jnp.add, terms)


# ---- depthwise


def _each_channel(
    inputs: jax.Array, kernel: jax.Array, window: Window, laid: bool = False
) -> jax.Array:
    """A depthwise convolution: a sum of slices, each times its row of the kernel.

    The gradient for a row is a sum over all places, which XLA on a CPU adds up one number after
    the other. Rows `laid` out by a product with ones have a product as gradient, which is quicker.
    """
    size, channels = kernel.shape[:-2], inputs.shape[-1]
    wide = sum_dtype(inputs)
    slices = _slices(inputs.astype(wide), size, window)
    rows = list(kernel.reshape(len(slices), channels, -1).astype(wide))
    places = slices[0].shape[1:-1]
    if laid:
        ones = jnp.ones((math.prod(places), 1), wide)
        rows = [(ones @ row.reshape(1, -1)).reshape(*places, *row.shape) for row in rows]
    outputs = sum(piece[..., None] * row for piece, row in zip(slices, rows, strict=True))
    return outputs.reshape(-1, *places, kernel.shape[-1]).astype(inputs.dtype)


def _each_image(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """A depthwise convolution image by image: one stays in the cache for all entries."""

    @functools.partial(jax.checkpoint, prevent_cse=False)  # not the slices of all images
    def of_image(image: jax.Array) -> jax.Array:
        return _each_channel(image[None], kernel, window, laid=True)[0]

    return lax.map(of_image, inputs)


def _slices(inputs: jax.Array, size: tuple[int, ...], window: Window) -> list[jax.Array]:
    """What each entry of the window sees while the window moves, in the order of the kernel."""
    sides = [(low, high, 0) for low, high in window.padding]
    inputs = lax.pad(inputs, jnp.zeros((), inputs.dtype), [(0, 0, 0), *sides, (0, 0, 0)])
    offsets, spans = [], []
    for n, k, s, d in zip(inputs.shape[1:-1], size, window.strides, window.dilation, strict=True):
        offsets.append([d * i for i in range(k)])
        spans.append((n - d * (k - 1) - 1) // s * s + 1)
    return [
        lax.slice(
            inputs, (0, *at, 0),
            (inputs.shape[0], *(a + n for a, n in zip(at, spans, strict=True)), inputs.shape[-1]),
            (1, *window.strides, 1),
        )
        for at in itertools.product(*offsets)
    ]  # fmt: skip
