"""text_dataset_from_directory: texts in folders as batches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kohort.utils.directory import Request


def text_dataset_from_directory(
    directory: str,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Give the `.txt` files of a folder as batches, with labels from the names of its folders.

    Args:
        directory: the folder; with `labels="inferred"` it has a folder for each class.
        labels: "inferred", None, or a list of whole numbers in the order of the file names.
        label_mode: "int" gives `(batch,)`, "binary" `(batch, 1)`, "categorical"
            `(batch, classes)`, None no labels.
        class_names: the classes and their order.
        batch_size: None gives single texts.
        max_length: the number of bytes to keep of each text.
        shuffle: whether the order is drawn, anew at each pass unless `format` is "grain".
        seed: makes the order the same in each run.
        validation_split: the part to hold back: the tail.
        subset: "training", "validation", or "both" for a list of both.
        follow_links: whether to look into linked folders.
        format: "tf" gives texts as an array of objects, "grain" as a list; neither is needed.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        Batches that can be iterated over again and again, with `class_names` and `file_paths`.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("bad", "good"):
    ...     (folder / name).mkdir()
    ...     _ = (folder / name / "1.txt").write_text(f"a {name} film")
    >>> batches = text_dataset_from_directory(folder, shuffle=False, verbose=False)
    >>> for texts, classes in batches:
    ...     print(texts.tolist(), classes.tolist(), batches.class_names)
    ['a bad film', 'a good film'] [0, 1] ['bad', 'good']

    Source: `keras.utils.text_dataset_from_directory`.
    """
    request = Request(
        "text", (".txt",), str(directory), labels, label_mode, class_names, batch_size, shuffle,
        seed, validation_split, subset, follow_links, format, verbose,
    )  # fmt: skip

    def load(path: str) -> str:
        return Path(path).read_bytes()[:max_length].decode("utf-8", errors="ignore")

    return request.batches(load, _objects if format == "tf" else list)


def _objects(texts: list[str]) -> np.ndarray:
    return np.array(texts, dtype=object)
