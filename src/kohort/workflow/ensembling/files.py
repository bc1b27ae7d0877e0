"""An ensemble in one file: a zip archive with JSON and a `.keras` archive for each member."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.saving.archive import open_archive, read_archive, read_member, write_archive
from kohort.saving.atomic import atomic_file
from kohort.workflow.ensembling.choose import METHODS, Worth
from kohort.workflow.ensembling.export import networks

if TYPE_CHECKING:
    from kohort.workflow.ensembling.result import Ensemble

FORMAT = "kohort.ensemble"
VERSION = 1
_INDEX = "ensemble.json"
_TASKS = ("binary", "multi-class", "multi-label", "regression")


def write(ensemble: Ensemble, path: Any) -> None:
    """Write an ensemble; the file appears whole or not at all."""
    members = networks(ensemble, "saved")
    index = {
        "format": FORMAT,
        "version": VERSION,
        "method": ensemble.method,
        "task": ensemble.task,
        "form": list(ensemble.form),
        "names": ensemble.names,
        "weights": ensemble.weights.tolist(),
        "classes": None if ensemble.classes is None else ensemble.classes.tolist(),
        "score": None if ensemble.score is None else dataclasses.asdict(ensemble.score),
        "candidates": ensemble.candidates,
    }
    with atomic_file(path) as draft, zipfile.ZipFile(draft, "w") as archive:
        archive.writestr(_INDEX, json.dumps(index))
        for i, model in enumerate(members):
            buffer = io.BytesIO()
            write_archive(model, buffer)
            archive.writestr(_place(i), buffer.getvalue())


def read(path: Any, custom_objects: Any = None, safe_mode: bool = True) -> dict[str, Any]:
    """What an `Ensemble` is made from.

    Raises:
        ValueError: where the file is damaged, or not an ensemble's.
        OSError: where it cannot be read.
    """
    with open_archive(path) as archive:
        index = _index(read_member(archive, _INDEX), path)
        members = [
            read_archive(
                io.BytesIO(read_member(archive, _place(i))), custom_objects, True, safe_mode
            )
            for i in range(len(index["weights"]))
        ]
    classes, score = index["classes"], index["score"]
    return {
        "members": members,
        "names": index["names"],
        "weights": np.asarray(index["weights"], "float64"),
        "method": index["method"],
        "task": index["task"],
        "form": tuple(index["form"]),
        "classes": None if classes is None else np.asarray(classes),
        "score": None if score is None else Worth(**score),
        "candidates": index["candidates"],
    }


def _place(number: int) -> str:
    return f"members/{number}.keras"


def _index(text: bytes, path: Any) -> dict[str, Any]:
    try:
        index = json.loads(text)
        weights = np.asarray(index["weights"], "float64")
        fits = (
            index["format"] == FORMAT
            and index["version"] <= VERSION
            and index["method"] in METHODS
            and index["task"] in _TASKS
            and weights.ndim == 1
            and 0 < len(weights) == len(index["names"])
            and bool(np.isfinite(weights).all() and (weights >= 0).all() and weights.any())
            and all(isinstance(size, int) for size in index["form"])
            and all({"name", "score", "weight"} <= row.keys() for row in index["candidates"])
            and {"classes", "score"} <= index.keys()
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        fits = False
    if not fits:
        raise ValueError(
            f"{path} is not an ensemble that this version of Kohort can read, or it is damaged."
        )
    return index
