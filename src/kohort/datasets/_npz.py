"""Reading of `.npz` files and pickles that may hold arrays of Python lists, without running code.

`numpy.load(allow_pickle=True)` runs whatever a file tells it to. Here a pickle may only rebuild
NumPy arrays; any other name in it is refused.
"""

from __future__ import annotations

import contextlib
import io
import math
import pickle
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from kohort.datasets import _cache
from kohort.utils.files import atomic_path

_create_array = np.empty(0).__reduce__()[0]  # NumPy's own, the call that every pickled array holds


def _refuse(what: str) -> pickle.UnpicklingError:
    return pickle.UnpicklingError(
        f"Refusing to deserialize {what} while loading a data set. "
        "The file may be corrupted or malicious."
    )


class _DType:
    """A pickled dtype of numbers or objects. NumPy's own believes any size and flag it reads."""

    def __init__(self, code: str | bytes, *_: Any) -> None:
        text = code.decode() if isinstance(code, bytes) else code
        if not isinstance(text, str) or text[:1] not in tuple("biufcO"):
            raise _refuse(f"an array of type {code!r}")
        self.value = np.dtype(text)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order: Any = state[1].decode() if isinstance(state[1], bytes) else state[1]
        self.value = self.value.newbyteorder(order)


class _Array(np.ndarray):
    """A pickled array whose announced shape must match its contents; NumPy does not look."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        version, shape, dtype, fortran, data = state
        if not isinstance(dtype, _DType) or not all(type(n) is int and n >= 0 for n in shape):
            raise _refuse(f"an array of shape {shape}")
        kind = list if dtype.value.hasobject else bytes
        size = math.prod(shape) * (1 if dtype.value.hasobject else dtype.value.itemsize)
        if not isinstance(data, kind) or len(data) != size:
            raise _refuse(f"an array of shape {shape} with {len(data)} values")
        super().__setstate__((version, shape, dtype.value, fortran, data))


def _empty_array(kind: Any, shape: Any, code: Any) -> Any:
    # The file's own arguments could claim all memory; NumPy always writes these.
    return _create_array(_Array, (0,), b"b")  # type: ignore[operator]


# The names that a pickled array holds, as NumPy 1 and 2 write them.
_ALLOWED = {
    ("numpy", "ndarray"): "ndarray",  # named only as an argument of `_reconstruct`
    ("numpy", "dtype"): _DType,
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
}


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that can rebuild NumPy arrays, numbers, texts and containers only."""

    def find_class(self, module: str, name: str) -> Any:
        """The allowed object of this name; anything else is refused."""
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _refuse(f"`{module}.{name}`") from None


def load_npz(path: str | Path) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` file by name, object arrays included.

    Raises `ValueError` for a damaged file and `pickle.UnpicklingError` for one that holds more
    than arrays.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(_fast_copy(Path(path))) as archive:
            for member in archive.namelist():
                if member.endswith(".npy"):
                    with archive.open(member) as file:
                        arrays[member.removesuffix(".npy")] = _read_array(io.BytesIO(file.read()))
    except (pickle.UnpicklingError, OSError):
        raise
    except Exception as error:  # readers of zip, headers and pickles raise anything at rubbish
        raise ValueError(
            f"The data set file {path} is damaged. Received: {error}. Delete it and try again: "
            "it will be looked for elsewhere, or downloaded."
        ) from error
    return arrays


def _read_array(file: BinaryIO) -> np.ndarray:
    version = np.lib.format.read_magic(file)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, _, dtype = read_header(file)
    if not dtype.hasobject:
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    array = RestrictedUnpickler(file).load()
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise ValueError(f"an object array of shape {shape} was announced, but is not there")
    return array.view(np.ndarray)


def _fast_copy(path: Path) -> Path:
    """The path of a copy that is packed with deflate, if the file is packed with the slow LZMA.

    The copy is made once, in `~/.kohort/datasets/unpacked`, under a name made of the members'
    checksums, so it can never stand for other contents. Where it cannot be written, the file
    itself is used.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if all(member.compress_type != zipfile.ZIP_LZMA for member in members):
            return path
        contents = _contents(members)
        key = zlib.crc32(repr(contents).encode())
        copy = _cache.home() / "unpacked" / f"{path.stem}-{key:08x}.npz"
        with contextlib.suppress(OSError, zipfile.BadZipFile):
            if not copy.exists():
                with atomic_path(copy) as partial:
                    _repack(archive, partial)
            with zipfile.ZipFile(copy) as done:
                if _contents(done.infolist()) == contents:
                    return copy
    return path


def _contents(members: list[zipfile.ZipInfo]) -> list[tuple[str, int, int]]:
    return [(member.filename, member.CRC, member.file_size) for member in members]


def _repack(archive: zipfile.ZipFile, target: str) -> None:
    # The lightest level: reading is as fast, and writing three times faster than at the usual one.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for member in archive.infolist():
            with archive.open(member) as source, copy.open(member.filename, "w") as file:
                shutil.copyfileobj(source, file, 1 << 20)
