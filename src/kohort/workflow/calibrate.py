"""Stage 8, second half: probabilities that mean what they say, and where to draw the line."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from kohort.workflow.honest import jackknife_error, per_row
from kohort.workflow.measure import RARE
from kohort.workflow.network import Goal

ISOTONIC_FROM = 1000  # rows; with fewer, its steps follow the noise
PARTS = 10
LEAST = 1e-7  # no probability is taken as smaller, or nearer to 1


@dataclass(frozen=True)
class Calibration:
    """A map of each class's probability: `kind` is `"none"`, `"sigmoid"` or `"isotonic"`.

    Sigmoid (Platt, 1999): p' = 1 / (1 + exp(-(a log(p / (1 - p)) + b))), with `maps` = (a, b).
    Isotonic (Zadrozny and Elkan, 2002): a rising line through the points `maps` = (from, to).
    Several classes are mapped one against the rest, then scaled to sum 1.

    >>> Calibration("sigmoid", [[[1.0], [0.0]]]).apply(np.array([0.2, 0.7]))
    array([0.2, 0.7])
    """

    kind: str = "none"
    maps: list[list[list[float]]] = field(default_factory=list)

    def apply(self, p: np.ndarray) -> np.ndarray:
        """Probabilities `(rows,)` or `(rows, classes)` as they should be read."""
        if self.kind == "none":
            return p
        columns = p[:, None] if p.ndim == 1 else p
        out = np.stack(
            [self._one(column, *m) for column, m in zip(columns.T, self.maps, strict=True)], axis=1
        )
        if p.ndim == 1:
            return out[:, 0]
        return out / np.maximum(out.sum(axis=1, keepdims=True), 1e-12)

    def _one(self, p: np.ndarray, first: list[float], second: list[float]) -> np.ndarray:
        if self.kind == "isotonic":
            return np.interp(p, first, second)
        return 1 / (1 + np.exp(-(first[0] * logit(p) + second[0])))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def logit(p: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), finite."""
    q = np.clip(p, LEAST, 1 - LEAST)
    return np.log(q / (1 - q))


def calibrate(
    y: np.ndarray, p: np.ndarray, goal: Goal, seed: int = 0
) -> tuple[Calibration, list[str]]:
    """The map that makes log loss smaller by more than one standard error, if there is one.

    `p` must be out-of-fold predictions. Each map is judged part by part, fitted on the others.
    """
    if goal.task not in ("binary", "multi-class"):
        return Calibration(), []
    parts = np.random.default_rng(seed).permutation(np.arange(len(y)) % PARTS)
    plain = per_row.log_loss(y, p)
    best, least, text = Calibration(), plain, []
    kinds = ("sigmoid", "isotonic") if len(y) >= ISOTONIC_FROM else ("sigmoid",)
    for kind in kinds:
        crossed = np.empty_like(p)
        for part in range(PARTS):
            inside = parts == part
            crossed[inside] = fit_map(kind, y[~inside], p[~inside]).apply(p[inside])
        found = per_row.log_loss(y, crossed)
        text.append(f"log loss {found:.4f} with {kind} calibration")
        both = np.stack([crossed, p], axis=1)
        if found < least and plain - found > jackknife_error(_difference, y, both, parts):
            best, least = fit_map(kind, y, p), found
    start = f"Out-of-fold log loss {plain:.4f} as the network says; " + ", ".join(text)
    if best.kind == "none":
        return best, [f"{start}: the probabilities can be taken as they are."]
    return best, [f"{start}: {best.kind} calibration is taken, as the last layers of the model."]


def _difference(y: np.ndarray, pair: np.ndarray) -> float:
    return per_row.log_loss(y, pair[:, 0]) - per_row.log_loss(y, pair[:, 1])


def fit_map(kind: str, y: np.ndarray, p: np.ndarray) -> Calibration:
    """Fits the map of each class with scikit-learn."""
    columns = p[:, None] if p.ndim == 1 else p
    truth = [y == (1 if p.ndim == 1 else number) for number in range(columns.shape[1])]
    fit = _isotonic if kind == "isotonic" else _sigmoid
    return Calibration(kind, [fit(t, c) for t, c in zip(truth, columns.T, strict=True)])


def _sigmoid(truth: np.ndarray, p: np.ndarray) -> list[list[float]]:
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(truth)) < 2:
        return [[1.0], [0.0]]
    found = LogisticRegression(C=1e3, solver="newton-cholesky").fit(logit(p)[:, None], truth)
    return [[float(found.coef_[0, 0])], [float(found.intercept_[0])]]


def _isotonic(truth: np.ndarray, p: np.ndarray) -> list[list[float]]:
    from sklearn.isotonic import IsotonicRegression

    # A share of exactly 0 or 1 would make one surprise cost everything.
    edge = 1 / (len(truth) + 2)
    found = IsotonicRegression(y_min=edge, y_max=1 - edge).fit(p, truth.astype(float))
    return [found.X_thresholds_.tolist(), found.y_thresholds_.tolist()]


def threshold(y: np.ndarray, p: np.ndarray, goal: Goal) -> tuple[float, list[str]]:
    """From which probability a row of two unequal classes counts as the second one.

    The threshold has the best F1 of the rarer class on out-of-fold predictions; one half where the
    classes are not so unequal, or the problem is of another kind.
    """
    if goal.task != "binary" or min(share := float(np.mean(y)), 1 - share) >= RARE:
        return 0.5, []
    rare = int(share < 0.5)
    values = np.unique(p)
    middles = np.unique(np.quantile((values[1:] + values[:-1]) / 2, np.linspace(0, 1, 200)))
    scores = [f1(y, (p > t).astype(int), rare) for t in middles]
    best = float(middles[int(np.argmax(scores))]) if len(middles) else 0.5
    usual = f1(y, (p > 0.5).astype(int), rare)
    return best, [
        f"The classes are unequal, so the line is drawn at {best:.2f} instead of 0.5: out of fold, "
        f"F1 of the rare class is then {max(scores, default=usual):.3f} instead of {usual:.3f}."
    ]


def f1(y: np.ndarray, decided: np.ndarray, which: int = 1) -> float:
    """2 TP / (2 TP + FP + FN) of one class."""
    hit = np.sum((decided == which) & (y == which))
    wrong = np.sum(decided != y)
    return float(2 * hit / (2 * hit + wrong)) if hit else 0.0
