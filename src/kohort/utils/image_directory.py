"""image_dataset_from_directory: pictures in folders as batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kohort.core import settings
from kohort.utils.directory import Request
from kohort.utils.image import img_to_array, load_img
from kohort.utils.resample import KERNELS, crop_to_shape, pad_to_shape, resample

_ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_COLORS = ("rgb", "rgba", "grayscale")


def image_dataset_from_directory(
    directory: str,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: Any = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Give the pictures of a folder as batches, with labels from the names of its folders.

    Args:
        directory: the folder; with `labels="inferred"` it has a folder for each class.
        labels: "inferred", None, or a list of whole numbers in the order of the file names.
        label_mode: "int" gives `(batch,)`, "binary" `(batch, 1)`, "categorical"
            `(batch, classes)`, None no labels.
        class_names: the classes and their order.
        color_mode: "rgb", "rgba" or "grayscale": 3, 4 or 1 channels.
        batch_size: None gives single pictures.
        image_size: height and width to which all are resized.
        shuffle: whether the order is drawn, anew at each pass unless `format` is "grain".
        seed: makes the order the same in each run.
        validation_split: the part to hold back: the tail.
        subset: "training", "validation", or "both" for a list of both.
        interpolation: bilinear, nearest, bicubic, area, lanczos3, lanczos5, gaussian or
            mitchellcubic.
        follow_links: whether to look into linked folders.
        crop_to_aspect_ratio: cut the sides first, so that nothing is distorted.
        pad_to_aspect_ratio: add black at the sides first, so that nothing is distorted.
        data_format: channels_last or channels_first.
        format: "tf" or "grain"; neither is needed.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        Batches of float32 in 0 .. 255, `(batch, height, width, channels)`, that can be iterated
        over again and again, with `class_names` and `file_paths`.

    >>> import pathlib, tempfile
    >>> from kohort.utils.image import save_img
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> save_img(folder / "1.png", np.zeros((9, 5, 3)))
    >>> next(iter(image_dataset_from_directory(folder, labels=None, image_size=(6, 4)))).shape
    Found 1 files.
    (1, 6, 4, 3)

    Source: `keras.utils.image_dataset_from_directory`.
    """
    request = Request(
        "image", _ENDINGS, str(directory), labels, label_mode, class_names, batch_size, shuffle,
        seed, validation_split, subset, follow_links, format, verbose,
    )  # fmt: skip
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    interpolation = interpolation.lower()
    _check(color_mode, size, interpolation, crop_to_aspect_ratio and pad_to_aspect_ratio)
    channels_first = settings.standardize_data_format(data_format) == "channels_first"

    def load(path: str) -> np.ndarray:
        x = img_to_array(load_img(path, color_mode), "channels_last", "float32")
        if crop_to_aspect_ratio:
            x = crop_to_shape(x, size)
        elif pad_to_aspect_ratio:
            x = pad_to_shape(x, size)
        x = resample(x, size, interpolation)
        return x.transpose(2, 0, 1) if channels_first else x

    return request.batches(load, np.stack)


def _check(color_mode: str, size: Any, interpolation: str, crop_and_pad: bool) -> None:
    if color_mode not in _COLORS:
        raise ValueError(
            '`color_mode` must be one of {"rgb", "rgba", "grayscale"}. '
            f"Received: color_mode={color_mode}"
        )
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise ValueError(
            "Invalid `image_size` value. Expected a tuple of 2 integers. "
            f"Received: image_size={size}"
        )
    if interpolation not in KERNELS:
        raise ValueError(
            f"Argument `interpolation` should be one of {tuple(KERNELS)}. "
            f"Received: interpolation={interpolation}"
        )
    if crop_and_pad:
        raise ValueError(
            "Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`."
        )
