"""What a search keeps in its folder: the journal, the curves, the out-of-fold predictions."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from kohort.cohort import Member
from kohort.core import tree
from kohort.workflow.search.curves import read_curves, write_curves
from kohort.workflow.search.failure import StudyError, writing


class Kept:
    """The files of a search; in memory only where there is no folder."""

    def __init__(self, folder: Path | None):
        self.folder = folder
        self._memory: dict[int, Any] = {}
        self._histories: dict[int, list[dict[str, Any]]] = {}

    @property
    def journal(self) -> str | None:
        """The file of the study."""
        if self.folder is None:
            return None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StudyError(
                "The folder of a search must be writable.",
                f"{self.folder}: {error.strerror or error}",
                "make room, or name another one",
            ) from error
        return str(self.folder / "study.log")

    def add_curves(self, members: Sequence[Member]) -> None:
        """Write the learning curves of members."""
        for member in members:
            own = self._histories.setdefault(member.label["trial"], [])
            own.append(member.history.history)
        if self.folder is None:
            return
        names = {name for m in members for name, v in m.history.history.items() if np.ndim(v) == 1}
        longest = max(len(m.history.epoch) for m in members)
        logs = {name: np.full((len(members), longest), np.nan) for name in sorted(names)}
        for i, member in enumerate(members):
            for name, values in member.history.history.items():
                if name in logs:
                    logs[name][i, : len(values)] = values
        labels = [{**m.label, "status": m.status, **_leaves(m)} for m in members]
        counts = [len(m.history.epoch) for m in members]
        write_curves(self.folder / "curves", labels, logs, epochs=counts)

    def histories(self, number: int) -> list[dict[str, Any]]:
        """The learning curves of a trial, a dict of lists for each member; none may be known."""
        if number not in self._histories and self.folder is not None:
            with suppress(OSError):
                self._histories[number] = _split(read_curves(self.folder / "curves"), number)
        return self._histories.get(number, [])

    def add_predictions(self, number: int, predictions: Any) -> None:
        """Keep the out-of-fold predictions of a trial."""
        if tree.is_nested(predictions):
            return  # several outputs: nothing is estimated from them
        self._memory[number] = predictions
        if self.folder is None:
            return
        rule = "The predictions must be written beside the study."
        remedy = "make room and run the search again: it goes on"
        with writing(self._path(number), rule, remedy) as draft, draft.open("wb") as file:
            np.savez_compressed(file, predictions=predictions)

    def predictions(self, number: int) -> np.ndarray | None:
        """The out-of-fold predictions of a trial, or None where they were not kept."""
        if number not in self._memory and self.folder is not None:
            try:
                with np.load(self._path(number), allow_pickle=False) as file:
                    self._memory[number] = file["predictions"]
            except (OSError, ValueError, KeyError, zipfile.BadZipFile):
                return None
        return self._memory.get(number)

    def _path(self, number: int) -> Path:
        assert self.folder is not None
        return self.folder / "predictions" / f"{number}.npz"


def _split(columns: dict[str, list[Any]], trial: int) -> list[dict[str, Any]]:
    """The curves of a trial's members, whose epochs each begin at 1."""
    own = [row for row, number in enumerate(columns["trial"]) if number == trial]
    starts = [i for i, row in enumerate(own) if columns["epoch"][row] == 1]
    names = [name for name in columns if name.removeprefix("val_") in columns and
             f"val_{name.removeprefix('val_')}" in columns]  # fmt: skip
    parts = [own[a:b] for a, b in zip(starts, [*starts[1:], len(own)], strict=True)]
    return [{name: [columns[name][row] for row in part] for name in names} for part in parts]


def _leaves(member: Member) -> dict[str, float]:
    return {path: float(value) for path, value in member.leaves.items()}
