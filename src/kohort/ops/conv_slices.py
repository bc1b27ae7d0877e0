"""Convolutions by platform: XLA's own, or on a CPU slices of the input and matrix products.

XLA on a CPU has a quick plain convolution of images. It takes ten times as long and more for the
gradients, for sequences and volumes, and for the grouped form into which `vmap` over kernels turns
it. Slices of the input laid side by side turn a convolution into one product (a batched one under
`vmap`), which the caches decide about: quicker than XLA's while they hold the slices. Gathered
patches instead of slices were slower in whole training steps, and their gradient, a scatter, much
slower.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from kohort.ops._base import sum_dtype

_MOST_SLICES = 128
"""Entries of a window beyond which its slices take too long to compile."""
_MOST_GROUPS = 8
_CACHED_BYTES = 2**25
"""Slices larger than this are slower than XLA's convolution of images."""
_FEW_CHANNELS = 16
"""Fewer channels than this are too little for a product by itself."""
_LAID_TOGETHER = 2**22
"""Slices larger than this are walked in parts where XLA's convolution is no quicker …"""
_PART_BYTES = 3 * 2**19
"""… of about this size."""
_KEPT_BYTES = 2**25
"""Slices larger than this are not kept for the gradient."""
_LAID_BYTES = 2**26
"""Slices larger than this are laid side by side for a part of the batch at a time."""
_LARGE_IMAGE_BYTES = 2**14
"""Images from this size on get a step of a loop each in the gradient of a depthwise kernel."""


class Window(NamedTuple):
    """How a window moves over the axes between batch and channels."""

    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1
    channels_last: bool = True
    portable: bool = False
    """Whether XLA's own convolution is wanted on all platforms."""
    together: bool = False
    """Whether kernels get a member axis."""
    quick: Literal["outputs", "for_inputs", "for_kernel"] = "outputs"
    """What the form is wanted for: itself, or its transpose for the inputs or for the kernel."""


