"""The surroundings that all candidates have in common: scaled folds, targets, length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kohort.workflow import network
from kohort.workflow.encode import CodeBook, Scaler, yes_no_columns
from kohort.workflow.honest import Fold
from kohort.workflow.measure import Measure
from kohort.workflow.network import Goal
from kohort.workflow.problem import Problem
from kohort.workflow.protocol import Protocol
from kohort.workflow.series import lag_name
from kohort.workflow.table import Table


@dataclass(frozen=True)
class Bench:
    """Folds as networks see them, and as they are judged.

    `x`, `y` hold the rows of one fold after the other, each scaled with its own training rows;
    `folds` are row numbers in there. `places` are the same rows as places among the development
    rows, whose targets, in their own unit, are `truth`. `shifts` are the mean and the spread by
    which each fold's target was scaled. `shape` is that of a row, as images have it; `are_words`
    says that all columns are words of texts. `before` holds the target's last value, of each row
    of `x`, where the data are a series.
    """

    x: np.ndarray
    y: np.ndarray
    folds: list[Fold]
    places: list[Fold]
    shifts: list[tuple[float, float]]
    truth: np.ndarray
    repeats: int
    goal: Goal
    measure: Measure
    epochs: int
    patience: int
    seed: int
    shape: tuple[int, ...]
    are_words: bool = False
    before: np.ndarray | None = None

    @property
    def each(self) -> int:
        """Folds in one repeat."""
        return len(self.folds) // self.repeats

    @property
    def parts(self) -> np.ndarray | None:
        """The fold that judges each development row in the first repeat; None for one fold."""
        if self.each == 1:
            return None
        out = np.full(len(self.truth), self.each)
        for number, fold in enumerate(self.places[: self.each]):
            out[fold.validation] = number
        return out

    @property
    def is_image(self) -> bool:
        """Whether rows are images, large enough for convolutions."""
        return len(self.shape) in (2, 3) and min(self.shape[:2]) >= 8

    def arrays(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """A fold as `(x_train, y_train, x_judge, y_judge)`, the targets in their own unit."""
        fold, place = self.folds[number], self.places[number]
        return (
            self.x[fold.train], self.truth[place.train],
            self.x[fold.validation], self.truth[place.validation],
        )  # fmt: skip


def make_bench(
    table: Table,
    coded: np.ndarray,
    book: CodeBook,
    problem: Problem,
    protocol: Protocol,
    measure: Measure,
    epochs: int | None,
    seed: int,
    most_rows: int | None = None,
    row_shape: tuple[int, ...] | None = None,
) -> Bench:
    """Encodes and scales each fold by what its own training rows teach.

    `coded` is the table by `book`, `most_rows` limits what a fold trains on.
    `epochs=None` gives about 1200 steps, in 15 to 60 epochs.
    """
    goal, yes_no = Goal.of(problem), yes_no_columns(book)
    lag = book.place_of(lag_name(problem.target, 1))
    before: list[np.ndarray] = []
    xs, ys, shifts, folds, places = [], [], [], [], []
    start = 0
    for train, judge in protocol.folds:
        train = train[:most_rows] if most_rows else train
        both = np.concatenate([train, judge])
        own = book.relearned([column.take(train) for column in table.inputs])
        matrix = (
            coded[both] if own is book else own.apply([c.take(both) for c in table.inputs])
        )  # training rows first
        scaler = Scaler.fit(matrix[: len(train)], yes_no, book.pixels)
        shifts.append(target_shift(problem.y[train], goal))
        xs.append(scaler.apply(matrix))
        ys.append(shifted(problem.y[both], shifts[-1]))
        before += [] if lag is None else [coded[both, lag]]
        middle, end = start + len(train), start + len(both)
        folds.append(Fold(np.arange(start, middle), np.arange(middle, end)))
        where = np.searchsorted(protocol.development, both)
        places.append(Fold(where[: len(train)], where[len(train) :]))
        start = end
    if epochs is None:
        rows = len(folds[0].train)
        epochs = int(np.clip(1200 // max(1, rows // network.batch_size(rows)), 15, 60))
    return Bench(
        np.concatenate(xs), np.concatenate(ys), folds, places, shifts,
        problem.y[protocol.development], protocol.repeats, goal, measure,
        epochs, max(5, epochs // 6), seed, row_shape or (coded.shape[1],),
        all(code.use in ("words", "aside") for code in book.codes),
        np.concatenate(before) if before else None,
    )  # fmt: skip


def target_shift(y: np.ndarray, goal: Goal) -> tuple[float, float]:
    """Mean and deviation of a regression's target; (0, 1) where there is nothing to scale."""
    return (float(y.mean()), float(y.std()) or 1.0) if goal.task == "regression" else (0.0, 1.0)


def shifted(y: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """The target as networks learn it."""
    return y if shift == (0.0, 1.0) else ((y - shift[0]) / shift[1]).astype("float32")


def in_own_unit(outputs: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """Outputs of a network as predictions: `(rows,)` where there is one output."""
    out = np.asarray(outputs, "float64") * shift[1] + shift[0]
    return out[:, 0] if out.shape[1] == 1 else out
