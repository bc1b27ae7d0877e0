"""Data sets of files, a folder a class: which files, which labels, and batches of them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from kohort.data.pipeline import Dataset
from kohort.utils.numerical import to_categorical
from kohort.utils.printing import print_msg

_LABEL_MODES = ("int", "categorical", "binary", None)


@dataclasses.dataclass(frozen=True)
class Request:
    """What the caller of `…_dataset_from_directory` wants of the files and labels."""

    kind: str
    """What the files hold, for messages: "image", "text" or "audio"."""
    endings: tuple[str, ...]
    directory: str
    labels: Any
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    format: str
    verbose: bool

    def batches(self, load: Callable[[str], Any], stack: Callable[[list[Any]], Any]) -> Any:
        """Return batches, or those of training and validation with `subset="both"`.

        `load` reads a file, `stack` makes a batch of what several files gave.
        """
        self.check()
        if self.labels is None or self.label_mode is None:
            request = dataclasses.replace(self, labels=None, label_mode=None)
        else:
            request = self
        files = find_files(request)
        if self.label_mode == "binary" and len(files.class_names or ()) != 2:
            raise ValueError(
                'When passing `label_mode="binary"`, there must be exactly 2 class_names. '
                f"Received: class_names={files.class_names}"
            )
        names = ("training", "validation") if self.subset == "both" else (self.subset,)
        parts = [request._part(files, name, load, stack) for name in names]
        return parts if self.subset == "both" else parts[0]

    def _part(self, files: Files, name: str | None, load: Any, stack: Any) -> Dataset:
        paths, labels = files.part(name, self.validation_split)
        if not paths:
            what = f"{name} {self.kind}" if self.subset == "both" else self.kind
            raise ValueError(
                f"No {what}{'s' if self.kind == 'image' else ' files'} found in directory "
                f"{self.directory}. Allowed formats: {self.endings}"
            )
        targets = None if labels is None else _encode(labels, self.label_mode, files.class_names)

        def gather(rows: Any) -> Any:
            if np.ndim(rows) == 0:
                data = load(paths[int(rows)])
            else:
                with ThreadPoolExecutor() as pool:
                    data = stack(list(pool.map(load, [paths[row] for row in rows])))
            return data if targets is None else (data, targets[rows])

        dataset: Any = Dataset.from_rows(gather, len(paths))
        # As in Keras, tf.data draws an order at each pass, grain one for good.
        if self.shuffle and self.format == "tf" and name != "validation":
            dataset = dataset.shuffle(len(paths), self.seed)
        if self.batch_size is not None:
            dataset = dataset.batch(self.batch_size)
        dataset.class_names, dataset.file_paths = files.class_names, paths
        return dataset

    def check(self) -> None:
        """Refuse arguments that are wrong or exclude each other."""
        if self.labels not in ("inferred", None) and not isinstance(self.labels, (list, tuple)):
            raise ValueError(
                "`labels` argument should be a list/tuple of integer labels, of the same size as "
                f"the number of {self.kind} files in the target directory. If you wish to infer "
                "the labels from the subdirectory names in the target directory, pass "
                '`labels="inferred"`; for a dataset without labels, pass `labels=None`. '
                f"Received: labels={self.labels}"
            )
        if self.class_names and self.labels != "inferred":
            raise ValueError(
                'You can only pass `class_names` if `labels="inferred"`. '
                f"Received: labels={self.labels}, and class_names={self.class_names}"
            )
        if self.label_mode not in _LABEL_MODES:
            raise ValueError(
                '`label_mode` argument must be one of "int", "categorical", "binary", or None. '
                f"Received: label_mode={self.label_mode}"
            )
        if self.format not in ("tf", "grain"):
            raise ValueError(
                f'`format` should be either "tf" or "grain". Received: format={self.format}'
            )
        self._check_split()

    def _check_split(self) -> None:
        split, subset = self.validation_split, self.subset
        if split and not 0 < split < 1:
            raise ValueError(f"`validation_split` must be between 0 and 1, received: {split}")
        if bool(split) != bool(subset):
            raise ValueError("If `subset` is set, `validation_split` must be set, and inversely.")
        if subset not in ("training", "validation", "both", None):
            raise ValueError(
                f'`subset` must be either "training", "validation" or "both", received: {subset}'
            )
        if split and self.shuffle and self.seed is None:
            raise ValueError(
                "If using `validation_split` and shuffling the data, you must provide a `seed` "
                "argument, to make sure that there is no overlap between the training and "
                "validation subset."
            )


@dataclasses.dataclass(frozen=True)
class Files:
    """Paths with their labels (whole numbers, or None) and the names of the classes."""

    paths: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None

    def part(self, subset: str | None, split: float | None) -> tuple[list[str], Any]:
        """Return the paths and labels of a subset: validation is the tail."""
        if not split:
            return self.paths, self.labels
        held = int(split * len(self.paths))
        end = len(self.paths) - held
        rows = slice(end) if subset == "training" else slice(end, None)
        count = end if subset == "training" else held
        print_msg(f"Using {count} files for {subset}.")
        return self.paths[rows], None if self.labels is None else self.labels[rows]


def find_files(request: Request) -> Files:
    """List the files, in the order of their names or in the one that the seed draws."""
    root, given = Path(request.directory), request.labels
    names = _class_names(request) if given == "inferred" else [""]
    found = [
        (path, label)
        for label, name in enumerate(names)
        for path in _walk(root / name, request.endings, request.follow_links)
    ]
    paths = [path for path, _ in found]
    labels: np.ndarray | None = None
    classes: list[str] | None = None
    if given == "inferred":
        labels, classes = np.array([label for _, label in found], "int32"), names
    elif given is not None:
        if len(given) != len(paths):
            raise ValueError(
                "Expected the lengths of `labels` to match the number of files in the target "
                f"directory. len(labels) is {len(given)} while we found {len(paths)} files in "
                f"directory {root}."
            )
        labels, classes = np.asarray(given, "int32"), [str(x) for x in sorted(set(given))]
    if request.verbose:
        belonging = "" if classes is None else f" belonging to {len(classes)} classes"
        print_msg(f"Found {len(paths)} files{belonging}.")
    if request.shuffle:
        seed = np.random.randint(1_000_000) if request.seed is None else request.seed
        order = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(order)
        paths = [paths[i] for i in order]
        labels = labels if labels is None else labels[order]
    return Files(paths, labels, classes)


def _class_names(request: Request) -> list[str]:
    """The folders inside, in the order that the caller gave or in that of their names."""
    folders = sorted(
        entry.name
        for entry in os.scandir(request.directory)
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if request.class_names is None:
        return folders
    if not set(request.class_names) <= set(folders):
        raise ValueError(
            "The `class_names` passed did not match the names of the subdirectories of the target "
            f"directory. Expected: {folders} (or a subset of it), but received: "
            f"class_names={request.class_names}"
        )
    return list(request.class_names)


def _walk(folder: Path, endings: tuple[str, ...], follow_links: bool) -> Iterator[str]:
    for place, _, names in sorted(os.walk(folder, followlinks=follow_links)):
        yield from (
            os.path.join(place, name) for name in sorted(names) if name.lower().endswith(endings)
        )


def _encode(labels: np.ndarray, mode: str | None, class_names: list[str] | None) -> np.ndarray:
    if mode == "binary":
        return labels.astype("float32")[:, None]
    if mode == "categorical":
        return to_categorical(labels, len(class_names or ())).astype("float32")
    return labels
