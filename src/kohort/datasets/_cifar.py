"""Reading of the CIFAR files, from the archive or a folder."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from kohort.core import settings
from kohort.datasets._cache import Pair, locate
from kohort.datasets._npz import RestrictedUnpickler

_ORIGIN = "https://www.cs.toronto.edu/~kriz/"


def load_batches(
    folder: str, archive: str, sha256: str, names: list[str], label_key: str
) -> list[Pair]:
    """Images `(n, 32, 32, 3)` (or channels first, by the setting) and labels `(n, 1)` of batches.

    The data is taken from where it lies: `folder` as it is in the archive, Keras's two layouts
    of it, or the archive, which is read without unpacking.
    """
    path = locate(
        archive,
        _ORIGIN + archive,
        sha256,
        alternatives=[
            folder, f"{folder}-target/{folder}", f"{folder}-target_archive", f"{folder}.tar.gz",
        ],
    )  # fmt: skip
    if path.is_dir():
        batches = [_unpickle((path / name).read_bytes()) for name in names]
    else:
        batches = _read_archive(path, [f"{folder}/{name}" for name in names])
    return [_arrays(batch, label_key.encode()) for batch in batches]


def _read_archive(path: Path, names: list[str]) -> list[dict[bytes, Any]]:
    found = {}
    try:
        with tarfile.open(path) as tar:
            for member in tar:  # in the file's order: to seek in a packed file is slow
                file = tar.extractfile(member) if member.name in names else None
                if file is not None:
                    found[member.name] = _unpickle(file.read())
        return [found[name] for name in names]
    except (tarfile.TarError, EOFError, KeyError) as error:
        raise ValueError(
            f"The data set file {path} is damaged. Received: {error!r}. Delete it and try again."
        ) from error


def _unpickle(data: bytes) -> dict[bytes, Any]:
    return RestrictedUnpickler(io.BytesIO(data), encoding="bytes").load()


def _arrays(batch: dict[bytes, Any], label_key: bytes) -> Pair:
    images = np.asarray(batch[b"data"], dtype="uint8").reshape(-1, 3, 32, 32)
    if settings.image_data_format() == "channels_last":
        images = images.transpose(0, 2, 3, 1)
    return images, np.array(batch[label_key]).reshape(-1, 1)
