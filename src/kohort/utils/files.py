"""Downloads into a cache, checked by their hash."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Iterator
from typing import Any

from kohort.utils.archives import extract_archive
from kohort.utils.printing import print_msg
from kohort.utils.progbar import Progbar

_TIMEOUT = 60  # seconds without an answer
_CHUNK = 1 << 16


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: Any = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Download a file once and return its path in the cache.

    The file at the URL `origin` (https, file, ...) goes to `cache_dir/cache_subdir/fname`;
    `cache_dir` is `$KERAS_HOME` or `~/.keras`, `fname` the last part of the URL. With `extract`
    (old name `untar`) the archive is unpacked beside it and the folder's path is returned.
    `file_hash` (SHA-256 or MD5) is checked, and a cached file that fails it is downloaded again.
    The write is atomic: a broken download leaves nothing behind.

    Raises `ValueError` for a wrong hash and `OSError` where the download fails.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> source = folder / "a.txt"
    >>> _ = source.write_text("hello")
    >>> path = get_file("b.txt", source.as_uri(), cache_dir=folder)  # doctest: +ELLIPSIS
    Downloading data from file:...
    >>> pathlib.Path(path).read_text()
    'hello'
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = _cache_folder(cache_dir, cache_subdir)
    name = _file_name(fname, origin)
    target, extracted = os.path.join(folder, name), None
    if extract or untar:
        target, extracted = _archive_paths(folder, name, named=bool(fname))

    if force_download or not _is_cached(target, file_hash, hash_algorithm):
        download(origin, target, file_hash, hash_algorithm)
    if extracted is None:
        return target
    if not extract_archive(target, extracted, "tar" if untar else archive_format):
        warnings.warn("Could not extract archive.", stacklevel=2)
    return extracted


def download(
    origin: str, target: str, file_hash: str | None = None, hash_algorithm: str = "auto"
) -> None:
    """Download `origin` to the path `target`, all or nothing, and check its hash."""
    print_msg(f"Downloading data from {origin}")
    with atomic_path(target) as partial:
        try:
            _fetch(origin, partial)
        except urllib.error.HTTPError as error:
            reason = f"{error.code} -- {error.msg}"
            raise OSError(f"URL fetch failure on {origin}: {reason}") from error
        except urllib.error.URLError as error:
            reason = f"{error.errno} -- {error.reason}"
            raise OSError(f"URL fetch failure on {origin}: {reason}") from error
        if file_hash is not None and not validate_file(partial, file_hash, hash_algorithm):
            raise ValueError(
                f"Incomplete or corrupted file detected. The {hash_algorithm} file hash does not "
                f"match the provided value of {file_hash}. Received: a file of "
                f"{os.path.getsize(partial)} bytes from {origin}. (1) Try again, or (2) check that "
                "the hash belongs to this version of the file."
            )


@contextlib.contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[str]:
    """A path to write to; the file gets its name `target` only if the block ends well."""
    folder = os.path.dirname(os.path.abspath(target))
    os.makedirs(folder, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=folder, prefix=".partial-")
    os.close(handle)
    try:
        yield partial
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(partial, 0o666 & ~umask)  # `mkstemp` makes files for the owner's eyes only
        os.replace(partial, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(partial)
        raise


def _fetch(origin: str, target: str) -> None:
    with (
        urllib.request.urlopen(origin, timeout=_TIMEOUT) as source,
        open(target, "wb") as file,
    ):
        length = source.headers.get("Content-Length")
        bar, done = Progbar(int(length) if length else None, unit_name="byte"), 0
        while chunk := source.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            bar.update(done)
        if length and done < int(length):
            raise OSError(
                f"URL fetch failure on {origin}: the connection ended after {done} of {length} "
                "bytes. Try again."
            )


def _cache_folder(cache_dir: str | os.PathLike[str] | None, cache_subdir: str) -> str:
    if cache_dir is None:
        cache_dir = os.environ.get("KERAS_HOME") or os.path.join("~", ".keras")
    base = os.path.expanduser(os.fspath(cache_dir))
    with contextlib.suppress(OSError):
        os.makedirs(base, exist_ok=True)
    if not os.access(base, os.W_OK):
        base = os.path.join("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir(), ".keras")
    folder = os.path.join(base, cache_subdir)
    os.makedirs(folder, exist_ok=True)
    return folder


def _file_name(fname: str | os.PathLike[str] | None, origin: str) -> str:
    if fname:
        name = os.fspath(fname)
        if os.sep in name:
            raise ValueError(
                "Paths are no longer accepted as the `fname` argument. To specify the file's "
                f"parent directory, use the `cache_dir` argument. Received: fname={name}"
            )
        return name
    name = os.path.basename(urllib.parse.urlsplit(origin).path)
    if name in ("", ".", ".."):
        raise ValueError(
            f"Can't parse the file name from the origin provided: '{origin}'. "
            "Please specify the `fname` argument."
        )
    return name


def _archive_paths(folder: str, name: str, named: bool) -> tuple[str, str]:
    """Where the archive is kept and where it is unpacked, as Keras 3 names them."""
    if named and "." in name:
        stem = name[: name.find(".")]
        return os.path.join(folder, name), os.path.join(folder, f"{stem}_extracted")
    return os.path.join(folder, f"{name}_archive"), os.path.join(folder, name)


def _is_cached(target: str, file_hash: str | None, hash_algorithm: str) -> bool:
    if not os.path.exists(target):
        return False
    if file_hash is None or validate_file(target, file_hash, hash_algorithm):
        return True
    print_msg(
        "A local file was found, but it seems to be incomplete or outdated because the "
        f"{hash_algorithm} file hash does not match the original value of {file_hash} so we will "
        "re-download the data."
    )
    return False


def hash_file(
    fpath: str | os.PathLike[str], algorithm: str = "sha256", chunk_size: int = 65535
) -> str:
    """The SHA-256 (or MD5) hash of a file as hexadecimal digits."""
    hasher = hashlib.sha256() if algorithm == "sha256" else hashlib.md5()
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            hasher.update(chunk)
    return hasher.hexdigest()


def validate_file(
    fpath: str | os.PathLike[str],
    file_hash: str,
    algorithm: str = "auto",
    chunk_size: int = 65535,
) -> bool:
    """Whether a file has this hash; `"auto"` knows SHA-256 from MD5 by its 64 digits."""
    if algorithm == "auto":
        algorithm = "sha256" if len(file_hash) == 64 else "md5"
    return hash_file(fpath, algorithm, chunk_size) == str(file_hash)
