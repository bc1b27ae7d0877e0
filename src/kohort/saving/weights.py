"""Weights alone: `.weights.h5`, `.weights.json` (several files), or out of a `.keras` file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kohort.saving import legacy_h5
from kohort.saving.archive import WEIGHTS, open_archive, read_member
from kohort.saving.atomic import atomic_file, may_write
from kohort.saving.h5 import H5Source, open_h5, write_h5
from kohort.saving.shards import open_shards, write_shards
from kohort.saving.state import Source, collect, restore


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    objects_to_skip: Iterable[Any] | None = None,
) -> None:
    """Save the weights of a model, and the state of its optimiser, as `.weights.h5`.

    Args:
        model: the model; it must be built.
        filepath: a path that ends in `.weights.h5` (`.weights.json` with `max_shard_size`).
        overwrite: whether an existing file may be replaced without asking.
        max_shard_size: gigabytes per file, to write several.
        objects_to_skip: layers and the like to leave out.

    >>> from kohort import layers, models
    >>> model = models.Sequential([layers.Input((3,)), layers.Dense(1)])
    >>> save_weights(model, "a.weights.h5"); load_weights(model, "a.weights.h5")
    """
    name = str(filepath)
    if max_shard_size is None and not name.endswith(".weights.h5"):
        raise ValueError(f"The filename must end in `.weights.h5`. Received: filepath={name}")
    if max_shard_size is not None and not name.endswith(("weights.h5", "weights.json")):
        raise ValueError(
            "The filename must end in `.weights.json` when `max_shard_size` is specified. "
            f"Received: filepath={name}"
        )
    if not model.built:
        raise ValueError(
            "You are saving a model that has not yet been built. Try building the model first by "
            "calling it on some data or by using `build()`."
        )
    if not may_write(filepath, overwrite):
        return
    state = collect(model, skip=objects_to_skip or ())
    if max_shard_size is not None:
        write_shards(Path(filepath).with_suffix(".json"), state, max_shard_size)
        return
    with atomic_file(filepath) as draft:
        write_h5(draft, state)


def load_weights(
    model: Any,
    filepath: Any,
    skip_mismatch: bool = False,
    objects_to_skip: Iterable[Any] | None = None,
    by_name: bool | None = None,
    **kwargs: Any,
) -> None:
    """Load weights into a model. Where something does not fit, nothing is changed.

    Args:
        model: the model; it must be built.
        filepath: a `.weights.h5`, `.weights.json`, `.keras` or legacy `.h5` file.
        skip_mismatch: load what fits and warn about the rest, instead of raising.
        objects_to_skip: layers to leave as they are (`.weights.h5` only).
        by_name: find layers by their names (legacy `.h5` only).

    Raises:
        ValueError: where the file does not fit the model, or is damaged.
        OSError: where it cannot be read.
    """
    if kwargs:
        raise ValueError(f"Invalid keyword arguments: {kwargs}")
    name = str(filepath)
    native = name.endswith((".keras", ".weights.h5", ".weights.json"))
    if not native and not name.endswith((".h5", ".hdf5")):
        raise ValueError(
            f"File format not supported: filepath={filepath}. Keras 3 only supports V3 `.keras` "
            "files, `.weights.h5` files, legacy H5 format files (`.h5` extension)."
        )
    if objects_to_skip is not None and (not native or name.endswith(".keras")):
        raise ValueError(
            f"`objects_to_skip` only supports loading '.weights.h5' files. Received: {filepath}"
        )
    if by_name is not None and native:
        raise ValueError(
            f"`by_name` only supports loading legacy '.h5' or '.hdf5' files. Received: {filepath}"
        )
    if not native:
        legacy_h5.load_weights(model, filepath, bool(by_name), skip_mismatch)
        return
    if not model.built:
        raise ValueError(
            "You are loading weights into a model that has not yet been built. Try building the "
            "model first by calling it on some data or by using `build()`."
        )
    with _open_source(filepath) as source:
        restore(model, source, skip=objects_to_skip or (), skip_mismatch=skip_mismatch)


@contextmanager
def _open_source(filepath: Any) -> Iterator[Source]:
    name = str(filepath)
    if name.endswith(".json"):
        with open_shards(filepath) as shards:
            yield shards
    elif name.endswith(".keras"):
        with open_archive(filepath) as archive:
            weights = io.BytesIO(read_member(archive, WEIGHTS))
        with open_h5(weights) as file:
            yield H5Source(file)
    else:
        with open_h5(filepath) as file:
            yield H5Source(file)
