"""Batches of changed images out of files: a folder for each class, or a table of names."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator as Files
from typing import Any

import numpy as np

from kohort.core import settings
from kohort.preprocessing.iterators import Iterator, check_subset
from kohort.utils.image import img_to_array, load_img
from kohort.utils.printing import print_msg

_CHANNELS = {"rgba": 4, "rgb": 3, "grayscale": 1}


class _FileIterator(Iterator):
    """Reads the files `filepaths`; `class_mode` says what belongs to them."""

    allowed_class_modes: tuple[str | None, ...] = (
        "categorical", "binary", "sparse", "input", None,
    )  # fmt: skip
    sample_weight: Any = None
    class_indices: dict[str, int]
    filenames: list[str]
    filepaths: list[str]
    classes: Any = None
    labels: Any = None

    def _set(
        self, generator: Any, target_size: Any, color_mode: str, class_mode: str | None,
        subset: str | None, data_format: str | None, dtype: str | None,
        reading: dict[str, Any], saving: tuple[Any, str, str],
    ) -> None:  # fmt: skip
        """Keep what says how files are read."""
        if color_mode not in _CHANNELS:
            raise ValueError(
                f'Invalid color mode: {color_mode}; expected "rgb", "rgba", or "grayscale".'
            )
        if class_mode not in self.allowed_class_modes:
            raise ValueError(
                f"Invalid class_mode: {class_mode}; expected one of: {self.allowed_class_modes}"
            )
        check_subset(subset)
        self.image_data_generator, self.class_mode, self.subset = generator, class_mode, subset
        self.dtype = dtype or settings.floatx()
        self.data_format = settings.standardize_data_format(data_format)
        self.target_size, self.color_mode = tuple(target_size), color_mode
        self.save_to_dir, self.save_prefix, self.save_format = saving
        self._reading = {"color_mode": color_mode, "target_size": self.target_size, **reading}
        size, channels = self.target_size, (_CHANNELS[color_mode],)
        last = self.data_format == "channels_last"
        self.image_shape = (*size, *channels) if last else (*channels, *size)
        share = getattr(generator, "validation_split", 0.0)
        parts = {None: None, "validation": (0, share), "training": (share, 1)}
        self.split = parts[subset]

    def _part(self, items: Any) -> Any:
        """The subset's share of the items."""
        if self.split is None:
            return items
        return items[int(self.split[0] * len(items)) : int(self.split[1] * len(items))]

    def _read(self, path: str) -> np.ndarray:
        with load_img(path, **self._reading) as img:
            return img_to_array(img, data_format=self.data_format)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        generator = self.image_data_generator
        images = np.zeros((len(index_array), *self.image_shape), dtype=self.dtype)
        for place, number in enumerate(index_array):
            x = self._read(self.filepaths[number])
            if generator is not None:
                x = generator.standardize(generator.random_transform(x))
            images[place] = x
        self._save(images, index_array, 10**7)
        if self.class_mode is None:
            return images
        batch = (images, self._targets(images, index_array))
        weights = self.sample_weight
        return batch if weights is None else (*batch, weights[index_array])

    def _targets(self, images: np.ndarray, rows: np.ndarray) -> Any:
        if self.class_mode == "input":
            return images.copy()
        if self.class_mode == "multi_output":
            return [output[rows] for output in self.labels]
        if self.class_mode == "raw":
            return self.labels[rows]
        if self.class_mode in ("binary", "sparse"):
            return np.array([self.classes[row] for row in rows], dtype=self.dtype)
        hot = np.zeros((len(rows), len(self.class_indices)), dtype=self.dtype)
        for place, row in enumerate(rows):
            hot[place, self.classes[row]] = 1.0  # one class, or a list of them
        return hot