@functools.partial(jax.jit, static_argnums=2, inline=True)
def convolve(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """The convolution of inputs with a kernel `(*window, channels / groups, filters)`."""
    return _convolve(inputs, kernel, window)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _convolve(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    return _by_platform(inputs, kernel, window)


def _tangent(window: Window, primals: Any, tangents: Any) -> tuple[Any, Any]:
    """A convolution is linear in both arguments.

    The gradient for the kernel needs the slices again, which are many times as large as the
    inputs. Where they are large they are made anew instead of kept.
    """
    (inputs, kernel), (d_inputs, d_kernel) = primals, tangents
    terms = []
    if not isinstance(d_inputs, SymbolicZero):
        terms.append(_by_platform(d_inputs, kernel, window._replace(quick="for_inputs")))
    if not isinstance(d_kernel, SymbolicZero):
        of_kernel: Callable[..., jax.Array] = functools.partial(
            _by_platform, window=window._replace(quick="for_kernel")
        )
        if inputs.shape[0] * _row_bytes(inputs, kernel, window) > _KEPT_BYTES:
            of_kernel = jax.checkpoint(of_kernel)
        terms.append(of_kernel(inputs, d_kernel))
    outputs = _by_platform(inputs, kernel, window)
    return outputs, sum(terms[1:], terms[0]) if terms else jnp.zeros_like(outputs)


_convolve.defjvp(_tangent, symbolic_zeros=True)


def _by_platform(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    native = functools.partial(_native, window=window)
    if not _has_cpu_form(inputs, kernel, window):
        return native(inputs, kernel)
    on_cpu = functools.partial(_by_products, window=window)
    return lax.platform_dependent(inputs, kernel, cpu=on_cpu, default=native)


def layout(rank: int, channels_last: bool) -> lax.ConvDimensionNumbers:
    """Where inputs, kernel and outputs have their axes."""
    images = (0, rank - 1, *range(1, rank - 1)) if channels_last else tuple(range(rank))
    kernel = (rank - 1, rank - 2, *range(rank - 2))
    return lax.ConvDimensionNumbers(images, kernel, images)


def _native(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    return lax.conv_general_dilated(
        inputs, kernel, window.strides, window.padding, rhs_dilation=window.dilation,
        dimension_numbers=layout(inputs.ndim, window.channels_last),
        feature_group_count=window.groups,
    )  # fmt: skip


def _is_depthwise(kernel: jax.Array, window: Window) -> bool:
    return window.groups > 1 and kernel.shape[-2] == 1


def _has_cpu_form(inputs: jax.Array, kernel: jax.Array, window: Window) -> bool:
    few = math.prod(kernel.shape[:-2]) <= _MOST_SLICES
    fits = window.groups <= _MOST_GROUPS or _is_depthwise(kernel, window)
    return few and fits and not window.portable and 0 not in inputs.shape


def _by_products(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """The convolution as products, channels last: one, or one for each group."""
    if not window.channels_last:
        moved = jnp.moveaxis(inputs, 1, -1)
        outputs = _by_products(moved, kernel, window._replace(channels_last=True))
        return jnp.moveaxis(outputs, -1, 1)
    if _is_depthwise(kernel, window):
        large = math.prod(inputs.shape[1:]) * inputs.dtype.itemsize >= _LARGE_IMAGE_BYTES
        form = _each_image if window.quick == "for_kernel" and large else _each_channel
        return form(inputs, kernel, window)
    if window.groups > 1:
        xs, kernels = (jnp.split(a, window.groups, -1) for a in (inputs, kernel))
        alone = window._replace(groups=1)
        parts = [_by_products(x, k, alone) for x, k in zip(xs, kernels, strict=True)]
        return jnp.concatenate(parts, -1)
    if _are_images(inputs, kernel):
        return _of_images(inputs, kernel, window)
    return _in_parts(_one_product, _LAID_BYTES, inputs, kernel, window)


def _are_images(inputs: jax.Array, kernel: jax.Array) -> bool:
    return inputs.ndim == 4 and inputs.dtype == kernel.dtype == jnp.float32


def _of_images(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """The form that is quickest for this size and for what is wanted of it."""
    few_channels = kernel.shape[-2] < _FEW_CHANNELS
    row = _row_bytes(inputs, kernel, window)
    size = inputs.shape[0] * row
    if window.together:
        form = _product_by_row
        if few_channels or window.quick == "for_inputs":
            form = _one_product
        return _in_parts(form, _LAID_BYTES, inputs, kernel, window)
    if window.quick == "for_kernel":
        if size <= _LAID_TOGETHER:
            return _one_product(inputs, kernel, window)
        return _in_parts(_made_anew, _PART_BYTES, inputs, kernel, window)
    same = _keeps_size(kernel, window)
    walked = not same and row <= _LAID_TOGETHER < size
    if window.quick == "for_inputs":
        if same and size > _CACHED_BYTES:
            return _swapped(inputs, kernel, window)
        part = _PART_BYTES if walked else _LAID_BYTES
        return _in_parts(_one_product, part, inputs, kernel, window)
    if few_channels or (size > _CACHED_BYTES and not walked):
        return _native(inputs, kernel, window)
    if walked:
        return _in_parts(_one_product, _PART_BYTES, inputs, kernel, window)
    return _product_by_row(inputs, kernel, window)


def _keeps_size(kernel: jax.Array, window: Window) -> bool:
    pads = all(sum(p) == k - 1 for p, k in zip(window.padding, kernel.shape, strict=False))
    return pads and window.strides == window.dilation == (1, 1)


def _in_parts(
    form: Callable[..., jax.Array], size: int, inputs: jax.Array, kernel: jax.Array, window: Window
) -> jax.Array:
    """Lay out slices of `size` bytes at a time, about."""
    count = inputs.shape[0] * _row_bytes(inputs, kernel, window) // size
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


def _made_anew(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """One product whose slices are not kept for the gradient."""
    form = functools.partial(_one_product, window=window)
    return jax.checkpoint(form, prevent_cse=False)(inputs, kernel)


def _row_bytes(inputs: jax.Array, kernel: jax.Array, window: Window) -> int:
    """The size of the slices of one row of the batch, about."""
    lengths = inputs.shape[1:-1] if window.channels_last else inputs.shape[2:]
    places = math.prod(-(-n // s) for n, s in zip(lengths, window.strides, strict=True))
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


def _swapped(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """XLA's convolution, so written that its transpose for the inputs is a quick one, too.

    It is quick only with the axes of its kernel in this order, which the barrier keeps.
    """
    axes = layout(4, channels_last=True)
    axes = axes._replace(rhs_spec=(axes.rhs_spec[1], axes.rhs_spec[0], *axes.rhs_spec[2:]))
    swapped = lax.optimization_barrier(kernel.swapaxes(-1, -2))
    return lax.conv_general_dilated(inputs, swapped, (1, 1), window.padding, dimension_numbers=axes)


def _each_channel(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """A depthwise convolution: a sum of slices, each times its row of the kernel.

    The gradient for a row is a sum over all places, which XLA on a CPU adds up one number after
    the other. Rows laid out by a product with ones have a product as gradient, which is quicker.
    """
    size, channels = kernel.shape[:-2], inputs.shape[-1]
    wide = sum_dtype(inputs)
    slices = _slices(inputs.astype(wide), size, window)
    rows = list(kernel.reshape(len(slices), channels, -1).astype(wide))
    places = slices[0].shape[1:-1]
    if window.quick == "for_kernel":
        ones = jnp.ones((math.prod(places), 1), wide)
        rows = [(ones @ row.reshape(1, -1)).reshape(*places, *row.shape) for row in rows]
    outputs = sum(piece[..., None] * row for piece, row in zip(slices, rows, strict=True))
    return outputs.reshape(-1, *places, kernel.shape[-1]).astype(inputs.dtype)


def _each_image(inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """A depthwise convolution image by image: one stays in the cache for all entries."""

    @functools.partial(jax.checkpoint, prevent_cse=False)  # not the slices of all images
    def of_image(image: jax.Array) -> jax.Array:
        return _each_channel(image[None], kernel, window)[0]

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


@functools.partial(jax.jit, static_argnums=(2, 3), inline=True)
def transpose(
    inputs: jax.Array, kernel: jax.Array, window: Window, lengths: tuple[int, ...]
) -> jax.Array:
    """The transpose of `convolve`: outputs of these lengths.

    The kernel has the shape `(*window, filters, channels)`.
    """
    filters = kernel.shape[-2]
    shape = (*lengths, filters) if window.channels_last else (filters, *lengths)
    outputs = jax.ShapeDtypeStruct((inputs.shape[0], *shape), inputs.dtype)
    forward = functools.partial(_by_platform, kernel=kernel, window=window)
    return jax.linear_transpose(forward, outputs)(inputs)[0]
