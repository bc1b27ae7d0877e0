"""From a path or a name to a table: CSV, Parquet, .npz and the embedded data sets."""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kohort.workflow.dates import day_numbers
from kohort.workflow.failure import UsageError, WorkflowError
from kohort.workflow.folders import read_files, read_folder
from kohort.workflow.table import Column, Table, column_of, matrix_columns, number, split_columns

WHOLE = ("digits", "breast_cancer", "wine", "diabetes", "iris")  # no test part by origin
SPLIT = ("boston_housing", "california_housing", "mnist", "fashion_mnist", "imdb", "reuters")
WORDS = 2000  # the most frequent words of a text set become yes/no columns


def read(
    data: str | Path,
    target: str | None = None,
    header: bool | None = None,
    encoding: str = "utf-8",
) -> Table:
    """Reads `data`: a file (`.csv`, `.tsv`, `.txt`, `.gz`, `.parquet`, `.npz`) or a set's name.

    `target` names one or several columns (separated by commas) or counts one (`-1` is the
    last). `header=None` finds out by itself whether a CSV file has a header line.
    """
    path = Path(data)
    if str(data) in WHOLE + SPLIT and not path.is_file():
        return read_embedded(str(data))
    if not path.exists():
        raise WorkflowError(
            "DATA must be a file or the name of an embedded data set.",
            f"{str(data)!r}, which is neither",
            "check the path",
            "or take one of " + ", ".join(WHOLE + SPLIT),
        )
    if path.is_dir():
        return read_folder(path)
    if path.stat().st_size == 0:
        raise WorkflowError("DATA must hold rows.", f"{data}, an empty file", "check it")
    if path.suffix == ".npz":
        return read_npz(path)
    notes: list[str] = []
    if path.suffix in {".parquet", ".pq"}:
        columns = parquet_columns(path, notes)
    else:
        columns = csv_columns(path, notes, header, encoding)
    inputs, targets = split_columns(columns, target)
    return Table(str(path), inputs, targets, notes=notes)


def read_columns(
    data: str | Path,
    header: bool | None = None,
    encoding: str = "utf-8",
    row_shape: Sequence[int] | None = None,
) -> list[Column]:
    """All columns of a table file, or the inputs of an .npz file (`x` or `data`) or a folder.

    The images of a folder are brought to the shape `row_shape`.
    """
    path = Path(data)
    if path.is_dir():
        return read_files(path, row_shape)
    if not path.is_file():
        raise WorkflowError("DATA must be a file.", repr(str(data)), "check the path")
    if path.suffix == ".npz":
        parts = _npz_parts(path)
        for key in ("x", "x_test", "data"):
            if key in parts:
                return matrix_columns(parts[key], None, [])
        raise WorkflowError("An .npz file must hold x or data.", ", ".join(parts), "rename it")
    if path.suffix in {".parquet", ".pq"}:
        return parquet_columns(path, [])
    return csv_columns(path, [], header, encoding)


def csv_columns(
    path: Path, notes: list[str], header: bool | None = None, encoding: str = "utf-8"
) -> list[Column]:
    """Reads a delimited text file, gzipped or not; the separator is found from the first line."""
    text = _text(path, encoding)
    rows, lines, separator = _records(text, path)
    comma = separator == ";"  # as spreadsheets write where the comma is the decimal point
    if header is None:
        header = not any(number(cell, comma) is not None for cell in rows[0])
        if not header:
            notes.append("The first line holds numbers, so the file was read without a header.")
    names = _names(rows[0], notes) if header else [f"column{i}" for i in range(len(rows[0]))]
    body, body_lines = (rows[1:], lines[1:]) if header else (rows, lines)
    if not body:
        raise WorkflowError("A table needs rows.", f"{path} with a header only", "check the file")
    return [
        column_of(name, cells, body_lines, notes, comma)
        for name, cells in zip(names, zip(*body, strict=True), strict=True)
    ]


def _text(path: Path, encoding: str) -> str:
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as error:
            raise WorkflowError(
                "A .gz file must be whole.", f"{path}: {error}", "fetch it again"
            ) from error
    try:
        return raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except LookupError as error:
        raise UsageError(
            "--encoding must be known to Python.", repr(encoding), "try latin-1"
        ) from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise WorkflowError(
            f"The file must be {encoding} text.",
            f"byte 0x{raw[error.start]:02x} in line {line} of {path}",
            "save it as UTF-8",
            "or name its encoding, for example --encoding latin-1",
        ) from error


