"""A folder for each class, of images or of texts, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kohort.workflow.failure import WorkflowError
from kohort.workflow.table import Column, Table, matrix_columns

IMAGES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".webp"})
TEXTS = frozenset({".txt"})
LARGEST = 64
"""Pixels of an image's longer side: larger images are scaled down to it."""

Row = tuple[Path, str]


def read_folder(path: Path) -> Table:
    """A table of the files in `path/CLASS/…`, or in `path/train/CLASS/…` and `path/test/CLASS/…`.

    The files are images, brought to one size, or texts; the class is the folder's name.
    """
    parts = [path / "train", path / "test"]
    if not all(part.is_dir() for part in parts):
        parts = [path]
    rows = [_rows(part) for part in parts]
    given = len(rows[1]) if len(rows) > 1 else 0
    files = [file for part in rows for file, _ in part]
    classes = np.array([name for part in rows for _, name in part], dtype=object)
    targets = [Column("class", "category", classes)]
    notes: list[str] = []
    if _kind(path, files) is TEXTS:
        return Table(str(path), [text_column(files)], targets, given, notes=notes)
    x, kept = images(files, None, notes)
    targets = [targets[0].take(kept)]
    given = int(np.sum(kept >= len(files) - given))
    return Table(str(path), matrix_columns(x, None, notes), targets, given, x.shape[1:], notes)


def read_files(path: Path, shape: Sequence[int] | None) -> list[Column]:
    """The input columns of the files in a folder (and below it); images get the shape `shape`."""
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in IMAGES | TEXTS)
    if _kind(path, files) is TEXTS:
        return [text_column(files)]
    notes: list[str] = []
    x, kept = images(files, shape, notes)
    if len(kept) < len(files):
        raise WorkflowError("Each image must be readable.", notes[0], "take it out of the folder")
    return matrix_columns(x, None, notes)


def _rows(folder: Path) -> list[Row]:
    """Files and classes, in the order of their names."""
    rows = [
        (file, part.name)
        for part in sorted(folder.iterdir())
        if part.is_dir() and not part.name.startswith(".")
        for file in sorted(part.iterdir())
        if file.suffix.lower() in IMAGES | TEXTS
    ]
    if len({name for _, name in rows}) < 2:
        raise WorkflowError(
            "A folder must hold a folder for each class, with images or .txt files in it.",
            f"{folder} with {len({name for _, name in rows})} such folders",
            "sort the files into folders that are named after their classes",
        )
    return rows


def _kind(path: Path, files: Sequence[Path]) -> frozenset[str]:
    counts = Counter(file.suffix.lower() in TEXTS for file in files)
    if len(counts) != 1:
        raise WorkflowError(
            "A folder must hold images, or texts.",
            f"{counts[False]} images and {counts[True]} texts in {path}",
            "keep the two apart" if files else "check the path",
        )
    return TEXTS if True in counts else IMAGES


def text_column(files: Sequence[Path]) -> Column:
    """The texts of the files, as one column."""
    texts = np.full(len(files), None, dtype=object)
    for i, file in enumerate(files):
        texts[i] = file.read_text(encoding="utf-8", errors="replace").strip() or None
    return Column("text", "category", texts)


def images(
    files: Sequence[Path], shape: Sequence[int] | None, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """The images as `(images, height, width, channels)`, uint8, and which files could be read.

    Args:
        shape: (height, width, channels); None takes what most images have, scaled down where
            that is large.
    """
    from PIL import Image, UnidentifiedImageError

    read: list[Any] = []
    kept: list[int] = []
    for i, file in enumerate(files):
        try:
            with Image.open(file) as image:
                grey = image.mode in ("1", "L", "I", "I;16", "LA")
                read.append(image.convert("L" if grey else "RGB"))
                kept.append(i)
        except (UnidentifiedImageError, OSError) as error:
            if len(kept) == i:  # the first that cannot be read
                notes.append(f"{file} is no readable image ({error}); such files are left out.")
    if not read:
        raise WorkflowError("A folder must hold images.", f"{len(files)} unreadable files")
    height, width, channels = shape or _common_shape(read, notes)
    mode = "L" if channels == 1 else "RGB"
    out = np.empty((len(read), height, width, channels), "uint8")
    for i, image in enumerate(read):
        fitted = image.convert(mode)
        if fitted.size != (width, height):
            fitted = fitted.resize((width, height), Image.Resampling.BILINEAR)
        out[i] = np.asarray(fitted).reshape(height, width, channels)
    return out, np.array(kept)


def _common_shape(read: Sequence[Any], notes: list[str]) -> tuple[int, int, int]:
    sizes = Counter(image.size for image in read)
    width, height = sizes.most_common(1)[0][0]
    scale = min(1.0, LARGEST / max(width, height))
    shape = max(1, round(height * scale)), max(1, round(width * scale))
    if len(sizes) > 1 or scale < 1:
        notes.append(
            f"{len(read)} images of {len(sizes)} size(s), most of them {width} x {height}, "
            f"were brought to {shape[1]} x {shape[0]} pixels."
        )
    return (*shape, 1 if all(image.mode == "L" for image in read) else 3)
