"""Images bent, turned, moved and blurred: values are looked up at other places."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.settings import standardize_data_format
from kohort.core.symbolic import op
from kohort.ops._base import array
from kohort.random.seed import draw_seed

_ORDERS = {"nearest": 0, "bilinear": 1}
_FILL_MODES = {"constant", "nearest", "wrap", "mirror", "reflect"}
_METHODS = {
    "linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5",
}  # fmt: skip


def _lookup(x: jax.Array, places: Any, order: int, mode: str, value: Any) -> jax.Array:
    from jax.scipy.ndimage import map_coordinates  # imported here: it is slow to load

    return map_coordinates(x, places, order, mode, value)


def _check(images: jax.Array, interpolation: str, fill_mode: str = "constant") -> None:
    if interpolation not in _ORDERS:
        raise ValueError(
            f"Invalid value for argument `interpolation`. Expected of one {set(_ORDERS)}. "
            f"Received: interpolation={interpolation}"
        )
    if fill_mode not in _FILL_MODES:
        raise ValueError(
            f"Invalid value for argument `fill_mode`. Expected of one {_FILL_MODES}. "
            f"Received: fill_mode={fill_mode}"
        )
    if images.ndim not in (3, 4):
        raise ValueError(
            "Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images). "
            f"Received input with shape: images.shape={images.shape}"
        )


def _batch_last(images: jax.Array, data_format: str | None) -> tuple[jax.Array, Any]:
    """The images as (batch, height, width, channels), and the way back."""
    first = standardize_data_format(data_format) == "channels_first"
    single = images.ndim == 3

    def back(x: jax.Array) -> jax.Array:
        x = jnp.moveaxis(x, -1, 1) if first else x
        return x[0] if single else x

    images = images[None] if single else images
    return (jnp.moveaxis(images, 1, -1) if first else images), back


@op
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: Any = 0.0
) -> jax.Array:
    """The values of `inputs` at `coordinates`, nearest (order 0) or linear (order 1).

    Shapes: inputs (n1, …, nk), coordinates (k, …) -> (…).
    """
    inputs, coordinates = array(inputs), array(coordinates)
    if coordinates.shape[0] != inputs.ndim:
        raise ValueError(
            "First dim of `coordinates` must be the same as the rank of `inputs`. "
            f"Received inputs with shape: {inputs.shape} and coordinate leading dim of "
            f"{coordinates.shape[0]}"
        )
    if coordinates.ndim < 2:
        raise ValueError(
            "Invalid coordinates rank: expected at least rank 2. "
            f"Received input with shape: {coordinates.shape}"
        )
    if fill_mode not in _FILL_MODES:
        raise ValueError(
            f"Invalid value for argument `fill_mode`. Expected one of {_FILL_MODES}. "
            f"Received: fill_mode={fill_mode}"
        )
    if order not in (0, 1):
        raise ValueError(
            f"Invalid value for argument `order`. Expected one of [0, 1]. Received: order={order}"
        )
    return _lookup(inputs, coordinates, order, fill_mode, fill_value)


@op
def affine_transform(
    images: Any, transform: Any, interpolation: str = "bilinear", fill_mode: str = "constant",
    fill_value: Any = 0, data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """The output at (x, y) is the input at (a0·x + a1·y + a2, b0·x + b1·y + b2).

    Args:
        images: (batch, height, width, channels) or without batch.
        transform: [a0, a1, a2, b0, b1, b2, 0, 0] for each image, or one for all.
        interpolation: nearest or bilinear.
        fill_mode: what lies outside: constant, nearest, wrap, mirror or reflect.
        fill_value: the constant.
        data_format: channels_last or channels_first.
    """
    images, transform = array(images), array(transform)
    _check(images, interpolation, fill_mode)
    if transform.ndim not in (1, 2):
        raise ValueError(
            "Invalid transform rank: expected rank 1 (single transform) or rank 2 (batch of "
            f"transforms). Received input with shape: transform.shape={transform.shape}"
        )
    images, back = _batch_last(images, data_format)
    transform = jnp.broadcast_to(transform, (images.shape[0], 8))
    y, x, channel = jnp.meshgrid(*map(jnp.arange, images.shape[1:]), indexing="ij")

    def one(image: jax.Array, t: jax.Array) -> jax.Array:
        rows = y * t[4] + x * t[3] + channel * t[6] + t[5]
        columns = y * t[1] + x * t[0] + channel * t[7] + t[2]
        places = [rows, columns, channel.astype(rows.dtype)]
        return _lookup(image, places, _ORDERS[interpolation], fill_mode, fill_value)

    return back(jax.vmap(one)(images, transform))


@op
def perspective_transform(
    images: Any, start_points: Any, end_points: Any, interpolation: str = "bilinear",
    fill_value: Any = 0, data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """Move four corners: `start_points` of the input come to lie on `end_points`.

    Shapes: points (4, 2) as (x, y), or (batch, 4, 2).
    """
    images, start, end = array(images), array(start_points), array(end_points)
    _check(images, interpolation)
    for name, points in (("start_points", start), ("end_points", end)):
        if points.shape[-2:] != (4, 2) or points.ndim not in (2, 3):
            raise ValueError(
                f"Invalid {name} shape: expected (4,2) for a single image or (N,4,2) for a batch."
                f" Received shape: {points.shape}"
            )
    if start.shape != end.shape:
        raise ValueError(
            "start_points and end_points must have the same shape. Received "
            f"start_points.shape={start.shape}, end_points.shape={end.shape}"
        )
    images, back = _batch_last(images, data_format)
    shape = (images.shape[0], 4, 2)
    start = jnp.broadcast_to(start.astype("float32"), shape)
    end = jnp.broadcast_to(end.astype("float32"), shape)
    y, x = jnp.meshgrid(*map(jnp.arange, images.shape[1:3]), indexing="ij")

    def one(image: jax.Array, t: jax.Array) -> jax.Array:
        scale = t[6] * x + t[7] * y + 1.0
        rows, columns = t[3] * x + t[4] * y + t[5], t[0] * x + t[1] * y + t[2]
        places = [rows / scale, columns / scale]
        look = jax.vmap(
            lambda plane: _lookup(plane, places, _ORDERS[interpolation], "constant", fill_value),
            in_axes=-1, out_axes=-1,
        )  # fmt: skip
        return look(image)

    return back(jax.vmap(one)(images, homography(start, end)))


def homography(start: jax.Array, end: jax.Array) -> jax.Array:
    """The eight numbers of the projection that sends `end` back to `start`."""
    (u, v), (x, y) = jnp.moveaxis(start, -1, 0), jnp.moveaxis(end, -1, 0)
    zero, one = jnp.zeros_like(x), jnp.ones_like(x)
    rows_u = jnp.stack([x, y, one, zero, zero, zero, -u * x, -u * y], -1)
    rows_v = jnp.stack([zero, zero, zero, x, y, one, -v * x, -v * y], -1)
    matrix = jnp.concatenate([rows_u, rows_v], -2)
    return jnp.linalg.solve(matrix, jnp.concatenate([u, v], -1)[..., None])[..., 0]


@op
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0),
    data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """Convolve with a bell curve of standard deviations `sigma`, cut to `kernel_size`."""
    images = array(images)
    _check(images, "nearest")
    images, back = _batch_last(images, data_format)
    return back(_blur(images, kernel_size, array(sigma).astype(images.dtype)))


def _blur(images: jax.Array, kernel_size: Any, sigma: jax.Array) -> jax.Array:
    def bell(size: int, spread: jax.Array) -> jax.Array:
        place = jnp.arange(size, dtype=images.dtype) - (size - 1) / 2
        weights = jnp.exp(-0.5 * (place / spread) ** 2)
        return weights / jnp.sum(weights)

    # As in Keras, the first size and sigma belong to the width.
    kernel = jnp.outer(bell(kernel_size[1], sigma[1]), bell(kernel_size[0], sigma[0]))
    channels = images.shape[-1]
    kernel = jnp.broadcast_to(kernel[:, :, None, None], (*kernel.shape, 1, channels))
    return jax.lax.conv_general_dilated(
        images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=channels,
    )  # fmt: skip


@op
def elastic_transform(
    images: Any, alpha: Any = 20.0, sigma: Any = 5.0, interpolation: str = "bilinear",
    fill_mode: str = "reflect", fill_value: Any = 0.0, seed: Any = None,
    data_format: str | None = None,
) -> jax.Array:  # fmt: skip
    """Distort by a smooth random field of strength `alpha` and smoothness `sigma`.

    Source: Simard et al., 2003.
    """
    images = array(images)
    _check(images, interpolation, fill_mode)
    dtype = images.dtype
    images, back = _batch_last(images, data_format)
    # Keras draws both directions from one seed: they are equal.
    noise = jax.random.normal(draw_seed(seed), images.shape[:3], dtype)
    bent = bend(
        images, noise, alpha, sigma, int(6 * sigma) | 1, interpolation, fill_mode, fill_value
    )
    return back(bent.astype(dtype))


def bend(
    images: jax.Array, noise: jax.Array, alpha: Any, sigma: Any, size: int, interpolation: str,
    fill_mode: str, fill_value: Any,
) -> jax.Array:  # fmt: skip
    """Move each pixel along both axes by the smoothed `noise` (batch, height, width).

    The window of the smoothing has `size` pixels; `alpha` and `sigma` may be traced.
    """
    sigma = jnp.asarray(sigma, images.dtype)
    spread = jnp.stack([sigma, sigma])
    smooth = _blur((noise * sigma)[..., None], (size, size), spread)[..., 0]
    move = jnp.asarray(alpha, images.dtype) * smooth
    y, x = jnp.meshgrid(*map(jnp.arange, images.shape[1:3]), indexing="ij")
    settings = (_ORDERS[interpolation], fill_mode, fill_value)

    def one(image: jax.Array, shift: jax.Array) -> jax.Array:
        look = jax.vmap(lambda plane: _lookup(plane, [y + shift, x + shift], *settings), -1, -1)
        return look(image)

    return jax.vmap(one)(images, move)


@op
def scale_and_translate(
    images: Any, output_shape: Any, scale: Any, translation: Any, spatial_dims: Any, method: str,
    antialias: bool = True,
) -> jax.Array:  # fmt: skip
    """Scale and then move along `spatial_dims`, and sample into `output_shape`."""
    if method not in _METHODS:
        raise ValueError(
            f"Invalid value for argument `method`. Expected of one {_METHODS}. "
            f"Received: method={method}"
        )
    return jax.image.scale_and_translate(
        array(images), tuple(output_shape), tuple(spatial_dims), array(scale),
        array(translation), method, antialias=antialias,
    )  # fmt: skip