def _records(text: str, path: Path) -> tuple[list[list[str]], list[int], str]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t|", key=first.count)
    cells = first.split(";")  # 0,5;1,5 has more commas
    if len(cells) > 1 and any("," in c and number(c, comma=True) is not None for c in cells):
        separator = ";"
    reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if not row or not any(cell.strip() for cell in row):
                continue
            if rows and len(row) != len(rows[0]):
                raise WorkflowError(
                    "Every line of a table must have the same number of fields.",
                    f"{len(row)} fields in line {reader.line_num} of {path}, "
                    f"where the first line has {len(rows[0])}",
                    "mend that line",
                    "put quotes around text that holds the separator",
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise WorkflowError(
            "The file must be delimited text.", f"{path}: {error}", "check the file"
        ) from error
    if not rows:
        raise WorkflowError("DATA must hold rows.", f"{path}, blank lines only", "check it")
    return rows, lines, separator


def _names(cells: list[str], notes: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    names = []
    for i, cell in enumerate(cells):
        name = cell.strip() or f"column{i}"
        seen[name] += 1
        if seen[name] > 1:
            notes.append(f"The name {name!r} occurs again in column {i}; called {name}_{i} here.")
            name = f"{name}_{i}"
        names.append(name)
    return names


def parquet_columns(path: Path, notes: list[str]) -> list[Column]:
    """Reads a Parquet file with pyarrow, pandas or polars, whichever is installed."""
    columns = []
    for name, values in _parquet_frame(path).items():
        array = np.asarray(values)
        if array.dtype.kind in "fiub":
            columns += matrix_columns(array.astype("float64"), [name], notes)
        elif array.dtype.kind == "M":
            columns.append(Column(name, "date", day_numbers(array)))
        else:
            cells = ["" if value is None else str(value) for value in values]
            columns.append(column_of(name, cells, range(1, len(cells) + 1), notes))
    if not columns or not len(columns[0].values):
        raise WorkflowError("DATA must hold rows.", f"{path}, an empty table", "check it")
    return columns


def _parquet_frame(path: Path) -> dict[str, np.ndarray]:
    readers = (
        ("pyarrow.parquet", lambda module: module.read_table(path).to_pandas()),
        ("pandas", lambda module: module.read_parquet(path)),
        ("polars", lambda module: module.read_parquet(path)),
    )
    for name, load in readers:
        try:
            frame = load(importlib.import_module(name))
        except ImportError:
            continue
        except Exception as error:  # the readers share no exception class of their own
            raise WorkflowError(
                "The Parquet file must be readable.", f"{path}: {error}", "check the file"
            ) from error
        return {str(column): frame[column].to_numpy() for column in frame.columns}
    raise WorkflowError(
        "Reading Parquet needs pyarrow, pandas or polars.",
        f"{path} with none of them installed",
        "pip install 'kohort[frames]'",
        "or save the table as CSV",
    )


def read_npz(path: Path) -> Table:
    """Reads `x`, `y`, or `x_train`, `y_train` (`x_test`, `y_test`), or `data`, `target`."""
    parts = _npz_parts(path)
    for x_key, y_key in (("x_train", "y_train"), ("x", "y"), ("data", "target")):
        if x_key in parts and y_key in parts:
            break
    else:
        raise WorkflowError(
            "An .npz file must hold x and y, or x_train and y_train, or data and target.",
            f"the keys {', '.join(parts) or '(none)'}",
            "rename the arrays",
        )
    test = (parts["x_test"], parts["y_test"]) if {"x_test", "y_test"} <= set(parts) else None
    return from_arrays(str(path), (parts[x_key], parts[y_key]), test)


def _npz_parts(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise WorkflowError(
            "An .npz file must hold plain arrays.",
            f"{path}: {error}",
            "write it with numpy.savez(path, x=..., y=...), without object arrays",
        ) from error


def read_embedded(name: str) -> Table:
    """One of the data sets of `kohort.datasets`; texts become yes/no columns of frequent words."""
    loader = importlib.import_module(f"kohort.datasets.{name}").load_data
    if name in ("imdb", "reuters"):
        (x_train, y_train), (x_test, y_test) = loader(num_words=WORDS)
        train, test = (_multi_hot(x_train), y_train), (_multi_hot(x_test), y_test)
        table = from_arrays(name, train, test)
        table.notes.append(f"Texts became {WORDS} yes/no columns: does word number i occur?")
        return table
    train, test = loader()
    if name in SPLIT:
        return from_arrays(name, train, test)
    x, y = (np.concatenate(parts) for parts in zip(train, test, strict=True))
    module = importlib.import_module(f"kohort.datasets.{name}")
    if hasattr(module, "get_label_names"):
        labels = module.get_label_names()
        if list(labels) != [str(number) for number in range(len(labels))]:
            y = np.array(labels, dtype=object)[y]
    features = getattr(module, "get_feature_names", None)
    return from_arrays(name, (x, y), names=features() if features else None)


def _multi_hot(sequences: np.ndarray) -> np.ndarray:
    out = np.zeros((len(sequences), WORDS), dtype="uint8")
    for row, sequence in enumerate(sequences):
        out[row, list(sequence)] = 1
    return out


def from_arrays(
    source: str,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray] | None = None,
    names: Sequence[str] | None = None,
) -> Table:
    """A table of arrays: `x` of shape `(rows, ...)`, `y` of shape `(rows,)` or `(rows, labels)`."""
    x, y = (np.asarray(part) for part in train)
    given = 0
    for what, inputs, targets in (("training", x, y), *((("test", *test),) if test else ())):
        if len(inputs) != len(targets):
            raise WorkflowError(
                f"The {what} inputs and targets must have the same number of rows.",
                f"{len(inputs)} and {len(targets)}",
                "check how the arrays were made",
            )
    if test is not None:
        given = len(test[0])
        x, y = np.concatenate([x, test[0]]), np.concatenate([y, test[1]])
    if not len(x):
        raise WorkflowError("DATA must hold rows.", f"{source}, no rows", "check it")
    notes: list[str] = []
    row_shape = tuple(x.shape[1:]) if x.ndim > 2 else None
    inputs = matrix_columns(x, names, notes)
    return Table(source, inputs, _target_columns(y), given, row_shape, notes)


def _target_columns(y: np.ndarray) -> list[Column]:
    flat = y.reshape(len(y), -1)
    if flat.shape[1] > 2 and set(np.unique(flat)) <= {0, 1} and (flat.sum(axis=1) == 1).all():
        flat = flat.argmax(axis=1)[:, None]  # one-hot classes
    names = ["target"] if flat.shape[1] == 1 else [f"label{i}" for i in range(flat.shape[1])]
    if flat.dtype.kind in "fiub":
        return matrix_columns(flat.astype("float64"), names, [])
    columns = []
    for i, name in enumerate(names):
        values = np.array([str(value) for value in flat[:, i]], dtype=object)
        columns.append(Column(name, "category", values))
    return columns
