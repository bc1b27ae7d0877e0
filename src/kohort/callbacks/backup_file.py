"""The file of a backup: named arrays and JSON, written whole or not at all.

A safetensors file. Its metadata hold `format`, `checksum` and `content`, a JSON text. Arrays of a
type that the format lacks here (bfloat16, say) are kept as bytes, with their type in `dtypes`.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from typing import Any

import numpy as np

FORMAT = "kohort-backup-1"
_PLAIN = set("bool int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()) | {
    "float16",
    "float32",
    "float64",
    "complex64",
}


class DamagedFile(OSError):
    """A file that cannot be read whole."""


class ForeignFile(ValueError):
    """A file that no backup wrote."""


def write_backup(
    path: str, content: dict[str, Any], tensors: dict[str, np.ndarray], keep_previous: str | None
) -> None:
    """Replace the file `path` in one step; the one before goes to `keep_previous` if given.

    A process killed at any moment leaves a whole file: the old one or the new one. Raises `OSError`
    where the disk is full, which leaves the old one.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    plain, dtypes = _as_plain(tensors)
    metadata = {
        "format": FORMAT,
        "content": json.dumps(content),
        "dtypes": json.dumps(dtypes),
    }
    metadata["checksum"] = _checksum(metadata["content"], plain)
    temporary = f"{path}.tmp"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        save_file(plain, temporary, metadata)
        _flush(temporary)
    except (SafetensorError, OSError) as error:
        with contextlib.suppress(OSError):
            os.remove(temporary)
        raise OSError(f"{path} cannot be written: {error}") from error
    if keep_previous is not None and os.path.exists(path):
        os.replace(path, keep_previous)
    os.replace(temporary, path)
    if os.name == "posix":
        _flush(os.path.dirname(path))


def read_backup(path: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the content and the arrays.

    Raises `DamagedFile` if the file is cut or changed, `ForeignFile` if it is something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            plain = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, ValueError) as error:
        raise DamagedFile(f"{path} cannot be read: {error}") from error
    if metadata.get("format") != FORMAT:
        raise ForeignFile(f"{path} was not written by BackupAndRestore (format {FORMAT}).")
    if metadata.get("checksum") != _checksum(metadata.get("content", ""), plain):
        raise DamagedFile(f"{path} has changed since it was written: its checksum differs.")
    dtypes = json.loads(metadata["dtypes"])
    tensors = {
        name: value.view(np.dtype(dtypes[name])) if name in dtypes else value
        for name, value in plain.items()
    }
    return json.loads(metadata["content"]), tensors


def pack_state(value: Any, path: str, tensors: dict[str, np.ndarray]) -> Any:
    """Return `value` as JSON data; arrays go to `tensors` under their `path`.

    >>> tensors = {}
    >>> packed = pack_state({"best": 0.5, "weights": [np.zeros(2)]}, "a", tensors)
    >>> packed, list(tensors)
    ({'best': 0.5, 'weights': [{'tensor': 'a/weights/0'}]}, ['a/weights/0'])
    >>> unpack_state(packed, tensors)
    {'best': 0.5, 'weights': [array([0., 0.])]}
    """
    if isinstance(value, dict):
        return {key: pack_state(item, f"{path}/{key}", tensors) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack_state(item, f"{path}/{i}", tensors) for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "__array__"):
        tensors[path] = np.asarray(value)
        return {"tensor": path}
    return value


def unpack_state(value: Any, tensors: dict[str, np.ndarray]) -> Any:
    """Undo `pack_state`."""
    if isinstance(value, dict):
        if set(value) == {"tensor"}:
            return tensors[value["tensor"]]
        return {key: unpack_state(item, tensors) for key, item in value.items()}
    if isinstance(value, list):
        return [unpack_state(item, tensors) for item in value]
    return value


def _as_plain(
    tensors: dict[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays as the format takes them, and the names of the types it lacks."""
    plain: dict[str, np.ndarray] = {}
    dtypes: dict[str, str] = {}
    for name, value in sorted(tensors.items()):
        value = np.asarray(value, order="C")
        if value.dtype.name not in _PLAIN:
            dtypes[name] = value.dtype.name
            value = value.view(np.dtype(f"uint{8 * value.dtype.itemsize}"))
        plain[name] = value
    return plain, dtypes


def _checksum(content: str, tensors: dict[str, np.ndarray]) -> str:
    total = zlib.crc32(content.encode())
    for name in sorted(tensors):
        total = zlib.crc32(name.encode(), total)
        total = zlib.crc32(np.ascontiguousarray(tensors[name]).view(np.uint8).data, total)
    return str(total)


def _flush(path: str) -> None:
    """Wait until a file's content, or a folder's list of files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
