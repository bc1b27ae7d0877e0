"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kohort.utils.printing import print_msg


@contextmanager
def atomic_file(path: Any) -> Iterator[Path]:
    """Give a temporary path beside `path`; it replaces `path` when the block ends well.

    A crash or an error leaves what was there before. Missing folders are made.

    >>> with atomic_file("note.txt") as draft:
    ...     _ = draft.write_text("hello")
    >>> Path("note.txt").read_text()
    'hello'
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = _mode_of(target)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(mode)
        commit(draft, target)
    finally:
        draft.unlink(missing_ok=True)


def _mode_of(target: Path) -> int:
    """The permissions of the old file, else those that a new file gets."""
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def commit(draft: Path, target: Path) -> None:
    """Put a finished file in its place: its bytes are on the disk before its name is."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(target)
    try:
        folder = os.open(target.parent, os.O_RDONLY)
    except OSError:
        return  # a system where folders cannot be opened (Windows)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def may_write(path: Any, overwrite: bool) -> bool:
    """Whether to go on: an existing file needs `overwrite` or the user's yes.

    Raises:
        FileExistsError: where nobody can be asked.
    """
    if overwrite or not os.path.exists(path):
        return True
    question = f"[WARNING] {path} already exists - overwrite? [y/n]"
    try:
        answer = input(question).strip().lower()
        while answer not in ("y", "n"):
            answer = input('Enter "y" (overwrite) or "n" (cancel).').strip().lower()
    except (EOFError, OSError):
        raise FileExistsError(
            f"{path} already exists, and there is no terminal to ask whether to overwrite it.\n"
            "  1. Pass overwrite=True.\n"
            "  2. Save under another name."
        ) from None
    if answer == "y":
        print_msg("[TIP] Next time specify overwrite=True!")
    return answer == "y"
