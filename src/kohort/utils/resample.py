"""Pictures of another size, in NumPy: loaders meet every size, and must not compile for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _cubic(x: np.ndarray, b: float, c: float) -> np.ndarray:
    """The cubic filters of Mitchell & Netravali (1988)."""
    near = ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + 6 - 2 * b) / 6
    far = (
        (-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 - (12 * b + 48 * c) * x + 8 * b + 24 * c
    ) / 6
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x: np.ndarray, radius: int) -> np.ndarray:
    return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


KERNELS: dict[str, Callable[[np.ndarray], np.ndarray] | None] = {
    "bilinear": lambda x: np.maximum(0, 1 - x),
    "nearest": None,
    "bicubic": lambda x: _cubic(x, 0, 0.5),
    "area": None,
    "lanczos3": lambda x: _lanczos(x, 3),
    "lanczos5": lambda x: _lanczos(x, 5),
    "gaussian": lambda x: np.where(x < 1.5, np.exp(-2 * x**2), 0),
    "mitchellcubic": lambda x: _cubic(x, 1 / 3, 1 / 3),
}
"""The weight of a pixel at distance x >= 0; None where it is no function of the distance."""


def _weights(size: int, new: int, interpolation: str) -> np.ndarray:
    """Return the matrix `(new, size)` that resizes one axis."""
    step = size / new
    if interpolation == "nearest":
        return np.eye(size)[np.floor((np.arange(new) + 0.5) * step).astype(int)]
    pixels = np.arange(size)
    if interpolation == "area":  # how much of each pixel lies inside the new one
        edges = np.arange(new + 1)[:, None] * step
        inside = np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels)
        return np.maximum(inside, 0) / step
    kernel = KERNELS[interpolation]
    assert kernel is not None
    centres = (np.arange(new)[:, None] + 0.5) * step - 0.5
    weights = kernel(np.abs(centres - pixels))
    return weights / weights.sum(axis=1, keepdims=True)


def resample(x: np.ndarray, size: Any, interpolation: str = "bilinear") -> np.ndarray:
    """Resize `(height, width, channels)` to `size = (height, width)`, without smoothing first.

    >>> resample(np.array([[[0.0], [4.0]]]), (1, 4))[0, :, 0]
    array([0., 1., 3., 4.])
    """
    if x.shape[:2] == tuple(size):
        return x
    rows = _weights(x.shape[0], size[0], interpolation).astype(x.dtype)
    columns = _weights(x.shape[1], size[1], interpolation).astype(x.dtype)
    return np.einsum("ih,hwc,jw->ijc", rows, x, columns, optimize=True)


def _in_proportion(x: np.ndarray, size: Any) -> tuple[int, int]:
    """The height that fits the width of `x`, and the width that fits its height."""
    return int(x.shape[1] * size[0] / size[1]), int(x.shape[0] * size[1] / size[0])


def crop_to_shape(x: np.ndarray, size: Any) -> np.ndarray:
    """Cut out the largest centred part with the proportions of `size`.

    >>> crop_to_shape(np.zeros((6, 9, 3)), (2, 2)).shape
    (6, 6, 3)
    """
    wanted = _in_proportion(x, size)
    height, width = (max(min(n, w), 1) for n, w in zip(x.shape[:2], wanted, strict=True))
    top, left = (x.shape[0] - height) // 2, (x.shape[1] - width) // 2
    return x[top : top + height, left : left + width]


def pad_to_shape(x: np.ndarray, size: Any) -> np.ndarray:
    """Add zeros around until the proportions are those of `size`.

    >>> pad_to_shape(np.zeros((6, 9, 3)), (2, 2)).shape
    (8, 9, 3)
    """
    wanted = _in_proportion(x, size)
    pads = [(max(n, w) - n) // 2 for n, w in zip(x.shape[:2], wanted, strict=True)]
    return np.pad(x, [(pads[0], pads[0]), (pads[1], pads[1]), (0, 0)])
