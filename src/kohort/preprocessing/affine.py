"""Random changes of one image as a NumPy array, the axes where the caller says they are.

Random numbers come from NumPy's global generator, as they did in Keras 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.utils.image import array_to_img, img_to_array


def apply_affine_transform(
    x: np.ndarray, theta: float = 0, tx: float = 0, ty: float = 0, shear: float = 0,
    zx: float = 1, zy: float = 1, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
    fill_mode: str = "nearest", cval: float = 0.0, order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Turn, shift, shear and zoom an image about its middle.

    Args:
        x: an image with three axes.
        theta, shear: degrees.
        tx, ty: pixels to shift by along x and y.
        zx, zy: factors along x and y: below 1 the image grows.
        row_axis, col_axis, channel_axis: what the axes are; channels are first or last.
        fill_mode: what lies outside: nearest, constant, reflect or wrap.
        cval: the constant.
        order: of the spline between pixels, 0 to 5.

    >>> apply_affine_transform(np.arange(3.0).reshape(1, 1, 3), tx=1).ravel().tolist()
    [1.0, 2.0, 2.0]
    """
    axes = (row_axis, col_axis, channel_axis)
    if len(set(axes)) != 3:
        raise ValueError(
            f"'row_axis', 'col_axis', and 'channel_axis' must be distinct. Received: {axes}"
        )
    if set(axes) != {0, 1, 2}:
        raise ValueError(f"Invalid axis' indices: {set(axes) - {0, 1, 2}}")
    if x.ndim != 3:
        raise ValueError(
            f"Input arrays must be multi-channel 2D images. Received: x.shape={x.shape}"
        )
    if channel_axis == 1:
        raise ValueError(
            "Channels are allowed and the first and last dimensions. Received: channel_axis=1"
        )
    steps = _steps(theta, tx, ty, shear, zx, zy)
    if not steps:
        return x
    from scipy.ndimage import affine_transform

    matrix = steps[0]
    for step in steps[1:]:
        matrix = matrix @ step
    matrix = _about_the_middle(matrix, x.shape[row_axis], x.shape[col_axis])
    if col_axis > row_axis:  # the matrix speaks of (x, y), arrays of (row, column)
        matrix = matrix[[1, 0, 2]][:, [1, 0, 2]]
    planes = [
        affine_transform(p, matrix[:2, :2], matrix[:2, 2], order=order, mode=fill_mode, cval=cval)
        for p in np.moveaxis(x, channel_axis, 0)
    ]
    return np.moveaxis(np.stack(planes), 0, channel_axis)


def _steps(
    theta: float, tx: float, ty: float, shear: float, zx: float, zy: float
) -> list[np.ndarray]:
    """The matrices of what is to be done, in their order."""
    steps = []
    if theta != 0:
        cos, sin = np.cos(np.deg2rad(theta)), np.sin(np.deg2rad(theta))
        steps.append(np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]))
    if tx != 0 or ty != 0:
        steps.append(np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]]))
    if shear != 0:
        cos, sin = np.cos(np.deg2rad(shear)), np.sin(np.deg2rad(shear))
        steps.append(np.array([[1, -sin, 0], [0, cos, 0], [0, 0, 1]]))
    if zx != 1 or zy != 1:
        steps.append(np.diag([zx, zy, 1]))
    return steps


def _about_the_middle(matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    row, column = height / 2 - 0.5, width / 2 - 0.5
    there = np.array([[1, 0, row], [0, 1, column], [0, 0, 1]])
    back = np.array([[1, 0, -row], [0, 1, -column], [0, 0, 1]])
    return there @ matrix @ back


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Add a number to all pixels, within the range of the image's values.

    >>> apply_channel_shift(np.arange(3.0).reshape(1, 1, 3), 1.0).ravel().tolist()
    [1.0, 2.0, 2.0]
    """
    del channel_axis  # all channels are shifted by the same number
    return np.clip(x + intensity, np.min(x), np.max(x))


def apply_brightness_shift(x: np.ndarray, brightness: float, scale: bool = True) -> np.ndarray:
    """Multiply the brightness of an image, by Pillow; with `scale`, its values become 0 to 255.

    >>> apply_brightness_shift(np.full((1, 1, 3), 100.0), 0.5, scale=False).ravel().tolist()
    [50.0, 50.0, 50.0]
    """
    from PIL import ImageEnhance

    low, high = np.min(x), np.max(x)
    beyond = bool(low < 0 or high > 255)
    img = ImageEnhance.Brightness(array_to_img(x, scale=beyond or scale)).enhance(brightness)
    changed = img_to_array(img)
    return changed / 255 * (high - low) + low if beyond and not scale else changed


def random_rotation(
    x: np.ndarray, rg: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
    fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Turn an image by an angle between `-rg` and `rg` degrees."""
    place = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, np.random.uniform(-rg, rg), 0, 0, 0, 1, 1, *place)


def random_shift(
    x: np.ndarray, wrg: float, hrg: float, row_axis: int = 1, col_axis: int = 2,
    channel_axis: int = 0, fill_mode: str = "nearest", cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Shift an image by up to the shares `wrg` of its width and `hrg` of its height."""
    place = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(x, 0, tx, ty, 0, 1, 1, *place)


def random_shear(
    x: np.ndarray, intensity: float, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
    fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Shear an image by an angle between `-intensity` and `intensity` degrees."""
    place = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    shear = np.random.uniform(-intensity, intensity)
    return apply_affine_transform(x, 0, 0, 0, shear, 1, 1, *place)


def random_zoom(
    x: np.ndarray, zoom_range: Any, row_axis: int = 1, col_axis: int = 2, channel_axis: int = 0,
    fill_mode: str = "nearest", cval: float = 0.0, interpolation_order: int = 1,
) -> np.ndarray:  # fmt: skip
    """Zoom an image by two factors from `zoom_range`, a pair."""
    if len(zoom_range) != 2:
        raise ValueError(
            f"`zoom_range` should be a tuple or list of two floats. Received: {zoom_range}"
        )
    place = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, 0, *zoom_factors(zoom_range), *place)


def zoom_factors(zoom_range: Any) -> Any:
    """Two factors from a range; (1, 1) draws none."""
    low, high = zoom_range
    return (1, 1) if low == high == 1 else np.random.uniform(low, high, 2)


def random_channel_shift(
    x: np.ndarray, intensity_range: float, channel_axis: int = 0
) -> np.ndarray:
    """Add a number between `-intensity_range` and `intensity_range` to all pixels."""
    shift = np.random.uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, shift, channel_axis)


def random_brightness(x: np.ndarray, brightness_range: Any, scale: bool = True) -> np.ndarray:
    """Multiply the brightness by a factor from `brightness_range`, a pair."""
    if len(brightness_range) != 2:
        raise ValueError(
            "`brightness_range` should be a tuple or list of two floats. "
            f"Received: {brightness_range}"
        )
    return apply_brightness_shift(x, np.random.uniform(*brightness_range), scale)
