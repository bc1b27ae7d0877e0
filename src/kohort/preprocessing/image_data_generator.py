"""ImageDataGenerator: images changed at random on the host, as scripts for Keras 2 do it."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from kohort.core import settings
from kohort.preprocessing.affine import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    zoom_factors,
)
from kohort.preprocessing.file_iterators import DataFrameIterator, DirectoryIterator
from kohort.preprocessing.iterators import NumpyArrayIterator


@dataclasses.dataclass(eq=False)
class ImageDataGenerator:
    """Batches of images, turned, shifted, zoomed … at random and standardised.

    Random numbers come from NumPy's global generator, in the order of Keras 2: equal seeds give
    equal images. New code has the layers `RandomFlip`, `RandomRotation` … instead, which run in
    the compiled program and travel with the model.

    Args:
        featurewise_center, featurewise_std_normalization: subtract the mean of each channel over
            the data set, divide by its standard deviation; both need `fit`.
        samplewise_center, samplewise_std_normalization: the same for each image by itself.
        zca_whitening, zca_epsilon: decorrelate the pixels; needs `fit`.
        rotation_range, shear_range: degrees.
        width_shift_range, height_shift_range: a share below 1, pixels, or a list of pixels.
        brightness_range: a pair of factors.
        zoom_range: 0.2 means 0.8 to 1.2; or a pair.
        channel_shift_range: what is added to all pixels.
        fill_mode, cval: what lies outside: constant (`cval`), nearest, reflect or wrap.
        horizontal_flip, vertical_flip: whether to mirror half of the images.
        rescale: a factor for all values, after the changes.
        preprocessing_function: from an image to one of the same shape, after the changes.
        data_format: channels_last or channels_first.
        validation_split: the share for `subset="validation"`.
        interpolation_order: of the spline between pixels.
        dtype: the dtype of the images.

    >>> generator = ImageDataGenerator(rescale=0.5, horizontal_flip=True)
    >>> x, y = next(generator.flow(np.ones((4, 2, 2, 1)), np.arange(4), batch_size=2, seed=1))
    >>> x.shape, float(x.max()), y.tolist()
    ((2, 2, 2, 1), 0.5, [3, 2])
    """

    featurewise_center: bool = False
    samplewise_center: bool = False
    featurewise_std_normalization: bool = False
    samplewise_std_normalization: bool = False
    zca_whitening: bool = False
    zca_epsilon: float = 1e-6
    rotation_range: float = 0
    width_shift_range: Any = 0.0
    height_shift_range: Any = 0.0
    brightness_range: Any = None
    shear_range: float = 0.0
    zoom_range: Any = 0.0
    channel_shift_range: float = 0.0
    fill_mode: str = "nearest"
    cval: float = 0.0
    horizontal_flip: bool = False
    vertical_flip: bool = False
    rescale: float | None = None
    preprocessing_function: Callable[[np.ndarray], np.ndarray] | None = None
    data_format: Any = None
    validation_split: float = 0.0
    interpolation_order: int = 1
    dtype: Any = None

    def __post_init__(self) -> None:
        self.data_format = settings.standardize_data_format(self.data_format)
        last = self.data_format == "channels_last"
        self.row_axis, self.col_axis, self.channel_axis = (1, 2, 3) if last else (2, 3, 1)
        self.dtype = self.dtype or settings.floatx()
        if self.validation_split and not 0 < self.validation_split < 1:
            raise ValueError(
                "`validation_split` must be strictly between 0 and 1. "
                f"Received: {self.validation_split}"
            )
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None
        zoom = self.zoom_range
        if isinstance(zoom, (float, int)):
            self.zoom_range = [1 - zoom, 1 + zoom]
        elif len(zoom) != 2 or not all(isinstance(v, (float, int)) for v in zoom):
            raise ValueError(
                f"`zoom_range` should be a float or a tuple or list of two floats. Received: {zoom}"
            )
        bright = self.brightness_range
        if bright is not None and (not isinstance(bright, (tuple, list)) or len(bright) != 2):
            raise ValueError(
                f"`brightness_range` should be tuple or list of two floats. Received: {bright}"
            )
        if self.zca_whitening:
            self._override("zca_whitening", "featurewise_center", True)
            self._override("zca_whitening", "featurewise_std_normalization", False)
        for kind in ("featurewise", "samplewise"):
            if getattr(self, f"{kind}_std_normalization"):
                self._override(f"{kind}_std_normalization", f"{kind}_center", True)

    def _override(self, why: str, name: str, value: bool) -> None:
        if getattr(self, name) != value:
            setattr(self, name, value)
            warnings.warn(
                f"This ImageDataGenerator specifies `{why}`, which overrides setting of `{name}`.",
                stacklevel=5,
            )

    # ---- batches

    def flow(
        self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = True,
        sample_weight: Any = None, seed: int | None = None, save_to_dir: Any = None,
        save_prefix: str = "", save_format: str = "png", ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:  # fmt: skip
        """Return endless batches of `x` (images), `y` and `sample_weight`.

        `save_to_dir` gets a copy of each image as a file.
        """
        return NumpyArrayIterator(
            x, y, self, batch_size, shuffle, sample_weight, seed, self.data_format, save_to_dir,
            save_prefix, save_format, subset, ignore_class_split, self.dtype,
        )  # fmt: skip

    def flow_from_directory(
        self, directory: Any, target_size: Any = (256, 256), color_mode: str = "rgb",
        classes: Any = None, class_mode: str | None = "categorical", batch_size: int = 32,
        shuffle: bool = True, seed: int | None = None, save_to_dir: Any = None,
        save_prefix: str = "", save_format: str = "png", follow_links: bool = False,
        subset: str | None = None, interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:  # fmt: skip
        """Return endless batches of the images in a folder that has a folder for each class.

        `class_mode`: categorical (one-hot), binary, sparse (numbers), input (the images), None.
        """
        return DirectoryIterator(
            directory, self, target_size, color_mode, classes, class_mode, batch_size, shuffle,
            seed, self.data_format, save_to_dir, save_prefix, save_format, follow_links, subset,
            interpolation, keep_aspect_ratio, self.dtype,
        )  # fmt: skip

    def flow_from_dataframe(
        self, dataframe: Any, directory: Any = None, x_col: str = "filename",
        y_col: Any = "class", weight_col: str | None = None, target_size: Any = (256, 256),
        color_mode: str = "rgb", classes: Any = None, class_mode: str | None = "categorical",
        batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
        save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
        subset: str | None = None, interpolation: str = "nearest",
        validate_filenames: bool = True, **kwargs: Any,
    ) -> DataFrameIterator:  # fmt: skip
        """Return endless batches of the images that a pandas table names.

        `class_mode` as in `flow_from_directory`, or raw (the values of `y_col`), multi_output (a
        list of arrays, one for each of the columns `y_col`).
        """
        unknown = kwargs.keys() - {"has_ext", "sort", "drop_duplicates"}  # of older versions
        if unknown:
            raise TypeError(f"flow_from_dataframe() got unknown arguments: {sorted(unknown)}")
        class_mode = "raw" if class_mode == "other" else class_mode
        return DataFrameIterator(
            dataframe, directory, self, x_col, y_col, weight_col, target_size, color_mode, classes,
            class_mode, batch_size, shuffle, seed, self.data_format, save_to_dir, save_prefix,
            save_format, subset, interpolation, False, self.dtype, validate_filenames,
        )  # fmt: skip

    # ---- single images

    def get_random_transform(self, img_shape: Any, seed: int | None = None) -> dict[str, Any]:
        """Return what `apply_transform` does to an image of this shape, drawn at random."""
        if seed is not None:
            np.random.seed(seed)
        drawn: dict[str, Any] = {"theta": _either_way(self.rotation_range)}
        drawn["tx"] = _shift(self.height_shift_range, img_shape[self.row_axis - 1])
        drawn["ty"] = _shift(self.width_shift_range, img_shape[self.col_axis - 1])
        drawn["shear"] = _either_way(self.shear_range)
        drawn["zx"], drawn["zy"] = zoom_factors(self.zoom_range)
        drawn["flip_horizontal"] = (np.random.random() < 0.5) * self.horizontal_flip
        drawn["flip_vertical"] = (np.random.random() < 0.5) * self.vertical_flip
        shift, bright = self.channel_shift_range, self.brightness_range
        drawn["channel_shift_intensity"] = _either_way(shift) if shift != 0 else None
        drawn["brightness"] = None if bright is None else np.random.uniform(*bright)
        return drawn

    def apply_transform(self, x: np.ndarray, transform_parameters: dict[str, Any]) -> np.ndarray:
        """Return a changed image (three axes); what is not in the parameters stays."""
        given = transform_parameters
        row, column, channel = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        names = ("theta", "tx", "ty", "shear", "zx", "zy")
        x = apply_affine_transform(
            x, **{name: given[name] for name in names if name in given}, row_axis=row,
            col_axis=column, channel_axis=channel, fill_mode=self.fill_mode, cval=self.cval,
            order=self.interpolation_order,
        )  # fmt: skip
        if given.get("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, given["channel_shift_intensity"], channel)
        if given.get("flip_horizontal", False):
            x = np.flip(x, column)
        if given.get("flip_vertical", False):
            x = np.flip(x, row)
        if given.get("brightness") is not None:
            x = apply_brightness_shift(x, given["brightness"], False)
        return x

    def random_transform(self, x: np.ndarray, seed: int | None = None) -> np.ndarray:
        """Return an image, changed at random."""
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Return images, rescaled and standardised; the array itself is left as it was."""
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        if self.rescale:
            x = x * float(self.rescale)
        if self.samplewise_center:
            x = x - np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x = x / (np.std(x, keepdims=True) + 1e-6)
        if self._is_fit("featurewise_center", "mean"):
            x = x - self.mean
        if self._is_fit("featurewise_std_normalization", "std"):
            x = x / (self.std + 1e-6)
        if self._is_fit("zca_whitening", "zca_whitening_matrix"):
            flat = x.reshape(-1, math.prod(x.shape[-3:]))
            x = (flat @ self.zca_whitening_matrix).reshape(x.shape)
        return x

    def _is_fit(self, option: str, name: str) -> bool:
        """Whether to apply what `fit` has learned; a warning where it was not called."""
        if getattr(self, option) and getattr(self, name) is None:
            warnings.warn(
                f"This ImageDataGenerator specifies `{option}`, but it hasn't been fit on any "
                "training data. Fit it first by calling `.fit(numpy_data)`.",
                stacklevel=4,
            )
        return getattr(self, option) and getattr(self, name) is not None

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Learn mean, standard deviation and whitening from images, as far as they are asked for.

        With `augment`, from `rounds` changed copies of each.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            raise ValueError(
                f"Input to `.fit()` should have rank 4. Got array with shape: {x.shape}"
            )
        if x.shape[self.channel_axis] not in (1, 3, 4):
            warnings.warn(
                "Expected input to be images (as Numpy array) following the data format convention "
                f'"{self.data_format}" (channels on axis {self.channel_axis}), i.e. expected '
                f"either 1, 3 or 4 channels. However, it was passed an array with shape {x.shape}.",
                stacklevel=2,
            )
        if seed is not None:
            np.random.seed(seed)
        if self.rescale:
            x *= self.rescale
        if augment:
            changed = [self.random_transform(image) for _ in range(rounds) for image in x]
            x = np.stack(changed).astype(self.dtype)
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            self.mean = np.mean(x, axis=axes, keepdims=True)[0]
            x = x - self.mean
        if self.featurewise_std_normalization:
            self.std = np.std(x, axis=axes, keepdims=True)[0]
            x = x / (self.std + 1e-6)
        if self.zca_whitening:
            u, s, _ = np.linalg.svd(x.reshape(len(x), -1).T, full_matrices=False)
            self.zca_whitening_matrix = (u * (np.sqrt(len(x)) / (s + self.zca_epsilon))) @ u.T


def _either_way(most: float) -> float:
    return np.random.uniform(-most, most) if most else 0


def _shift(most: Any, size: int) -> float:
    """Pixels to shift by, from a share, a number or a list of numbers of pixels."""
    if np.ndim(most) == 0 and not most:
        return 0
    try:
        shift = np.random.choice(most)
        shift *= np.random.choice([-1, 1])
    except ValueError:  # a float
        shift = np.random.uniform(-most, most)
    return shift * size if np.max(most) < 1 else shift
