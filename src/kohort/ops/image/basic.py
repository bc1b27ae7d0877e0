"""Images (height, width, channels), or batches of them: sizes, colours, patches, filters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core.settings import standardize_data_format
from kohort.core.symbolic import op
from kohort.ops._base import array, floating
from kohort.ops.nn_conv import conv

_RESIZE = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")


def _check_rank(images: jax.Array, name: str = "images") -> None:
    if images.ndim not in (3, 4):
        raise ValueError(
            f"Invalid {name} rank: expected rank 3 (single image) or rank 4 (batch of images). "
            f"Received input with shape: {name}.shape={images.shape}"
        )


def _height_axis(images: jax.Array, data_format: str | None) -> int:
    """The axis of the height; that of the width is the next."""
    last = standardize_data_format(data_format) == "channels_last"
    return images.ndim - 3 if last else images.ndim - 2


def _channel_axis(data_format: str | None) -> int:
    return -1 if standardize_data_format(data_format) == "channels_last" else -3


@op
def resize(
    images: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False,
    crop_to_aspect_ratio: bool = False, pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant", fill_value: float = 0.0, data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """Images of another size (height, width).

    Args:
        images: (…, height, width, channels).
        size: the new height and width.
        interpolation: bilinear, nearest, bicubic, lanczos3 or lanczos5.
        antialias: smooth before making smaller.
        crop_to_aspect_ratio: first cut the sides, so that nothing is distorted.
        pad_to_aspect_ratio: first add `fill_value` at the sides, so that nothing is distorted.
        fill_mode: "constant".
        fill_value: what to pad with.
        data_format: channels_last or channels_first.

    >>> resize(jnp.ones((4, 4, 3)), (2, 6)).shape
    (2, 6, 3)
    """
    images = array(images)
    _check_resize(size, interpolation, fill_mode, crop_to_aspect_ratio, pad_to_aspect_ratio)
    _check_rank(images)
    axis = _height_axis(images, data_format)
    height, width = images.shape[axis : axis + 2]
    new_height, new_width = (int(n) for n in size)
    wanted = int(float(width * new_height) / new_width), int(float(height * new_width) / new_height)
    if crop_to_aspect_ratio:
        kept = max(min(height, wanted[0]), 1), max(min(width, wanted[1]), 1)
        starts = int(float(height - kept[0]) / 2), int(float(width - kept[1]) / 2)
        for i in range(2):
            images = jax.lax.slice_in_dim(images, starts[i], starts[i] + kept[i], axis=axis + i)
    elif pad_to_aspect_ratio:
        pads = [(0, 0)] * images.ndim
        for i, (have, want) in enumerate(zip((height, width), wanted, strict=True)):
            more = int(float(max(have, want) - have) / 2)
            pads[axis + i] = (more, more)
        images = jnp.pad(images, pads, constant_values=fill_value)
    shape = list(images.shape)
    shape[axis : axis + 2] = new_height, new_width
    found = jax.image.resize(images, shape, interpolation, antialias)
    if not jnp.issubdtype(images.dtype, jnp.integer):
        return found
    limits = jnp.iinfo(images.dtype)  # cubic curves overshoot
    return jnp.clip(jnp.round(found), limits.min, limits.max).astype(images.dtype)


def _check_resize(size: Any, interpolation: str, fill_mode: str, crop: bool, pad: bool) -> None:
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers. Received: size={size}")
    if size[0] <= 0 or size[1] <= 0:
        raise ValueError(f"`size` must have positive height and width. Received: size={size}")
    if interpolation not in _RESIZE:
        raise ValueError(
            f"Invalid value for argument `interpolation`. Expected of one {_RESIZE}. "
            f"Received: interpolation={interpolation}"
        )
    if fill_mode != "constant":
        raise ValueError(
            "Invalid value for argument `fill_mode`. Only `'constant'` is supported. "
            f"Received: fill_mode={fill_mode}"
        )
    if crop and pad:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`."
        )


@op
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> jax.Array:
    """0.2989 red + 0.5870 green + 0.1140 blue, as one channel.

    >>> rgb_to_grayscale(jnp.ones((1, 1, 3)))
    Array([[[0.9999]]], dtype=float32)
    """
    images = array(images)
    axis = _channel_axis(data_format)
    _check_rank(images)
    if images.shape[axis] not in (1, 3):
        raise ValueError(
            "Invalid channel size: expected 3 (RGB) or 1 (Grayscale). "
            f"Received input with shape: images.shape={images.shape}"
        )
    if images.shape[axis] == 1:
        return images
    floats = floating(images)
    grey = jnp.tensordot(floats, jnp.array([0.2989, 0.5870, 0.1140], floats.dtype), (axis, -1))
    return jnp.expand_dims(grey, axis).astype(images.dtype)


def _planes(images: Any, data_format: str | None) -> tuple[jax.Array, jax.Array, jax.Array, int]:
    images, axis = array(images), _channel_axis(data_format)
    _check_rank(images)
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"Invalid images dtype: expected float dtype. Received: images.dtype={images.dtype}"
        )
    if images.shape[axis] != 3:
        raise ValueError(
            f"Input images must have 3 channels, but received images with {images.shape[axis]} "
            f"channels. Received: shape={images.shape}"
        )
    return (*jnp.moveaxis(images, axis, 0), axis)


@op
def rgb_to_hsv(images: Any, data_format: str | None = None) -> jax.Array:
    """Red, green, blue in [0, 1] to hue, saturation, value in [0, 1]."""
    r, g, b, axis = _planes(images, data_format)
    r, g, b = (jnp.where(jnp.abs(p) < jnp.finfo(p.dtype).eps, 0.0, p) for p in (r, g, b))
    value = jnp.maximum(jnp.maximum(r, g), b)
    spread = value - jnp.minimum(jnp.minimum(r, g), b)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1.0), 0.0)
    norm = 1.0 / (6.0 * jnp.where(spread > 0, spread, 1.0))
    hue = jnp.where(value == g, norm * (b - r) + 2.0 / 6.0, norm * (r - g) + 4.0 / 6.0)
    hue = jnp.where(value == r, norm * (g - b), hue)
    hue = jnp.where(spread > 0, hue, 0.0) + (hue < 0.0).astype(hue.dtype)
    return jnp.stack([hue, saturation, value], axis)


@op
def hsv_to_rgb(images: Any, data_format: str | None = None) -> jax.Array:
    """Hue, saturation, value in [0, 1] to red, green, blue in [0, 1]."""
    hue, saturation, value, axis = _planes(images, data_format)
    turn = jnp.mod(hue, 1.0) * 6.0
    parts = (
        jnp.abs(turn - 3.0) - 1.0, 2.0 - jnp.abs(turn - 2.0), 2.0 - jnp.abs(turn - 4.0),
    )  # fmt: skip
    colours = [value * (1.0 - saturation + saturation * jnp.clip(p, 0.0, 1.0)) for p in parts]
    return jnp.stack(colours, axis)


@op
def extract_patches(
    images: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """Windows of images (or of volumes: three sizes) laid out as channels.

    >>> extract_patches(jnp.ones((1, 6, 6, 1)), 3).shape
    (1, 2, 2, 9)
    """
    if not isinstance(size, (int, tuple, list)):
        raise TypeError(
            "Invalid `size` argument. Expected an int or a tuple. "
            f"Received: size={size} of type {type(size).__name__}"
        )
    window = (size, size) if isinstance(size, int) else tuple(size)
    if len(window) not in (2, 3):
        raise ValueError(
            "Invalid `size` argument. Expected a tuple of length 2 or 3. "
            f"Received: size={size} with length {len(window)}"
        )
    images = array(images)
    single = images.ndim == len(window) + 1
    images = images[None] if single else images
    last = standardize_data_format(data_format) == "channels_last"
    count = int(np.prod(window)) * images.shape[-1 if last else 1]
    kernel = jnp.eye(count, dtype=images.dtype).reshape(*window, -1, count)
    found = conv(images, kernel, strides or window, padding, data_format, dilation_rate)
    return found[0] if single else found


@op
def extract_patches_3d(
    volumes: Any, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """Windows of volumes laid out as channels."""
    size = (size, size, size) if isinstance(size, int) else size
    return extract_patches(volumes, size, strides, dilation_rate, padding, data_format)


def _resolve(before: Any, after: Any, target: Any, size: int, sign: int, names: Any) -> Any:
    """The one of (before, after, target) that is None, from target = size + sign · (both)."""
    given = dict(zip(names, (before, after, target), strict=True))
    if list(given.values()).count(None) != 1:
        listed = ", ".join(f"{name}={value}" for name, value in given.items())
        raise ValueError(f"Must specify exactly two of {', '.join(names)}. Received: {listed}")
    if target is None:
        target = size + sign * (before + after)
    elif before is None:
        before = sign * (target - size) - after
    else:
        after = sign * (target - size) - before
    for name, value in zip(names, (before, after, target), strict=True):
        if value < 0:
            raise ValueError(f"{name} must be >= 0. Received: {name}={value}")
    return before, after


@op
def pad_images(
    images: Any, top_padding: Any = None, left_padding: Any = None, bottom_padding: Any = None,
    right_padding: Any = None, target_height: Any = None, target_width: Any = None,
    data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """Add zeros at the sides; of before, after and target size two are given.

    >>> pad_images(jnp.ones((2, 2, 1)), 1, 0, target_height=4, target_width=2).shape
    (4, 2, 1)
    """
    images = array(images)
    _check_rank(images)
    axis = _height_axis(images, data_format)
    pads = [(0, 0)] * images.ndim
    names = ("top_padding", "bottom_padding", "target_height")
    pads[axis] = _resolve(top_padding, bottom_padding, target_height, images.shape[axis], 1, names)
    names = ("left_padding", "right_padding", "target_width")
    pads[axis + 1] = _resolve(
        left_padding, right_padding, target_width, images.shape[axis + 1], 1, names
    )
    return jnp.pad(images, pads)


@op
def crop_images(
    images: Any, top_cropping: Any = None, left_cropping: Any = None, bottom_cropping: Any = None,
    right_cropping: Any = None, target_height: Any = None, target_width: Any = None,
    data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """Cut off the sides; of before, after and target size two are given.

    >>> crop_images(jnp.ones((4, 4, 1)), 1, 0, target_height=2, target_width=2).shape
    (2, 2, 1)
    """
    images = array(images)
    _check_rank(images)
    axis = _height_axis(images, data_format)
    height, width = images.shape[axis : axis + 2]
    names = ("top_cropping", "bottom_cropping", "target_height")
    top, bottom = _resolve(top_cropping, bottom_cropping, target_height, height, -1, names)
    names = ("left_cropping", "right_cropping", "target_width")
    left, right = _resolve(left_cropping, right_cropping, target_width, width, -1, names)
    images = jax.lax.slice_in_dim(images, top, height - bottom, axis=axis)
    return jax.lax.slice_in_dim(images, left, width - right, axis=axis + 1)


def _filter_channels(images: jax.Array, kernel: jax.Array, padding: str) -> jax.Array:
    """Convolve each channel of (batch, height, width, channels) with one window."""
    channels = images.shape[-1]
    kernel = jnp.broadcast_to(kernel[:, :, None, None], (*kernel.shape, 1, channels))
    return jax.lax.conv_general_dilated(
        images, kernel, (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=channels,
    )  # fmt: skip


@op
def sobel_edges(images: Any, data_format: str | None = None) -> jax.Array:
    """Sobel's derivatives (dy, dx) in a new last axis. Shapes: (…) -> (…, 2)."""
    images = array(images)
    first = standardize_data_format(data_format) == "channels_first"
    x = jnp.moveaxis(images, 1, -1) if first else images
    across = jnp.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], x.dtype)
    edges = [_filter_channels(x, kernel, "SAME") for kernel in (across.T, across)]
    return jnp.stack([jnp.moveaxis(e, -1, 1) if first else e for e in edges], -1)


@op
def ssim(
    image1: Any, image2: Any, max_val: float = 1.0, filter_size: int = 11,
    filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03, data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """The structural similarity of images: 1 for equal ones (Wang et al., 2004)."""
    a, b = floating(image1), floating(image2)
    _check_rank(a, "image1")
    _check_rank(b, "image2")
    single = a.ndim == 3
    a, b = (x[None] if single else x for x in (a, b))
    if standardize_data_format(data_format) == "channels_first":
        a, b = jnp.moveaxis(a, 1, -1), jnp.moveaxis(b, 1, -1)
    place = jnp.arange(filter_size, dtype=a.dtype) - (filter_size - 1) / 2.0
    bell = jnp.exp(-(place**2) / (2.0 * filter_sigma**2))
    kernel = jnp.outer(bell, bell) / jnp.sum(bell) ** 2

    def blur(x: jax.Array) -> jax.Array:
        return _filter_channels(x, kernel, "VALID")

    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    covariance = blur(a * b) - mean_a * mean_b
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    similarity = (2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2)
    similarity /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    found = jnp.mean(similarity, (1, 2, 3)).astype(array(image1).dtype)
    return found[0] if single else found
