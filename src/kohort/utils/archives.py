"""Unpacking of archives that may be hostile."""

from __future__ import annotations

import os
import shutil
import tarfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any


def extract_archive(
    file_path: str | os.PathLike[str],
    path: str | os.PathLike[str] = ".",
    archive_format: str | Iterable[str] | None = "auto",
) -> bool:
    """Unpack a tar (plain, gz, bz2, xz) or zip file into a folder.

    `archive_format` is `"tar"`, `"zip"`, a list of them, `"auto"` (both) or None (neither).
    Returns whether the file was such an archive. Members and links that would land outside of the
    folder, and devices, are left out with a warning. A failure removes the folder if it is new.
    """
    if archive_format is None:
        return False
    if isinstance(archive_format, str):
        archive_format = ["tar", "zip"] if archive_format == "auto" else [archive_format]
    for kind in archive_format:
        if kind not in ("tar", "zip"):
            raise NotImplementedError(
                f"Unknown archive format. Received: {kind}. Use 'tar', 'zip', 'auto' or None."
            )
        is_kind = tarfile.is_tarfile if kind == "tar" else zipfile.is_zipfile
        if is_kind(file_path):
            _extract(file_path, os.fspath(path), kind)
            return True
    return False


def _extract(file_path: str | os.PathLike[str], folder: str, kind: str) -> None:
    is_new = not os.path.exists(folder)
    try:
        if kind == "tar":
            with tarfile.open(file_path) as tar:
                # Python's own filter is a second guard, where this Python has it.
                extra: dict[str, Any] = (
                    {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                )
                tar.extractall(folder, members=_safe_tar_members(tar, folder), **extra)
        else:
            with zipfile.ZipFile(file_path) as archive:
                archive.extractall(folder, members=_safe_zip_members(archive, folder))
    except BaseException:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _safe_tar_members(tar: Iterable[tarfile.TarInfo], folder: str) -> Iterator[tarfile.TarInfo]:
    # A generator: each member is judged after the ones before it (and their links) were written.
    for member in tar:
        if _is_safe(member, folder):
            yield member
        else:
            _warn(member.name)


def _safe_zip_members(archive: zipfile.ZipFile, folder: str) -> Iterator[zipfile.ZipInfo]:
    for member in archive.infolist():
        if _is_inside(folder, member.filename):
            yield member
        else:
            _warn(member.filename)


def _is_safe(member: tarfile.TarInfo, folder: str) -> bool:
    if not _is_inside(folder, member.name):
        return False
    if member.islnk():  # the target of a hard link counts from the archive's root
        return _is_inside(folder, member.linkname)
    if member.issym():  # that of a symbolic link from the link's own folder
        return _is_inside(folder, os.path.join(os.path.dirname(member.name), member.linkname))
    return member.isfile() or member.isdir()


def _is_inside(folder: str, relative: str) -> bool:
    root = os.path.realpath(folder)
    try:
        return os.path.commonpath([os.path.realpath(os.path.join(root, relative)), root]) == root
    except ValueError:  # another drive
        return False


def _warn(name: str) -> None:
    warnings.warn(f"Skipping invalid path during archive extraction: '{name}'.", stacklevel=2)
