"""A pipeline's elements in a file: written once, whole or not at all, read in later passes."""

from __future__ import annotations

import json
import os
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

_END = "end.json"
"""The last entry, with the number of elements: a file without it is not whole."""
_WORDS = (str, bytes, type(None))


class DiskCache:
    """Keeps the elements of the first whole pass in a zip of `.npy` arrays, without pickles.

    Args:
        path: the file; it appears when the pass is through.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def replay(self, make: Callable[[], Iterator[Any]], start: int) -> Iterator[Any]:
        """The elements from `start` on; `make()` gives them where there is no file yet."""
        if self.path.exists():
            yield from self._read(start)
        else:
            yield from self._write(make(), start)

    def _write(self, elements: Iterator[Any], start: int) -> Iterator[Any]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex}.tmp")
        try:
            with draft.open("xb") as file:
                with zipfile.ZipFile(file, "w") as archive:
                    count = 0
                    for count, element in enumerate(elements, 1):
                        _add(archive, count - 1, element)
                        if count > start:
                            yield element
                    archive.writestr(_END, json.dumps({"elements": count}))
                os.fsync(file.fileno())  # the bytes are on the disk before the name is
            draft.replace(self.path)
        finally:
            draft.unlink(missing_ok=True)

    def _read(self, start: int) -> Iterator[Any]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                count = json.loads(archive.read(_END))["elements"]
                for number in range(start, count):
                    yield _get(archive, number)
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError) as error:
            raise ValueError(
                "The file of `Dataset.cache` must be one that it has written. Received: "
                f"{self.path}, which is damaged or another file ({error}).\n"
                "  1. Delete it: the next pass writes it anew.\n"
                "  2. Or pass another file name to `cache`."
            ) from error


def _add(archive: zipfile.ZipFile, number: int, element: Any) -> None:
    """Write the arrays of an element, then how they are put together."""
    arrays: list[np.ndarray] = []
    form = _form(element, arrays)
    for place, array in enumerate(arrays):
        info = zipfile.ZipInfo(f"{number}/{place}.npy")
        with archive.open(info, "w", force_zip64=array.nbytes > 2**30) as file:
            np.lib.format.write_array(file, array, allow_pickle=False)
    archive.writestr(f"{number}/form.json", json.dumps(form))


def _form(element: Any, arrays: list[np.ndarray]) -> Any:
    """An element as JSON; its arrays of numbers go into `arrays`."""
    if element is None:
        return None
    if isinstance(element, Mapping):
        return {"dict": [[key, _form(value, arrays)] for key, value in element.items()]}
    if isinstance(element, tuple):
        return {"tuple": [_form(value, arrays) for value in element]}
    if isinstance(element, str):
        return {"string": element}
    if isinstance(element, bytes):
        return {"bytes": element.decode("latin-1")}
    array = np.asarray(element)
    if array.dtype == object and all(isinstance(x, _WORDS) for x in array.ravel()):
        return {"objects": [_form(x, arrays) for x in array.ravel()], "shape": array.shape}
    if array.dtype.hasobject:
        raise TypeError(
            "`Dataset.cache` writes arrays of numbers and strings to a file. Received: "
            f"{type(element).__name__} of dtype {array.dtype}, such as {array.ravel()[:1]}.\n"
            "  1. Call `cache()` without a file name: it keeps elements in memory."
        )
    arrays.append(array)
    return {"array": len(arrays) - 1}


def _get(archive: zipfile.ZipFile, number: int) -> Any:
    """The element that `_add` wrote."""

    def build(form: Any) -> Any:
        if form is None:
            return None
        if "dict" in form:
            return {key: build(value) for key, value in form["dict"]}
        if "tuple" in form:
            return tuple(build(value) for value in form["tuple"])
        if "string" in form:
            return form["string"]
        if "bytes" in form:
            return form["bytes"].encode("latin-1")
        if "objects" in form:
            array = np.empty(len(form["objects"]), object)
            array[:] = [build(x) for x in form["objects"]]
            return array.reshape(form["shape"])
        with archive.open(f"{number}/{form['array']}.npy") as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    return build(json.loads(archive.read(f"{number}/form.json")))
