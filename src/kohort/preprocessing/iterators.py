"""Batches of changed images: the base, and those from arrays."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator as Indices
from typing import Any

import numpy as np

from kohort.core import settings
from kohort.utils.image import array_to_img
from kohort.utils.pydataset import PyDataset


class Iterator(PyDataset):
    """Endless batches, and batches by number for `fit`.

    A subclass says in `_get_batches_of_transformed_samples` what the batch of these rows is.

    Args:
        n: how many samples there are.
        batch_size: how many are in a batch.
        shuffle: whether each round has an order of its own.
        seed: with the number of batches seen, the seed of NumPy's global generator for each batch.
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")
    save_to_dir: Any = None
    save_prefix: str = ""
    save_format: str = "png"
    data_format: str

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n, self.batch_size, self.shuffle, self.seed = n, batch_size, shuffle, seed
        self.batch_index = self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array: Any = None
        self.index_generator = self._flow_index()

    def _set_index_array(self) -> None:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _count_batch(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1

    def __getitem__(self, index: int) -> Any:
        if index >= len(self):
            raise ValueError(
                f"Asked to retrieve element {index}, but the Sequence has length {len(self)}"
            )
        self._count_batch()
        if self.index_array is None:
            self._set_index_array()
        rows = self.index_array[self.batch_size * index : self.batch_size * (index + 1)]
        return self._get_batches_of_transformed_samples(rows)

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def on_epoch_end(self) -> None:
        """Draw the order of the next round."""
        self._set_index_array()

    def reset(self) -> None:
        """Begin at the first batch."""
        self.batch_index = 0

    def _flow_index(self) -> Indices[np.ndarray]:
        self.reset()
        while True:
            self._count_batch()
            if self.batch_index == 0:
                self._set_index_array()
            start = (self.batch_index * self.batch_size) % self.n if self.n else 0
            self.batch_index = self.batch_index + 1 if self.n > start + self.batch_size else 0
            yield self.index_array[start : start + self.batch_size]

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        with self.lock:
            rows = next(self.index_generator)
        return self._get_batches_of_transformed_samples(rows)  # several threads may do this

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not say how a batch is made.")

    def _save(self, images: np.ndarray, index_array: np.ndarray, most: int) -> None:
        """Write the images of a batch to `save_to_dir`, if there is one."""
        if not self.save_to_dir:
            return
        for image, number in zip(images, index_array, strict=True):
            tag = np.random.randint(most)
            name = f"{self.save_prefix}_{number}_{tag}.{self.save_format}"
            path = os.path.join(self.save_to_dir, name)
            array_to_img(image, self.data_format, scale=True).save(path)


def check_subset(subset: str | None) -> None:
    """Refuse other names than Keras's two."""
    if subset not in (None, "training", "validation"):
        raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation".')


class NumpyArrayIterator(Iterator):
    """Batches from arrays: see `ImageDataGenerator.flow`.

    `x` may be a pair of the images and further arrays, which are passed on as they are.
    """

    def __init__(
        self, x: Any, y: Any, image_data_generator: Any, batch_size: int = 32,
        shuffle: bool = False, sample_weight: Any = None, seed: int | None = None,
        data_format: str | None = None, save_to_dir: Any = None, save_prefix: str = "",
        save_format: str = "png", subset: str | None = None, ignore_class_split: bool = False,
        dtype: str | None = None,
    ) -> None:  # fmt: skip
        self.dtype = dtype or settings.floatx()
        self.data_format = settings.standardize_data_format(data_format)
        x, *more = _flat(x)
        for name, array in [("x", a) for a in more] + [("y", y), ("sample_weight", sample_weight)]:
            if array is not None and len(array) != len(x):
                raise ValueError(
                    f"`x` (images tensor) and `{name}` should have the same length. "
                    f"Found: x.shape = {np.shape(x)}, {name}.shape = {np.shape(array)}"
                )
        check_subset(subset)
        if subset is not None:
            at = int(len(x) * image_data_generator.validation_split)
            if y is not None and not ignore_class_split:
                _check_classes(y[:at], y[at:])
            kept = slice(at) if subset == "validation" else slice(at, None)
            x, more, y = x[kept], [a[kept] for a in more], None if y is None else y[kept]
            sample_weight = None if sample_weight is None else np.asarray(sample_weight)[kept]
        self.x, self.x_misc = np.asarray(x, dtype=self.dtype), more
        self._check_rank()
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self.image_data_generator = image_data_generator
        self.save_to_dir, self.save_prefix = save_to_dir, save_prefix
        self.save_format = save_format
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _check_rank(self) -> None:
        shape = self.x.shape
        if len(shape) != 4:
            raise ValueError(
                "Input data in `NumpyArrayIterator` should have rank 4. "
                f"You passed an array with shape {shape}"
            )
        axis = 3 if self.data_format == "channels_last" else 1
        if shape[axis] not in (1, 3, 4):
            warnings.warn(
                f'NumpyArrayIterator is set to use the data format convention "{self.data_format}" '
                f"(channels on axis {axis}), i.e. expected either 1, 3, or 4 channels on axis "
                f"{axis}. However, it was passed an array with shape {shape} ({shape[axis]} "
                "channels).",
                stacklevel=4,
            )

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        generator = self.image_data_generator
        images = np.zeros((len(index_array), *self.x.shape[1:]), dtype=self.dtype)
        for place, number in enumerate(index_array):
            images[place] = generator.standardize(generator.random_transform(self.x[number]))
        self._save(images, index_array, 10**4)
        inputs = [images, *(a[index_array] for a in self.x_misc)] if self.x_misc else images
        if self.y is None:
            return inputs
        batch = (inputs, self.y[index_array])
        weights = self.sample_weight
        return batch if weights is None else (*batch, weights[index_array])


def _flat(x: Any) -> list[Any]:
    """The images, and further arrays where `x` is (images, array or list of them)."""
    if not isinstance(x, (tuple, list)):
        return [x]
    more = x[1] if isinstance(x[1], list) else [x[1]]
    return [x[0], *map(np.asarray, more)]


def _check_classes(first: Any, rest: Any) -> None:
    if not np.array_equal(np.unique(first), np.unique(rest)):
        raise ValueError(
            "Training and validation subsets have different number of classes after the split. If "
            "your numpy arrays are sorted by the label, you might want to shuffle them. "
            f"Received: classes {np.unique(first)} and {np.unique(rest)}"
        )
