"""Where the files of data sets lie, and their download."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from kohort.utils.files import download

KERAS_FILES = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

Pair: TypeAlias = tuple[np.ndarray, np.ndarray]
Split: TypeAlias = tuple[Pair, Pair]


def home() -> Path:
    """Kohort's own folder for data sets, `~/.kohort/datasets`."""
    return Path("~/.kohort/datasets").expanduser()


def folders() -> list[Path]:
    """The folders to look in: those of `$KOHORT_DATA`, Kohort's own, Keras's."""
    named = os.environ.get("KOHORT_DATA", "").split(os.pathsep)
    keras = os.environ.get("KERAS_HOME") or "~/.keras"
    found = [Path(name).expanduser() for name in named if name]
    return [*found, home(), Path(keras).expanduser() / "datasets"]


def find(names: Sequence[str]) -> Path | None:
    """The first of `names` (files or folders) that exists, or None."""
    for folder in folders():
        for name in names:
            path = folder / name
            if path.exists():
                return path
    return None


def locate(name: str, origin: str, file_hash: str | None, alternatives: Sequence[str] = ()) -> Path:
    """The path of a data set's file, downloaded from `origin` if it lies nowhere yet.

    `name` is relative to the folders, or the path of a file. `alternatives` are other names under
    which the same data may lie. Only a download is checked against `file_hash`: copies that the
    user has placed may be packed differently.
    """
    path = find([name, *alternatives])
    if path is None and os.path.exists(os.path.expanduser(name)):
        path = Path(name).expanduser()
    if path is not None:
        return path
    target = home() / (Path(name).name if os.path.isabs(os.path.expanduser(name)) else name)
    try:
        download(origin, str(target), file_hash)
    except (OSError, ValueError) as error:
        raise FileNotFoundError(_not_found(name, origin, error)) from error
    return target


def _not_found(name: str, origin: str, error: Exception) -> str:
    places = "\n".join(f"  - {folder}" for folder in folders())
    return (
        f"The data set file '{name}' is not on this machine and could not be downloaded.\n"
        f"Looked in:\n{places}\n"
        f"Tried to download: {origin}\n"
        f"Received: {error}\n"
        "What to do:\n"
        f"  1. Download {origin} on a machine with a network and put it into one of the folders "
        f"above as '{name}', or\n"
        "  2. set the environment variable KOHORT_DATA to a folder that holds it, or\n"
        "  3. use a set that needs no file: digits, breast_cancer, wine, diabetes or iris."
    )
