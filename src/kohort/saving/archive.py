"""`.keras` archives: metadata, configuration, weights and assets in one zip file or folder."""

from __future__ import annotations

import datetime
import io
import json
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from kohort.core.serialization import (
    ObjectSharingScope,
    deserialize_keras_object,
    serialize_keras_object,
)
from kohort.layers import Layer
from kohort.saving.atomic import atomic_file, commit
from kohort.saving.h5 import H5Source, open_h5, write_h5
from kohort.saving.state import collect, restore

FORMAT_VERSION = "3.15.1"
"""The version of Keras whose file format is written."""

CONFIG, METADATA, WEIGHTS, ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets"
BOMB_FLOOR_BYTES = 1 << 28
MAX_EXPANSION = 100
_OWN_ERRORS = (ValueError, TypeError, OSError, ImportError, NotImplementedError)


# ---- writing


def write_archive(model: Any, target: Any) -> None:
    """Write a model as a zip file: `target` is a path or a file open for writing."""
    if hasattr(target, "write"):
        with tempfile.TemporaryDirectory() as folder:
            _zip_folder(_write_parts(model, Path(folder)), target)
        return
    with atomic_file(target) as draft, tempfile.TemporaryDirectory(dir=draft.parent) as folder:
        _zip_folder(_write_parts(model, Path(folder)), draft)


def write_folder(model: Any, target: Any) -> None:
    """Write a model as a folder; each file in it is replaced whole, the configuration last."""
    target = Path(target)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as name:
        folder = _write_parts(model, Path(name))
        for file in [*sorted((folder / ASSETS).rglob("*")), *(folder / n for n in _parts())]:
            if file.is_file():
                place = target / file.relative_to(folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                commit(file, place)


def _parts() -> tuple[str, ...]:
    return METADATA, WEIGHTS, CONFIG


def _write_parts(model: Any, folder: Path) -> Path:
    with ObjectSharingScope():
        config = json.dumps(serialize_keras_object(model))
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    (folder / ASSETS).mkdir()
    (folder / METADATA).write_text(json.dumps({"keras_version": FORMAT_VERSION, "date_saved": now}))
    (folder / CONFIG).write_text(config)
    write_h5(folder / WEIGHTS, collect(model, folder / ASSETS))
    return folder


def _zip_folder(folder: Path, target: Any) -> None:
    files = [folder / METADATA, folder / CONFIG, folder / WEIGHTS]
    files += sorted(f for f in (folder / ASSETS).rglob("*") if f.is_file())
    with zipfile.ZipFile(target, "w") as archive:
        for file in files:
            archive.write(file, file.relative_to(folder).as_posix())


# ---- reading


def read_archive(source: Any, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    """Read a model from a zip file: `source` is a path or a file open for reading."""
    with open_archive(source) as archive:
        text = read_member(archive, CONFIG)
        weights = io.BytesIO(read_member(archive, WEIGHTS))
        with open_h5(weights) as file, _assets(archive) as assets:
            model = model_from_text(text, custom_objects, compile, safe_mode)
            restore(model, H5Source(file), assets)
    return model


def read_folder(source: Any, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    """Read a model from a folder."""
    folder = Path(source)
    if not (folder / WEIGHTS).is_file():
        raise ValueError(f"Expected a {WEIGHTS} file in {folder}.")
    text = (folder / CONFIG).read_bytes()
    with open_h5(folder / WEIGHTS) as file:
        model = model_from_text(text, custom_objects, compile, safe_mode)
        assets = folder / ASSETS
        restore(model, H5Source(file), assets if assets.is_dir() else None)
    return model


def model_from_text(
    text: str | bytes, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Make a model from its configuration as JSON."""
    with plain_errors("The configuration of the model"):
        config = json.loads(text)
        if not isinstance(config, dict) or "class_name" not in config:
            raise ValueError(
                "The configuration of the model must be a dictionary with a `class_name`. "
                f"Received: {str(config)[:100]}"
            )
        if not compile:
            config["compile_config"] = None
        with ObjectSharingScope():
            model = deserialize_keras_object(config, custom_objects, safe_mode=safe_mode)
    if not isinstance(model, Layer):
        raise ValueError(f"The file must hold a model or a layer. Received: {config['class_name']}")
    return model


@contextmanager
def plain_errors(what: str) -> Iterator[None]:
    """Let a damaged configuration end in one clear error, whatever it broke on the way."""
    try:
        yield
    except _OWN_ERRORS:
        raise
    except RecursionError:
        raise ValueError(f"{what} is nested too deeply.") from None
    except Exception as error:
        raise ValueError(
            f"{what} is damaged, or not one of Keras's: {type(error).__name__}: {error}"
        ) from error


@contextmanager
def open_archive(source: Any) -> Iterator[zipfile.ZipFile]:
    """Open a zip file and check its members' names.

    Raises:
        ValueError: where it is damaged, or a name is there twice or leads out of the archive.
    """
    label = "The archive" if hasattr(source, "read") else str(source)
    try:
        archive = zipfile.ZipFile(source)
    except (zipfile.BadZipFile, EOFError, UnicodeDecodeError, NotImplementedError) as error:
        raise ValueError(f"{label} is damaged or not a zip file: {error}") from None
    with archive:
        seen: set[str] = set()
        members = archive.infolist()
        for info in members:
            check_member(info)
            if info.filename in seen:
                raise ValueError(f"Not allowed: '{info.filename}' occurs twice in {label}.")
            seen.add(info.filename)
        sizes = [(info.file_size, info.compress_size) for info in members]
        check_expansion(label, sum(a for a, _ in sizes), sum(b for _, b in sizes))
        yield archive


def check_member(info: zipfile.ZipInfo) -> None:
    """Refuse a member that leads out of the archive, is a link, or expands beyond reason."""
    name = info.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name.split("/")[0]:
        raise ValueError(f"Not allowed: the archive's member '{name}' leads out of the archive.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ValueError(f"Not allowed: the archive's member '{name}' is a link.")
    check_expansion(f"ZIP member '{name}'", info.file_size, info.compress_size)


def check_expansion(what: str, declared: int, stored: int) -> None:
    """Refuse what declares far more bytes than it stores."""
    if declared > BOMB_FLOOR_BYTES and declared > MAX_EXPANSION * stored:
        raise ValueError(
            f"Not allowed: {what} declares {declared:,} bytes but only {stored:,} are stored on "
            "disk; refusing to load a potential decompression bomb."
        )


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a member, their checksum verified.

    Raises:
        ValueError: where it is missing, damaged or encrypted.
    """
    try:
        return archive.read(name)
    except KeyError:
        raise ValueError(f"Expected a {name} file in the archive.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise ValueError(f"The archive's member '{name}' cannot be read: {error}") from None


@contextmanager
def _assets(archive: zipfile.ZipFile) -> Iterator[Path | None]:
    """The archive's assets in a temporary folder, or None where it has none."""
    names = [n for n in archive.namelist() if n.startswith(f"{ASSETS}/") and not n.endswith("/")]
    if not names:
        yield None
        return
    with tempfile.TemporaryDirectory() as name:
        for member in names:
            place = Path(name, *PurePosixPath(member).parts)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(read_member(archive, member))
        yield Path(name, ASSETS)


def is_model_folder(path: Any) -> bool:
    """Whether a folder holds a model that was saved with `zipped=False`."""
    return isinstance(path, (str, os.PathLike)) and Path(path, CONFIG).is_file()


__all__ = ["check_member", "model_from_text", "open_archive", "read_archive",
           "read_folder", "read_member", "write_archive", "write_folder"]  # fmt: skip
