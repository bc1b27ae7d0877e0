"""The learning curves of all members, in one Parquet or CSV file."""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kohort.errors import MissingExtra
from kohort.workflow.search.failure import StudyError, writing

Columns = dict[str, list[Any]]


def write_curves(
    path: str | Path,
    members: Sequence[Mapping[str, Any]],
    logs: Mapping[str, Any],
    *,
    epochs: Sequence[int] | None = None,
    append: bool = True,
) -> Path:
    """Add a row for each epoch of each member; returns the path that was written.

    `members` says what stands beside each curve (trial, fold, seed, ...); `logs` has an array of
    shape `(members, epochs)` for each metric; `epochs` says how many epochs each member ran (a
    member's other entries do not count). The ending `.parquet` or `.csv` chooses the format;
    without one it is Parquet where pyarrow is installed, else CSV. The file is replaced whole, so
    that a kill or a full disk leaves the old one; processes that share a study write a file each.

    >>> from tempfile import mkdtemp
    >>> members = [{"trial": 0, "fold": 0}, {"trial": 1, "fold": 0}]
    >>> path = write_curves(f"{mkdtemp()}/curves.csv", members, {"loss": [[2, 1], [3, 2]]})
    >>> read_curves(path)["loss"]
    [2.0, 1.0, 3.0, 2.0]
    """
    path = _with_ending(Path(path))
    new = _rows(members, logs, epochs)
    if append and path.exists():
        new = _joined(read_curves(path), new)
    rule = "The learning curves must be written beside the study."
    remedy = "make room, or name another place; the curves of earlier batches are kept"
    with writing(path, rule, remedy) as draft:
        _write(draft, path.suffix, new)
    return path


def read_curves(path: str | Path) -> Columns:
    """The columns of a file of curves: trial, ..., epoch (from 1), and the metrics."""
    path = _with_ending(Path(path))
    if path.suffix == ".parquet":
        return _parquet().read_table(path).to_pydict()
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = list(csv.reader(file))
    columns = zip(*lines, strict=True) if lines else ([] for _ in header)
    return {
        name: [_number(v) for v in column] for name, column in zip(header, columns, strict=True)
    }


def _rows(
    members: Sequence[Mapping[str, Any]], logs: Mapping[str, Any], epochs: Sequence[int] | None
) -> Columns:
    tables = {name: np.asarray(values, float) for name, values in logs.items()}
    shapes = {table.shape for table in tables.values()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2 or shape[0] != len(members):
        rule = "Each metric needs an array of shape (members, epochs)."
        received = f"{len(members)} members, { ({n: t.shape for n, t in tables.items()}) }"
        raise StudyError(rule, received, "stack the members' logs")
    counts = np.full(shape[0], shape[1]) if epochs is None else np.asarray(epochs)
    ran = np.arange(shape[1]) < counts[:, None]
    member, epoch = ran.nonzero()
    names = list(dict.fromkeys(name for m in members for name in m))
    columns: Columns = {name: [members[i].get(name) for i in member.tolist()] for name in names}
    columns["epoch"] = (epoch + 1).tolist()
    return {**columns, **{name: table[ran].tolist() for name, table in tables.items()}}


def _joined(old: Columns, new: Columns) -> Columns:
    """The rows of both; a column that one of them lacks is empty there."""
    before, after = (len(next(iter(c.values()), [])) for c in (old, new))
    names = dict.fromkeys([*old, *new])
    return {n: old.get(n, [None] * before) + new.get(n, [None] * after) for n in names}


def _with_ending(path: Path) -> Path:
    if path.suffix in (".parquet", ".csv"):
        return path
    known = importlib.util.find_spec("pyarrow") is not None
    return path.with_name(path.name + (".parquet" if known else ".csv"))


def _write(path: Path, ending: str, columns: Columns) -> None:
    if ending == ".parquet":
        import_parquet = _parquet()
        import pyarrow

        import_parquet.write_table(pyarrow.table(columns), path)
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "frames", "A Parquet file of curves") from error
    return pyarrow.parquet


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None
