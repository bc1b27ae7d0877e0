"""CSVLogger: the logs of every epoch in a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from typing import Any, TextIO

import numpy as np

from kohort.callbacks.callback import Callback, Logs
from kohort.monitor.quiet import Quiet


class CSVLogger(Callback):
    """Writes the logs of each epoch as a row of a CSV file, flushed at once.

    The columns are `epoch` (from 0) and the sorted names of the first epoch's logs; values that
    are missing later are `NA`. `append` goes on with a file that is there, `separator` is put
    between the values. Folders are made; a file that cannot be written is one warning, and the
    training goes on.

    >>> import pathlib
    >>> logger = CSVLogger("log.csv", separator=";")
    >>> logger.on_train_begin()
    >>> logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.25})
    >>> logger.on_train_end()
    >>> pathlib.Path("log.csv").read_text().split()
    ['epoch;loss;val_loss', '0;0.5;0.25']
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.sep = separator
        self.filename = os.fspath(filename)
        self.append = append
        self.writer: csv.DictWriter[str] | None = None
        self.keys: list[str] | None = None
        self.append_header = True
        self.csv_file: TextIO | None = None
        self._quiet = Quiet("CSVLogger")
        self._subject = f"cannot write {self.filename!r}"

    def on_train_begin(self, logs: Logs = None) -> None:
        self._quiet = Quiet("CSVLogger")
        self.writer = None
        self.keys = None
        with self._quiet.attempt(self._subject):
            if self.append and os.path.exists(self.filename):
                self.append_header = os.path.getsize(self.filename) == 0
            self._close()
            os.makedirs(os.path.dirname(self.filename) or ".", exist_ok=True)
            self.csv_file = open(self.filename, "a" if self.append else "w", newline="")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self._quiet.failed:
            return
        if self.csv_file is None:
            raise RuntimeError("CSVLogger.on_epoch_end was called before on_train_begin.")
        with self._quiet.attempt(self._subject):
            self._write(self.csv_file, epoch, logs or {})

    def _write(self, file: TextIO, epoch: int, logs: dict[str, Any]) -> None:
        if self.keys is None:
            self.keys = _columns(logs)
        if self.writer is None:
            self.writer = csv.DictWriter(file, fieldnames=["epoch", *self.keys], delimiter=self.sep)
            if self.append_header:
                self.writer.writeheader()
        row = {name: _cell(logs.get(name, "NA")) for name in self.keys}
        self.writer.writerow({"epoch": epoch, **row})
        file.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        with self._quiet.attempt(self._subject):
            self._close()
        self.writer = None

    def on_train_failed(self, error: BaseException) -> None:
        self.on_train_end()

    def _close(self) -> None:
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()


def _columns(logs: dict[str, Any]) -> list[str]:
    """The names, with room for a validation that does not run in the first epoch."""
    names = sorted(logs)
    if not any(name.startswith("val_") for name in names):
        names += [f"val_{name}" for name in names]
    return names


def _cell(value: Any) -> Any:
    is_scalar_array = isinstance(value, np.ndarray) and value.ndim == 0
    if isinstance(value, Iterable) and not isinstance(value, str) and not is_scalar_array:
        return f'"[{", ".join(map(str, value))}]"'
    return value