class DirectoryIterator(_FileIterator):
    """Batches from a folder with a folder for each class: see `flow_from_directory`."""

    def __init__(
        self, directory: Any, image_data_generator: Any, target_size: Any = (256, 256),
        color_mode: str = "rgb", classes: Any = None, class_mode: str | None = "categorical",
        batch_size: int = 32, shuffle: bool = True, seed: int | None = None,
        data_format: str | None = None, save_to_dir: Any = None, save_prefix: str = "",
        save_format: str = "png", follow_links: bool = False, subset: str | None = None,
        interpolation: str = "nearest", keep_aspect_ratio: bool = False, dtype: str | None = None,
    ) -> None:  # fmt: skip
        reading = {"interpolation": interpolation, "keep_aspect_ratio": keep_aspect_ratio}
        self._set(
            image_data_generator, target_size, color_mode, class_mode, subset, data_format, dtype,
            reading, (save_to_dir, save_prefix, save_format),
        )  # fmt: skip
        self.directory = directory
        if not classes:
            classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        self.num_classes = len(classes)
        self.class_indices = {name: number for number, name in enumerate(classes)}
        numbers: list[int] = []
        self.filenames = []
        for name in classes:
            found = self._part(list(self._files(os.path.join(directory, name), follow_links)))
            numbers += [self.class_indices[name]] * len(found)
            self.filenames += [os.path.relpath(path, directory) for path in found]
        self.classes = self.labels = np.array(numbers, dtype="int32")
        self.samples = len(self.filenames)
        self.filepaths = [os.path.join(directory, name) for name in self.filenames]
        print_msg(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _files(self, folder: str, follow_links: bool) -> Files[str]:
        """The images below a folder, folder by folder, by name."""
        for root, _, names in sorted(os.walk(folder, followlinks=follow_links)):
            for name in sorted(names):
                if name.lower().endswith(".tiff"):
                    warnings.warn(
                        'Using ".tiff" files with multiple bands will cause distortion. Please '
                        "verify your output.",
                        stacklevel=4,
                    )
                if name.lower().endswith(self.white_list_formats):
                    yield os.path.join(root, name)


class DataFrameIterator(_FileIterator):
    """Batches from the files that a pandas table names: see `flow_from_dataframe`."""

    allowed_class_modes = (
        "binary", "categorical", "input", "multi_output", "raw", "sparse", None,
    )  # fmt: skip

    def __init__(
        self, dataframe: Any, directory: Any = None, image_data_generator: Any = None,
        x_col: str = "filename", y_col: Any = "class", weight_col: str | None = None,
        target_size: Any = (256, 256), color_mode: str = "rgb", classes: Any = None,
        class_mode: str | None = "categorical", batch_size: int = 32, shuffle: bool = True,
        seed: int | None = None, data_format: str | None = "channels_last",
        save_to_dir: Any = None, save_prefix: str = "", save_format: str = "png",
        subset: str | None = None, interpolation: str = "nearest",
        keep_aspect_ratio: bool = False, dtype: str | None = "float32",
        validate_filenames: bool = True,
    ) -> None:  # fmt: skip
        reading = {"interpolation": interpolation, "keep_aspect_ratio": keep_aspect_ratio}
        self._set(
            image_data_generator, target_size, color_mode, class_mode, subset, data_format, dtype,
            reading, (save_to_dir, save_prefix, save_format),
        )  # fmt: skip
        self.directory = directory or ""
        table = dataframe.copy()
        self._check_columns(table, x_col, y_col, weight_col, classes)
        if validate_filenames:
            table = self._with_valid_names(table, x_col)
        classified = class_mode in ("binary", "categorical", "sparse")
        if classified:
            table, classes = _with_known_classes(table, y_col, classes)
            self.class_indices = {name: number for number, name in enumerate(classes)}
        table = self._part(table)
        if classified:
            self.classes = self.labels = [self._number(label) for label in table[y_col]]
        elif class_mode == "multi_output":
            self.labels = [np.array(table[column].tolist()) for column in y_col]
        elif class_mode == "raw":
            self.labels = table[y_col].to_numpy()
        self.sample_weight = table[weight_col].to_numpy() if weight_col else None
        self.filenames = table[x_col].tolist()
        self.samples = len(self.filenames)
        self.filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        kind = "validated" if validate_filenames else "non-validated"
        tail = f" belonging to {len(classes)} classes." if classified else "."
        print_msg(f"Found {self.samples} {kind} image filenames{tail}")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _number(self, label: Any) -> Any:
        if isinstance(label, (list, tuple)):
            return [self.class_indices[name] for name in label]
        return self.class_indices[label]

    def _with_valid_names(self, table: Any, x_col: str) -> Any:
        def is_image(name: str) -> bool:
            path = os.path.join(self.directory, name)
            return path.lower().endswith(self.white_list_formats) and os.path.isfile(path)

        valid = table[x_col].map(is_image).astype(bool)
        if not valid.all():
            warnings.warn(
                f'Found {(~valid).sum()} invalid image filename(s) in x_col="{x_col}". '
                "These filename(s) will be ignored.",
                stacklevel=4,
            )
        return table[valid]

    def _check_columns(
        self, table: Any, x_col: str, y_col: Any, weight_col: str | None, classes: Any
    ) -> None:
        mode = self.class_mode
        if mode == "multi_output" and not isinstance(y_col, list):
            raise TypeError(
                f'If class_mode="{mode}", y_col must be a list. Received {type(y_col).__name__}.'
            )
        if not all(isinstance(name, str) for name in table[x_col]):
            raise TypeError(f"All values in column x_col={x_col} must be strings.")
        allowed: Any = {"binary": str, "sparse": str, "categorical": (str, list, tuple)}.get(
            str(mode)
        )
        wrong = [v for v in table[y_col] if not isinstance(v, allowed)] if allowed else []
        if wrong:
            kinds = "type string, list or tuple" if mode == "categorical" else "strings"
            raise TypeError(
                f'If class_mode="{mode}", y_col="{y_col}" column values must be {kinds}. '
                f"Received: {wrong[0]!r}"
            )
        if mode == "binary":
            count = len(set(classes)) if classes else table[y_col].nunique()
            if count != 2:
                raise ValueError(
                    f'If class_mode="binary" there must be 2 classes. Found {count} classes.'
                )
        if classes and not allowed:
            warnings.warn(f'`classes` will be ignored given the class_mode="{mode}"', stacklevel=4)
        if weight_col and not issubclass(table[weight_col].dtype.type, np.number):
            raise TypeError(f"Column weight_col={weight_col} must be numeric.")


def _with_known_classes(table: Any, y_col: str, classes: Any) -> tuple[Any, list[str]]:
    """The rows that have one of the classes, and these; by default all, sorted."""
    if not classes:
        names: set[str] = set()
        for label in table[y_col]:
            names.update(label if isinstance(label, (list, tuple)) else [label])
        return table.dropna(subset=[y_col]), sorted(names)
    classes = list(dict.fromkeys(classes))

    def known(label: Any) -> Any:
        if isinstance(label, (list, tuple)):
            return [name for name in label if name in classes] or None
        return label if label in classes else None

    table = table.assign(**{y_col: table[y_col].map(known)})
    return table.dropna(subset=[y_col]), classes
