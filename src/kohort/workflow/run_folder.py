"""The run folder: every file is written whole or not at all, so that a run can go on from there."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import kohort
from kohort.workflow.candidates import Result
from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest.sealed import OPENINGS, SEAL
from kohort.workflow.network import Setting

FILES = (
    "config.json", "history.csv", "log.txt", "model.keras", "report.html", "trials.csv", SEAL,
)  # fmt: skip
FORMAT = 1  # of config.json and the candidates: one more whenever an older run cannot go on
CANDIDATES = "candidates"  # the results that a resumed run need not train again


class RunFolder:
    """A folder with `config.json`, `log.txt`, the CSV files, the model and the report.

    The files of an earlier run are cleared, unless this one goes on with it; the log of the test
    part's openings is kept in any case.
    """

    def __init__(self, path: str | Path, resume: bool = False):
        self.path = Path(path)
        self._count = 0
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for left in self.path.glob(".*.part*"):  # by a run that was killed while it wrote
                left.unlink()
            if not resume:
                for name in FILES:  # an earlier model must not lie beside this run's report
                    (self.path / name).unlink(missing_ok=True)
                shutil.rmtree(self.path / CANDIDATES, ignore_errors=True)
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
        temporary = target.with_name(f".{target.name}.part")
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
            setting = {
                name: "-".join(map(str, value)) if isinstance(value, tuple) else value
                for name, value in asdict(r.setting).items()
            }
            scores = " ".join(f"{score:.6g}" for score in r.scores)
            lines.append(
                [number, r.stage, *setting.values(), r.parameters]
                + [r.score, r.standard_error, r.train_score, scores]
                + [" ".join(map(str, r.best_epochs)), round(r.seconds, 3)]
            )
            for fold, (loss, val_loss) in enumerate(r.curves):
                for epoch, pair in enumerate(zip(loss, val_loss, strict=True), 1):
                    curves.append([number, r.stage, fold, epoch, *pair])
        header = ["trial", "stage", *Setting.__dataclass_fields__, "parameters"]
        header += ["score", "standard_error", "train_score", "fold_scores"]
        self.write_csv("trials.csv", [*header, "best_epochs", "seconds"], lines)
        columns = ["trial", "stage", "fold", "epoch", "loss", "val_loss"]
        self.write_csv("history.csv", columns, curves)

    # ---- what a resumed run need not train again

    def keep(self, result: Result) -> None:
        """Writes one result with its out-of-fold predictions."""
        folder = self.path / CANDIDATES
        folder.mkdir(exist_ok=True)
        while (target := folder / f"{self._count}.npz").exists():
            self._count += 1
        plain = {k: v for k, v in result.__dict__.items() if k not in ("setting", "predictions")}
        described = json.dumps(plain | {"setting": asdict(result.setting)})
        temporary = folder / f".{self._count}.part"
        with temporary.open("wb") as file:
            np.savez_compressed(file, predictions=result.predictions, described=described)
        os.replace(temporary, target)

    def kept(self) -> dict[Setting, Result]:
        """The results of the run that goes on; one that cannot be read is trained again."""
        found = {}
        for path in sorted((self.path / CANDIDATES).glob("*.npz")):
            try:
                with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                    described = json.loads(str(file["described"]))
                    predictions = file["predictions"]
                setting = Setting.from_json(described.pop("setting"))
                curves = [(loss, val) for loss, val in described.pop("curves")]
                found[setting] = Result(
                    **described, setting=setting, curves=curves, predictions=predictions
                )
            except Exception:  # a damaged file can fail in any way
                path.unlink(missing_ok=True)
        return found


def begun(path: str | Path) -> dict[str, Any]:
    """The configuration of the run in a folder, to go on with it.

    Raises:
        WorkflowError: where there is none, or another version of Kohort wrote it.
    """
    try:
        config = json.loads((Path(path) / "config.json").read_text(encoding="utf-8"))
        if config.get("format") == FORMAT:
            return {name: config[name] for name in ("state", "fingerprint", "options")}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise WorkflowError(
            "--resume needs the folder of a run that was begun.",
            f"{path}, whose config.json cannot be read ({error})",
            "name the folder that was given as --out",
            "leave --resume away to begin",
        ) from error
    raise WorkflowError(
        "--resume goes on with a run of this version of Kohort: others keep their files otherwise.",
        f"{path}, a run of another version ({config.get('kohort', 'unknown')}, "
        f"format {config.get('format', 0)}; this one is {kohort.__version__}, format {FORMAT})",
        "leave --resume away to run anew: what the other version wrote there is cleared",
        "name another folder with --out to keep it",
        "go on with it in the version of Kohort that began it",
    )


__all__ = ["CANDIDATES", "FILES", "FORMAT", "OPENINGS", "RunFolder", "begun"]
