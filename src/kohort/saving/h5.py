"""HDF5 files of weights, read without trust.

Links that lead elsewhere, external and virtual data sets, object types and arrays that
declare far more than they store are refused.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ml_dtypes
import numpy as np

from kohort.saving.state import Entry

# Larger arrays must be stored with less than so much compression: a few bytes that declare
# terabytes are an attack on memory.
BOMB_FLOOR_BYTES = 1 << 30
MAX_EXPANSION = 1000
_KINDS = "biufcSU"


def open_h5(file: Any) -> Any:
    """Open an HDF5 file (a path or a file object) for reading.

    Raises:
        OSError: where it is none, or is cut off.
    """
    import h5py

    try:
        return h5py.File(file, "r")
    except FileNotFoundError:
        raise FileNotFoundError(f"No such file: {file}") from None
    except (OSError, RuntimeError, KeyError) as error:
        raise OSError(f"{_label(file)} is damaged or not an HDF5 file ({error}).") from None


def _label(file: Any) -> str:
    return "The file of weights" if hasattr(file, "read") else str(file)


def safe_get_h5_group(parent: Any, name: str) -> Any:
    """The group at a path, each step checked.

    Raises:
        KeyError: where there is none.
        ValueError: where a link or something else than a group stands.
    """
    import h5py

    for part in name.split("/"):
        if not part:
            raise ValueError(f"Invalid path in H5 file: {name}")
        _check_link(parent, part)
        parent = parent[part]
        if not isinstance(parent, h5py.Group):
            raise ValueError(f"Invalid H5 file, expected Group but received {type(parent)}")
    return parent


def _check_link(group: Any, name: str) -> None:
    import h5py

    link = group.get(name, default=None, getlink=True)
    if link is None:
        raise KeyError(name)
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"Not allowed: H5 file with {type(link).__name__}")


def safe_get_h5_dataset(group: Any, name: str) -> Any:
    """The data set at a path, checked; nothing of it is read yet.

    Raises:
        KeyError: where there is none.
        ValueError: where it is not plain data of a believable size.
    """
    import h5py

    if "/" in name:
        folder, name = name.rsplit("/", 1)
        group = safe_get_h5_group(group, folder)
    _check_link(group, name)
    data = group[name]
    if not isinstance(data, h5py.Dataset):
        raise ValueError(f"Invalid H5 file, expected Dataset, received {type(data)}")
    if data.external:
        raise ValueError(f"Not allowed: H5 file with external Dataset: {data.external}")
    if data.is_virtual:
        raise ValueError("Not allowed: H5 file with virtual Dataset")
    if data.shape is None:
        raise ValueError(f"Invalid H5 file, the Dataset '{name}' is empty.")
    if data.dtype.kind not in _KINDS and not _is_bfloat16(data) and not _is_string(data):
        raise ValueError(f"Not allowed: H5 Dataset '{name}' of dtype {data.dtype}")
    declared, stored = math.prod(data.shape) * data.dtype.itemsize, data.id.get_storage_size()
    if declared > BOMB_FLOOR_BYTES and declared > MAX_EXPANSION * stored:
        raise ValueError(
            f"Not allowed: H5 dataset '{name}' declares {declared:,} bytes but only {stored:,} "
            "are stored on disk; refusing to load a potential decompression/shape bomb."
        )
    return data


def _is_bfloat16(data: Any) -> bool:
    name = data.attrs.get("dtype")
    name = name.decode() if isinstance(name, bytes) else name
    return isinstance(name, str) and name == "bfloat16" and data.dtype.itemsize == 2


def _is_string(data: Any) -> bool:
    import h5py

    return h5py.check_string_dtype(data.dtype) is not None


def read_dataset(group: Any, name: str) -> np.ndarray:
    """The array at a path."""
    data = safe_get_h5_dataset(group, name)
    if _is_bfloat16(data):
        array = np.asarray(data[()])
        return (
            array.view(ml_dtypes.bfloat16)
            if array.dtype.kind == "V"
            else array.astype(ml_dtypes.bfloat16)
        )
    return np.asarray(data[()])


class Store(Mapping):
    """The arrays of one object, as `load_own_variables` sees them; read when asked for."""

    def __init__(self, *groups: Any):
        self._places = {key: group for group in groups for key in group}

    def __getitem__(self, key: str) -> np.ndarray:
        return read_dataset(self._places[key], key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: object) -> bool:
        return key in self._places


def find_group(file: Any, path: str) -> Any:
    """The group at a path, or None."""
    try:
        return safe_get_h5_group(file, path)
    except KeyError:
        return None


class H5Source:
    """A file of weights as a source of stores by path."""

    def __init__(self, file: Any):
        self.file = file

    def get(self, path: str) -> Store:
        """The arrays of the object at a path; empty where the file has none."""
        group = find_group(self.file, f"{path}/vars" if path else "vars")
        if group is None and "_layer_checkpoint_dependencies" in self.file:  # Keras 2.13
            old = path.replace("layers", "_layer_checkpoint_dependencies")
            group = find_group(self.file, f"{old}/vars")
        return Store() if group is None else Store(group)

    def has(self, path: str) -> bool:
        """Whether anything is stored at or below a path."""
        return find_group(self.file, path) is not None


def write_entry(file: Any, path: str, entry: Entry) -> None:
    """Write the arrays of one object into its group."""
    group = file.require_group(f"{path}/vars" if path else "vars")
    if entry.name is not None:
        group.attrs["name"] = entry.name
    for key, array in entry.arrays.items():
        data = group.create_dataset(key, data=array)
        if array.dtype == ml_dtypes.bfloat16:
            data.attrs["dtype"] = "bfloat16"


def write_h5(path: Any, state: Mapping[str, Entry]) -> None:
    """Write a state as one HDF5 file."""
    with new_h5(path) as file:
        for place, entry in state.items():
            write_entry(file, place, entry)


@contextmanager
def new_h5(path: Any) -> Iterator[Any]:
    """A new HDF5 file at a path.

    Raises:
        OSError: where the disk is full.
    """
    import h5py

    with _Draft(path, "w+") as draft:
        try:
            with h5py.File(draft, "w") as file:
                yield file
        finally:
            if draft.error is not None:
                raise draft.error


class _Draft(io.FileIO):
    """A file that keeps an error to itself: HDF5 would take the process down with it."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while len(rest) and self.error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return size
