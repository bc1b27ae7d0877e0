"""Images to arrays and back, through Pillow."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from kohort.core import settings

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def _pillow(function: str) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"Could not import PIL.Image. The use of `{function}` requires PIL. "
            "Install it with `pip install pillow`."
        ) from error
    return Image


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: str | None = None
) -> Any:
    """Turn an array of shape `(height, width, channels)` into a Pillow image.

    `channels` is 1, 3 or 4 and comes first where `data_format` is `"channels_first"`. With `scale`
    the values are stretched to 0 .. 255: `255 * (x - min) / (max - min)`.

    >>> array_to_img(np.zeros((2, 3, 1))).size
    (3, 2)
    """
    data_format = settings.standardize_data_format(data_format)
    image = _pillow("array_to_img")
    x = np.asarray(x, dtype=dtype or settings.floatx())
    if x.ndim != 3:
        raise ValueError(
            f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}"
        )
    if data_format == "channels_first":
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - np.min(x)
        highest = np.max(x)
        x = (x / highest if highest != 0 else x) * 255
    channels = x.shape[2]
    if channels in (3, 4):
        return image.fromarray(x.astype("uint8"))
    if channels == 1:
        # Values that need more than 8 bits go into Pillow's 32-bit grey mode "I".
        return image.fromarray(x[:, :, 0].astype("int32" if np.max(x) > 255 else "uint8"))
    raise ValueError(f"Unsupported channel number: {channels}")


def img_to_array(img: Any, data_format: str | None = None, dtype: str | None = None) -> np.ndarray:
    """Turn a Pillow image into an array of shape `(height, width, channels)`.

    `data_format="channels_first"` gives `(channels, height, width)`; grey images have one channel.
    `dtype` defaults to `floatx()`.

    >>> img_to_array(array_to_img(np.ones((2, 3, 3)))).shape
    (2, 3, 3)
    """
    data_format = settings.standardize_data_format(data_format)
    x = np.asarray(img, dtype=dtype or settings.floatx())
    if x.ndim == 2:
        x = x[:, :, None]
    if x.ndim != 3:
        raise ValueError(f"Unsupported image shape: {x.shape}")
    return x.transpose(2, 0, 1) if data_format == "channels_first" else x


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image to a path or an open file.

    The format follows the file name unless `file_format` is given. `kwargs` go to Pillow's
    `Image.save`. The rest is as in `array_to_img`.

    >>> target = io.BytesIO()
    >>> save_img(target, np.zeros((2, 2, 3)), file_format="png")
    >>> load_img(target).size
    (2, 2)
    """
    if file_format is None and isinstance(path, (str, Path)):
        file_format = Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"  # Pillow's name of it
    img = array_to_img(x, data_format=data_format, scale=scale)
    if img.mode == "RGBA" and file_format == "jpeg":
        warnings.warn(
            "The JPEG format does not support RGBA images, converting to RGB.", stacklevel=2
        )
        img = img.convert("RGB")
    img.save(path, format=file_format, **kwargs)


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Read an image file (a path or `io.BytesIO`) as a Pillow image.

    `color_mode` is `"grayscale"`, `"rgb"` or `"rgba"`. `target_size=(height, width)` resizes by
    `interpolation` (nearest, bilinear, bicubic, hamming, box or lanczos); `keep_aspect_ratio` cuts
    the centre to the target's proportions first.

    >>> target = io.BytesIO()
    >>> save_img(target, np.zeros((8, 4, 3)), file_format="png")
    >>> load_img(target, color_mode="grayscale", target_size=(4, 4)).size
    (4, 4)
    """
    img = _convert(_open(path), color_mode)
    if target_size is None or img.size == (target_size[1], target_size[0]):
        return img
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            f"Invalid interpolation method {interpolation} specified. Supported methods are "
            f"{', '.join(_INTERPOLATIONS)}"
        )
    size = (target_size[1], target_size[0])
    box = _centre_box(img.size, size) if keep_aspect_ratio else None
    resample = _pillow("load_img").Resampling[interpolation.upper()]
    return img.resize(size, resample, box=box)


def _open(path: Any) -> Any:
    image = _pillow("load_img")
    if isinstance(path, io.BytesIO):
        return image.open(path)
    if isinstance(path, (os.PathLike, bytes, str)):
        # The bytes are read at once, so that no file stays open behind a lazy image.
        with open(path, "rb") as file:
            return image.open(io.BytesIO(file.read()))
    raise TypeError(f"path should be path-like or io.BytesIO, not {type(path)}")


def _convert(img: Any, color_mode: str) -> Any:
    if color_mode == "grayscale":
        # Grey images of 16 and 32 bits keep their depth.
        return img if img.mode in ("L", "I;16", "I") else img.convert("L")
    if color_mode not in ("rgb", "rgba"):
        raise ValueError(
            f'color_mode must be "grayscale", "rgb", or "rgba". Received: color_mode={color_mode}'
        )
    mode = color_mode.upper()
    return img if img.mode == mode else img.convert(mode)


def _centre_box(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """The largest centred box (left, top, right, bottom) with the target's proportions."""
    width, height = size
    box_width = min(width, height * target[0] // target[1])
    box_height = min(height, width * target[1] // target[0])
    left, top = (width - box_width) // 2, (height - box_height) // 2
    return left, top, left + box_width, top + box_height


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> Any:
    """Resize an image, or a batch of images, without distortion.

    The largest centred part with the proportions of `size=(height, width)` is cut out and resized.
    `x` has shape `([batch,] height, width, channels)`; `interpolation` is nearest, bilinear,
    bicubic, lanczos3 or lanczos5. NumPy in, NumPy out; a JAX array gives a JAX array.

    >>> smart_resize(np.zeros((6, 9, 3), "float32"), (2, 2)).shape
    (2, 2, 3)
    """
    import jax

    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    if np.ndim(x) not in (3, 4):
        raise ValueError(
            "Expected an image array with shape `(height, width, channels)`, or `(batch_size, "
            f"height, width, channels)`, but got input with incorrect rank, of shape {np.shape(x)}."
        )
    rows = np.ndim(x) - (3 if data_format == "channels_last" else 2)
    height, width = x.shape[rows], x.shape[rows + 1]
    box_height = max(min(height, int(width * size[0] / size[1])), 1)
    box_width = max(min(width, int(height * size[1] / size[0])), 1)
    top, left = (height - box_height) // 2, (width - box_width) // 2
    cut = [slice(None)] * np.ndim(x)
    cut[rows : rows + 2] = [slice(top, top + box_height), slice(left, left + box_width)]
    shape = (*x.shape[:rows], *size, *x.shape[rows + 2 :])
    resized = jax.image.resize(x[tuple(cut)], shape, interpolation, antialias=False)
    return np.asarray(resized) if isinstance(x, np.ndarray) else resized
