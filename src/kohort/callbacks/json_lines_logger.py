"""JSONLinesLogger: the logs of every epoch as a line of JSON."""

from __future__ import annotations

import errno
import json
import os
import time
from typing import Any

from kohort.callbacks.tracker import Tracker
from kohort.core.json_values import plain


class JSONLinesLogger(Tracker):
    """Writes the logs of each epoch as a line of a file, an object of JSON.

    An object has `epoch` (from 0), `time` (seconds since 1970) and the logs; numbers that are not
    finite are `null`, which JSON has, unlike NaN. A line is written whole, in one call, or not at
    all. `append` goes on with a file that is there, a last line that was cut short is dropped.
    A fit that `BackupAndRestore` resumes goes on with its file in any case: lines of epochs
    that are trained again are replaced. `logger.of_cohort()` follows a cohort.

    >>> import pathlib
    >>> logger = JSONLinesLogger("log.jsonl")
    >>> logger.on_train_begin()
    >>> logger.on_epoch_end(0, {"loss": 0.5, "val_loss": float("nan")})
    >>> line = json.loads(pathlib.Path("log.jsonl").read_text())
    >>> line["epoch"], line["loss"], line["val_loss"]
    (0, 0.5, None)
    """

    numbers_only = False

    def __init__(self, filename: str | os.PathLike[str], append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.append = append
        self._size: int | None = None  # of what this training has written, once it has begun
        self._resumed: int | None = None

    def start(self, params: dict[str, Any]) -> None:
        self._size = self._resumed = None

    def log(self, step: int, metrics: dict[str, Any]) -> None:
        if self._size is None:  # only now: a backup has said by now whether it goes on
            self._size = self._opened()
        entry = {"epoch": step, "time": round(time.time(), 3), **metrics}
        line = json.dumps(plain(entry), allow_nan=False, default=str).encode() + b"\n"
        file = os.open(self.filename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            if os.write(file, line) < len(line):
                os.ftruncate(file, self._size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.filename)
        finally:
            os.close(file)
        self._size += len(line)

    def get_state(self) -> dict[str, Any]:
        size = self._resumed if self._size is None else self._size
        return {} if size is None else {"size": size}

    def set_state(self, state: dict[str, Any]) -> None:
        self._resumed = state.get("size")

    def _opened(self) -> int:
        """The size of the file, cut to what is to stay in it."""
        os.makedirs(os.path.dirname(self.filename) or ".", exist_ok=True)
        with open(self.filename, "ab+") as file:
            size = file.tell()
            if self._resumed is not None:
                size = min(size, self._resumed)
            elif self.append:
                file.seek(0)
                size = file.read().rfind(b"\n") + 1
            else:
                size = 0
            file.truncate(size)
        return size
