"""The sealed test part: set aside first, opened once, and every opening is on record."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from kohort.errors import KohortWarning
from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest.row_keys import name_of, row_keys

SEAL = "test_seal.json"
OPENINGS = "test_openings.jsonl"


class SealedTest:
    """Test rows of one data set, with a log of openings in the run folder.

    `SealedTest(folder, data, rows)` seals `rows` of `data` (say `(x, y)`). A folder that holds a
    seal of the same data gives its own rows back, so that a resumed run cannot draw anew; a seal
    of other data is an error. `development` holds the other rows.

    `open(reason)` writes a line to the log, then returns the rows. It warns where the test part of
    this data was opened before, in this folder or one beside it: what was chosen since may have
    been shaped by what was seen.

    Source of the rule: Dwork et al. (2015), "The reusable holdout", on why each look costs.

    >>> x, y = np.arange(10.0), np.arange(10)
    >>> sealed = SealedTest("run", (x, y), rows=np.array([2, 7]))
    >>> sealed.development.tolist(), sealed.earlier()
    ([0, 1, 3, 4, 5, 6, 8, 9], [])
    >>> sealed.open("final model").tolist(), len(sealed.earlier())
    ([2, 7], 1)
    """

    def __init__(self, folder: str | Path, data: Any, rows: np.ndarray | None = None):
        self.folder = Path(folder)
        keys = row_keys(data)
        self.data = name_of(keys)
        kept = self._kept()
        if kept is not None:
            rows = np.asarray(kept["rows"])
        elif rows is None:
            raise WorkflowError(
                "The folder holds no seal, so rows= must say which rows to seal.",
                str(folder),
                "give row numbers: make_folds(len(x), hold_out=0.2)[0].validation",
            )
        self.rows = np.unique(rows)
        count = len(keys)
        self.development = np.setdiff1d(np.arange(count), self.rows)
        if kept is None:
            if not 0 < len(self.rows) < count or self.rows[-1] >= count or self.rows[0] < 0:
                raise WorkflowError(
                    f"The test part must be some of the rows 0 to {count - 1}, not all of them.",
                    f"{len(self.rows)} rows",
                    "seal about a fifth of the rows",
                )
            self._seal()

    def open(self, reason: str = "") -> np.ndarray:
        """Logs the opening, and only then returns the test rows' numbers."""
        earlier = self.earlier()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {"time": now, "data": self.data, "run": str(self.folder), "reason": reason}
        with _writing(self.folder):
            _append(self.folder / OPENINGS, json.dumps(entry, ensure_ascii=False))
        if earlier:
            warnings.warn(_said(earlier, self.folder), KohortWarning, stacklevel=2)
        return self.rows

    def earlier(self) -> list[dict[str, Any]]:
        """Openings of this data's test part, here and in the folders beside this one, by time."""
        logs = self.folder.resolve().parent.glob(f"*/{OPENINGS}")
        found = [entry for log in sorted(logs) for entry in _entries(log)]
        return sorted((e for e in found if e["data"] == self.data), key=lambda e: e["time"])

    def _kept(self) -> dict[str, Any] | None:
        path = self.folder / SEAL
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise WorkflowError(
                "The seal of the test part must be readable.",
                f"{path}: {error}",
                "name another run folder",
            ) from error
        if kept.get("data") != self.data:
            raise WorkflowError(
                "A run folder holds the seal of one data set.",
                f"data {self.data}, but {path} is of {kept.get('data')}",
                "name another run folder",
                "give the data that this folder's run began with",
            )
        return kept

    def _seal(self) -> None:
        target = self.folder / SEAL
        temporary = target.with_name(f".{SEAL}.{os.getpid()}.part")
        content = {"data": self.data, "rows": self.rows.tolist()}
        with _writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")
            os.replace(temporary, target)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkflowError(
            "The run folder must be writable: no test row is shown before that is on record.",
            f"{folder}: {error.strerror or error}",
            "make room on the disk, or name another run folder",
        ) from error


def _append(path: Path, line: str) -> None:
    """Adds a whole line in one write, so that processes never mix theirs."""
    with open(path, "a+b") as file:
        if file.tell() and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
            line = f"\n{line}"  # a process was killed within its line
        file.write(f"{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return  # somebody else's file, not for us to read
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the torn line of a killed process
        if isinstance(entry, dict) and {"data", "time", "run", "reason"} <= entry.keys():
            yield entry


def _said(earlier: list[dict[str, Any]], folder: Path) -> str:
    last = earlier[-1]
    here = "in this run folder" if last["run"] == str(folder) else f"by the run {last['run']}"
    times = "once" if len(earlier) == 1 else f"{len(earlier)} times"
    return (
        f"The test part of this data was opened {times} before, last {here} at {last['time']}. "
        "What was chosen since may have been shaped by it: only fresh rows give a clean figure."
    )
