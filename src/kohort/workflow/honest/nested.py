"""Nested cross-validation: the whole procedure, choice included, is judged on rows it never saw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kohort.workflow.honest.compare import corrected_error
from kohort.workflow.honest.splits import Fold

Split = Callable[[np.ndarray], Sequence[Fold]]
Select = Callable[[np.ndarray, list[Fold]], Any]
Judge = Callable[[Any, np.ndarray], float]


@dataclass(frozen=True)
class Nested:
    """Each outer fold's score and what was chosen in it, the mean score and its interval."""

    scores: np.ndarray
    chosen: list[Any]
    value: float
    low: float
    high: float
    level: float = 0.95

    def __str__(self) -> str:
        return (
            f"{self.value:.4g} ({self.level:.0%} interval {self.low:.4g} to {self.high:.4g}), "
            f"{len(self.scores)} outer folds"
        )


def nested(
    outer: Sequence[Fold], split: Split, select: Select, judge: Judge, level: float = 0.95
) -> Nested:
    """Chooses inside each outer fold's training rows, and judges on its validation rows.

    For each fold of `outer`: `split(rows)` gives folds of the positions within the training rows
    (`make_folds(len(rows))`, say); `select(rows, folds)` gets them as row numbers of the whole
    data, chooses, fits on `rows` and returns a model; `judge(model, validation_rows)` returns its
    score. The interval is mean ± t √((1/J + n_validation/n_train) s²), the corrected resampled
    t interval.

    Sources: Stone (1974), "Cross-validatory choice and assessment"; Varma and Simon (2006), "Bias
    in error estimation when using cross-validation"; Nadeau and Bengio (2003) for the interval.

    >>> from kohort.workflow.honest import make_folds
    >>> y = np.arange(12.0)
    >>> def select(rows, folds): return y[rows].mean()   # nothing to choose from here
    >>> def judge(model, rows): return abs(model - y[rows]).mean()
    >>> result = nested(make_folds(12, 3), lambda rows: make_folds(len(rows), 2), select, judge)
    >>> len(result.chosen), round(result.value, 1)
    (3, 3.3)
    """
    from scipy.stats import t as student

    chosen, scores = [], []
    for train, validation in outer:
        inner = [Fold(train[a], train[b]) for a, b in split(train)]
        chosen.append(select(train, inner))
        scores.append(judge(chosen[-1], validation))
    values = np.asarray(scores, float)
    mean = float(values.mean())
    reach = float("nan")  # one outer fold says nothing about spread
    if len(values) > 1:
        reach = float(student.ppf((1 + level) / 2, len(values) - 1))
        reach *= corrected_error(values, outer)
    return Nested(values, chosen, mean, mean - reach, mean + reach, level)
