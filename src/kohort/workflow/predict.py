"""`kohort predict`: the saved model applied to the rows of a file, through its code book."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import kohort
from kohort.workflow.encode import CodeBook
from kohort.workflow.failure import WorkflowError
from kohort.workflow.final import predictions_of
from kohort.workflow.readers import read_columns
from kohort.workflow.scores import decide
from kohort.workflow.series import with_next
from kohort.workflow.table import Column


def predict(
    run: str | Path, data: str | Path, header: bool | None = None, encoding: str = "utf-8"
) -> tuple[list[str], list[list[Any]]]:
    """Predicts the rows of `data` with the model of a run folder.

    Returns the names of the result columns and a list of rows: the predicted class with the
    probability of each class, or the predicted amount. The target need not be in the file, unless
    it is a series: then each value that has enough values before it is predicted, and the next.
    """
    config, book = _load_config(Path(run))
    columns = read_columns(data, header, encoding, config.get("row_shape"))
    lags = config.get("lags", 0)
    if lags:
        columns = _with_past(columns, config["target"], lags)
    coded = book.apply(_matching(columns, book))[lags:]
    fill = np.array(config["fill"], dtype="float32")
    rows = np.where(np.isnan(coded), fill, coded)
    model = kohort.models.load_model(Path(run) / "model.keras", compile=False)
    if len(model.input_shape) > 2:
        rows = rows.reshape(len(rows), *model.input_shape[1:])
    output = predictions_of(model, rows)
    output = output[:, None] if output.ndim == 1 else output
    return _result(output, config)


def _load_config(run: Path) -> tuple[dict[str, Any], CodeBook]:
    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
        book = CodeBook.from_json(config["code_book"])
        config["fill"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkflowError(
            "RUN must be the folder of a finished `kohort improve`.",
            f"{run}, whose config.json is absent or incomplete ({error})",
            "name the folder that was given as --out",
            "run `kohort improve` again if it was interrupted",
        ) from error
    return config, book


def _with_past(columns: list[Column], target: str, lags: int) -> list[Column]:
    """The rows of a series with the values before them, and the row that comes next."""
    past = [column for column in columns if column.name == target and column.kind == "numeric"]
    rows = len(columns[0].values)
    if not past or rows < lags:
        raise WorkflowError(
            f"A series is foreseen from the last {lags} values of {target!r}.",
            f"{rows} rows" if past else f"a file without numbers in a column {target!r}",
            "give the rows before, too",
        )
    return with_next(columns, target, lags)


_WORDS = {"numeric": "numbers", "date": "dates", "category": "text"}


def _first(column: Column) -> object:
    return column.values[~column.missing].tolist()[0]


def _matching(columns: list[Column], book: CodeBook) -> list[Column]:
    """The columns that the code book asks for, found by name."""
    needed = [code.name for code in book.codes if code.use != "aside"]
    by_name = {column.name: column for column in columns}
    lacking = [name for name in needed if name not in by_name]
    if lacking:
        raise WorkflowError(
            "The file must hold the columns that the model was trained on.",
            f"a file without {', '.join(lacking[:10])}",
            "add these columns",
            "a file without a header line must have all columns in their places",
        )
    kinds = {"number": "numeric", "yes-no": "numeric", "date": "date"}
    wanted = {code.name: kinds.get(code.use) for code in book.codes}
    for name in needed:
        kind = wanted[name]
        if kind not in (None, by_name[name].kind):
            if by_name[name].missing.all():
                gaps = np.full(len(by_name[name].values), np.nan)
                by_name[name] = Column(name, "numeric", gaps)
                continue
            raise WorkflowError(
                f"Column {name!r} must hold {_WORDS[str(kind)]}, as it did in training.",
                f"{_WORDS[by_name[name].kind]} such as {_first(by_name[name])!r}",
                "mend the column",
            )
    return [by_name[name] for name in needed]


def _result(output: np.ndarray, config: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    classes = config["classes"]
    if config["task"] == "regression":
        return [config["target"]], [[value] for value in output[:, 0].tolist()]
    if config["task"] == "multi-label":
        return classes, output.tolist()
    binary = config["task"] == "binary"
    if binary:
        output = np.concatenate([1 - output, output], axis=1)
    names = [config["target"], *(f"p({name})" for name in classes)]
    chosen = decide(np.empty(0), output[:, 1], config["threshold"]) if binary else output.argmax(1)
    rows = zip(chosen.tolist(), output.tolist(), strict=True)
    return names, [[classes[i], *row] for i, row in rows]
