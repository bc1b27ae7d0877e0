"""The journal file of a study: one JSON record a line, only ever added to."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from optuna.storages.journal import (
    BaseJournalBackend,
    JournalFileBackend,
    JournalFileOpenLock,
    JournalFileSymlinkLock,
)

from kohort.saving.atomic import atomic_file
from kohort.workflow.search.failure import StudyError

_BEGINNING = b'{"op_code":'


class Journal(BaseJournalBackend):
    """Optuna's journal format and lock, so that its dashboard and other processes read along.

    What differs: a record that a full disk or a killed process left half written is cut off
    before the next one is added; a damaged record is named; and the disk is told to keep the
    records by `sync`, once a trial, rather than at each of a trial's ten writes.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path).resolve()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._check_beginning()
        kind = JournalFileOpenLock if os.name == "nt" else JournalFileSymlinkLock
        self._lock = kind(str(self.path), grace_period=10)
        self._reader = JournalFileBackend(str(self.path), self._lock)

    def _check_beginning(self) -> None:
        """Refuses a file of another kind, before anything is written to it."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            beginning = file.read(len(_BEGINNING))
        if not _BEGINNING.startswith(beginning):
            raise damaged(self.path)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        try:
            yield from self._reader.read_logs(log_number_from)
        except ValueError as error:
            raise damaged(self.path) from error

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._lock.acquire()
        try:
            with self.path.open("rb+", buffering=0) as file:
                end = _end_of_last_record(file)
                try:
                    _write(file, lines.encode())
                except OSError:
                    file.truncate(end)
                    raise
        finally:
            self._lock.release()

    def sync(self) -> None:
        """Waits until the records are on the disk."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())


def repair(path: str | Path) -> int:
    """Cut a damaged journal before its first unreadable record; returns how many records went.

    The whole damaged file is kept beside it as `NAME.damaged`.
    """
    path = Path(path)
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    sound = next(_unreadable(lines), len(lines) + 1) - 1
    if sound == len(lines):
        return 0
    for name, part in ((f"{path.name}.damaged", content), (path.name, b"".join(lines[:sound]))):
        with atomic_file(path.with_name(name)) as draft:
            draft.write_bytes(part)
    return len(lines) - sound


def damaged(path: Path) -> StudyError:
    """The error for a journal that cannot be read: which record, and how to go on."""
    lines = path.read_bytes().splitlines(keepends=True)
    bad = next(_unreadable(lines), None)
    where = f"record {bad} of {len(lines)}" if bad else "records that do not follow each other"
    return StudyError(
        "The journal of a study must hold one whole record a line.",
        f"{path}, damaged at {where}",
        "name another file, or restore this one from a copy",
        f"continue with what stands before: kohort.workflow.search.repair({str(path)!r}) keeps "
        "the damaged file and cuts the journal there",
    )


def _unreadable(lines: Iterable[bytes]) -> Iterator[int]:
    """The numbers, from 1, of the lines that are no record."""
    for number, line in enumerate(lines, 1):
        try:
            if not (line.endswith(b"\n") and "op_code" in json.loads(line)):
                yield number
        except (ValueError, TypeError):
            yield number


def _end_of_last_record(file: Any) -> int:
    """Goes to the end of the file, which it makes the end of a line."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    file.truncate(end)
    return file.seek(end)


def _write(file: Any, content: bytes) -> None:
    if file.write(content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
