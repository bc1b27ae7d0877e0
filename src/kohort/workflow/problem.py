"""Stage 1: what is to be predicted, and how we know."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kohort.workflow.amounts import amount
from kohort.workflow.failure import WorkflowError
from kohort.workflow.table import Column, Table

TASKS = ("binary", "multi-class", "multi-label", "regression")
FEWEST_ROWS = 20
MOST_CLASSES = 20  # so many different whole numbers may still be classes


@dataclass(frozen=True)
class Problem:
    """The task, its encoded targets and the sentences that explain it.

    `y` is `(rows,)`: class numbers, or floats for a regression; `(rows, labels)` for labels.
    """

    task: str
    target: str
    y: np.ndarray
    classes: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    @property
    def outputs(self) -> int:
        """The number of units of the network's last layer."""
        return len(self.classes) if self.task in ("multi-class", "multi-label") else 1

    def counts(self) -> list[int]:
        """Rows of each class (or with each label); empty for a regression."""
        if self.task == "regression":
            return []
        if self.task == "multi-label":
            return [int(n) for n in self.y.sum(axis=0)]
        return [int(n) for n in np.bincount(self.y, minlength=len(self.classes))]


def find_problem(table: Table, task: str | None = None) -> tuple[Problem, Table]:
    """Names the task from the target's values; rows without a target are set aside.

    Returns the problem and the table of the rows that have a target.
    """
    if task is not None and task not in TASKS:
        raise WorkflowError("--task must be one of " + ", ".join(TASKS) + ".", repr(task))
    blank = np.logical_or.reduce([column.missing for column in table.targets])
    text = []
    if blank.any():
        text.append(f"{int(blank.sum())} rows have no target and are set aside.")
        table = table.take(np.flatnonzero(~blank))
    if table.rows < FEWEST_ROWS:
        raise WorkflowError(
            f"Training and an honest test need at least {FEWEST_ROWS} rows.",
            f"{table.rows} rows with a target",
            "collect more data",
        )
    if len(table.targets) > 1:
        return _labels(table, task, text), table
    column = table.targets[0]
    found, why = _task_of(column) if task is None else (task, "as --task says")
    if found == "multi-label":
        raise WorkflowError(
            "A multi-label problem needs several 0/1 targets.",
            f"the one column {column.name!r}",
            "name them all: --target a,b,c",
        )
    build = _regression if found == "regression" else _classes
    return build(column, found, why, text), table


def _task_of(column: Column) -> tuple[str, str]:
    if column.kind == "category":
        count = len(set(column.values))
        return _by_count(count), f"{column.name!r} holds text with {count} different values"
    values = np.unique(column.values)
    if len(values) <= 2:
        return "binary", f"{column.name!r} takes two values only"
    whole = bool(np.all(values == np.round(values)))
    if not whole:
        return "regression", f"{column.name!r} holds numbers with fractions"
    if len(values) <= MOST_CLASSES or _are_codes(values, len(column.values)):
        why = f"{column.name!r} takes only {len(values)} different whole values"
        return _by_count(len(values)), why + "; if they are amounts, say --task regression"
    return "regression", f"{column.name!r} takes {len(values)} different whole values"


def _are_codes(values: np.ndarray, rows: int) -> bool:
    """Class codes run 0, 1, 2, … without a gap, each many times over."""
    gapless = np.array_equal(values, np.arange(values[0], values[0] + len(values)))
    return bool(gapless and values[0] in (0, 1) and rows / len(values) >= 50)


def _by_count(count: int) -> str:
    return "binary" if count <= 2 else "multi-class"


def _classes(column: Column, task: str, why: str, text: list[str]) -> Problem:
    if column.kind == "category":
        names, y = np.unique(column.values.astype(str), return_inverse=True)
        classes = [str(name) for name in names]
    else:
        values, y = np.unique(column.values, return_inverse=True)
        classes = [f"{value:g}" for value in values]
    if len(classes) < 2:
        raise WorkflowError(
            "A classifier needs at least two classes.",
            f"only {classes[0]!r} in {column.name!r}",
            "choose another target",
            "check how the rows were selected",
        )
    if task == "binary" and len(classes) != 2:
        raise WorkflowError(
            "A binary problem has two classes.",
            f"{len(classes)} in {column.name!r}",
            "say --task multi-class",
        )
    if task == "multi-class" and len(classes) > len(y) / 4:
        raise WorkflowError(
            "Each class needs several rows.",
            f"{len(classes)} different values of {column.name!r} in {len(y)} rows",
            "choose another target (is this an identifier or free text?)",
        )
    kind = "Binary" if task == "binary" else f"Multi-class ({len(classes)} classes)"
    text.append(f"{kind} classification: {why}.")
    counts = np.bincount(y)
    order = np.argsort(-counts, kind="stable")
    shares = [f"{classes[i]} {counts[i]} ({counts[i] / len(y):.1%})" for i in order[:12]]
    text.append("Rows of each class: " + ", ".join(shares) + ("." if len(order) <= 12 else ", …"))
    if counts.min() < 8:
        rare = [classes[i] for i in order[::-1] if counts[i] < 8]
        text.append(f"Very few rows of {', '.join(rare[:10])}: read figures on them with care.")
    return Problem(task, column.name, y.astype("int32").ravel(), classes, text)


def _regression(column: Column, task: str, why: str, text: list[str]) -> Problem:
    if column.kind == "category":
        sample = next(iter(column.values))
        raise WorkflowError(
            "A regression needs numbers in its target.",
            f"text such as {sample!r} in {column.name!r}",
            "leave --task away: text targets are classes",
            "choose another target",
        )
    y = column.values.astype("float32")
    if np.all(y == y[0]):
        raise WorkflowError(
            "The target must vary.",
            f"{y[0]:g} in every row of {column.name!r}",
            "choose another target",
        )
    text.append(f"Regression: {why}.")
    text.append(
        f"The target runs from {amount(y.min())} to {amount(y.max())}; half of it lies between "
        f"{amount(np.quantile(y, 0.25))} and {amount(np.quantile(y, 0.75))}."
    )
    return Problem(task, column.name, y, [], text)


def _labels(table: Table, task: str | None, text: list[str]) -> Problem:
    names = [column.name for column in table.targets]
    for column in table.targets:
        if column.kind != "numeric" or not np.isin(column.values, (0, 1)).all():
            raise WorkflowError(
                "Several targets must be labels that are 0 or 1.",
                f"other values in {column.name!r}",
                "predict one target at a time",
            )
    if task not in (None, "multi-label"):
        raise WorkflowError(
            f"A {task} problem has one target.", ", ".join(names), "name one target"
        )
    y = np.stack([column.values for column in table.targets], axis=1).astype("int32")
    single = [name for name, column in zip(names, y.T, strict=True) if len(set(column)) < 2]
    if single:
        raise WorkflowError(
            "Each label must occur in some rows and be absent in others.",
            f"one value only in {', '.join(single)}",
            "leave these labels out",
        )
    text.append(f"Multi-label classification: {len(names)} targets that are 0 or 1 each.")
    shares = [f"{name} {share:.1%}" for name, share in zip(names, y.mean(axis=0), strict=True)]
    text.append("Rows with each label: " + ", ".join(shares[:12]) + ".")
    return Problem("multi-label", ", ".join(names), y, names, text)
