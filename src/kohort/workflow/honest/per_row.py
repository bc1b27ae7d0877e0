"""Scores that are means over rows: thousands of bootstrap samples of them cost one product each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kohort.workflow import scores

Rows = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _same(value: float) -> float:
    return float(value)


@dataclass(frozen=True)
class PerRow:
    """A score `finish(mean of values(y, prediction))`; `values` returns an array `(rows,)`.

    It is called like every score. `bbc_cv` keeps its values and so never scores a row twice.

    >>> y, prediction = np.array([0, 1, 1]), np.array([0.2, 0.9, 0.3])
    >>> accuracy.values(y, prediction), accuracy(y, prediction)
    (array([1., 1., 0.]), 0.67)
    """

    values: Rows
    finish: Callable[[float], float] = _same

    def __call__(self, y: np.ndarray, prediction: np.ndarray) -> float:
        return float(self.finish(float(np.mean(self.values(y, prediction)))))


def _over_outputs(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1).mean(axis=1, dtype="float64")


def _right(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return _over_outputs(scores.decide(y, prediction) == y)


def _apart(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return _over_outputs(np.abs(y - prediction))


def _squared(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return _over_outputs((y - prediction) ** 2)


def _surprise(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    p = np.clip(np.asarray(prediction, "float64"), 1e-7, 1 - 1e-7)
    if p.ndim == 2 and y.ndim == 1:
        return -np.log(p[np.arange(len(y)), y.astype(int)])
    return _over_outputs(-np.where(y == 1, np.log(p), np.log(1 - p)))


accuracy = PerRow(_right)
mean_absolute_error = PerRow(_apart)
mean_squared_error = PerRow(_squared)
root_mean_squared_error = PerRow(_squared, lambda mean: float(np.sqrt(mean)))
log_loss = PerRow(_surprise)
