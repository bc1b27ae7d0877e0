"""The run folder: every file is written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kohort.workflow.candidates import Result
from kohort.workflow.failure import WorkflowError

OPENINGS = "test_openings.json"  # the one file that later runs add to
FILES = ("config.json", "history.csv", "log.txt", "model.keras", "report.html", "trials.csv")


class RunFolder:
    """A folder with `config.json`, `log.txt`, the CSV files, the model and the report."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for name in FILES:  # an earlier run's model must not lie beside this run's report
                (self.path / name).unlink(missing_ok=True)
            for left in self.path.glob(".*.part*"):  # by a run that was killed while it wrote
                left.unlink()
            self.write("log.txt", "")
        except OSError as error:
            raise WorkflowError(
                "The run folder must be writable.",
                f"{path}: {error.strerror}",
                "name another folder with --out",
            ) from error

    def write(self, name: str, content: str) -> Path:
        """Writes text through a temporary file, so that a kill leaves the old file or the new."""
        target = self.path / name
        temporary = target.with_name(f".{name}.part")
        temporary.write_text(content, encoding="utf-8")
        os.replace(temporary, target)
        return target

    def write_json(self, name: str, content: Any) -> Path:
        return self.write(name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def write_csv(self, name: str, header: list[str], rows: Iterable[list[Any]]) -> Path:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        return self.write(name, text.getvalue())

    def save_model(self, model: Any) -> Path:
        """Saves `model.keras` beside itself first, then moves it into place."""
        target, temporary = self.path / "model.keras", self.path / ".model.part.keras"
        model.save(temporary)
        os.replace(temporary, target)
        return target

    def write_results(self, results: list[Result]) -> None:
        """`trials.csv`: a line a candidate; `history.csv`: a line an epoch of each fold."""
        lines, curves = [], []
        for number, r in enumerate(results):
            s = r.setting
            hidden = "-".join(map(str, s.hidden))
            scores = " ".join(f"{score:.6g}" for score in r.scores)
            lines.append(
                [number, r.stage, hidden, s.learning_rate, s.l2, s.dropout, r.parameters]
                + [r.score, r.standard_error, r.train_score, scores]
                + [" ".join(map(str, r.best_epochs)), round(r.seconds, 3)]
            )
            for fold, (loss, val_loss) in enumerate(r.curves):
                for epoch, pair in enumerate(zip(loss, val_loss, strict=True), 1):
                    curves.append([number, r.stage, fold, epoch, *pair])
        header = ["trial", "stage", "hidden", "learning_rate", "l2", "dropout", "parameters"]
        header += ["score", "standard_error", "train_score", "fold_scores"]
        self.write_csv("trials.csv", [*header, "best_epochs", "seconds"], lines)
        columns = ["trial", "stage", "fold", "epoch", "loss", "val_loss"]
        self.write_csv("history.csv", columns, curves)

    def earlier_openings(self, fingerprint: str) -> list[dict[str, Any]]:
        """Openings of the test part of the same data, here and in the folders beside this one."""
        found = []
        for path in sorted(self.path.resolve().parent.glob(f"*/{OPENINGS}")):
            try:
                entries = json.loads(path.read_text(encoding="utf-8"))
                found += [entry for entry in entries if entry["fingerprint"] == fingerprint]
            except (OSError, ValueError, TypeError, KeyError):
                continue  # somebody else's file, or a damaged one: it says nothing
        return found

    def log_opening(self, fingerprint: str, chosen: str) -> None:
        """Adds an entry to the log of openings, before the part is looked at."""
        path = self.path / OPENINGS
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            entries = []
        now = datetime.now(UTC).isoformat(timespec="seconds")
        entry = {
            "time": now,
            "fingerprint": fingerprint,
            "run": str(self.path),
            "network": chosen,
        }
        self.write_json(OPENINGS, [*entries, entry])
