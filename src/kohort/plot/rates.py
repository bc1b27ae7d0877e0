"""Probabilities against the truth, class by class: ROC, precision-recall, calibration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.plot.outcomes import same_rows
from kohort.plot.style import INSIDE, MARKERS, QUIET, PlotError, axes, finite, legend, line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CURVES = 12  # more cannot be told apart

Question = tuple[str, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Rates:
    """A curve of one class: `x` and `y` at falling `thresholds`, and what it sums up to."""

    x: np.ndarray
    y: np.ndarray
    thresholds: np.ndarray
    value: float


def roc_data(y_true: Any, y_pred: Any, labels: Sequence[Any] | None = None) -> dict[str, Rates]:
    """For each class false against true positive rate, and the area under the curve.

    Classes that no row, or every row, is of have no curve.

    Args:
        y_true: `(rows,)` class numbers, or `(rows, classes)` one-hot or many-hot.
        y_pred: probabilities `(rows,)`, `(rows, 1)` or `(rows, classes)`.
        labels: the classes' names.

    >>> roc_data([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])["1"].value
    0.75
    """
    from sklearn.metrics import auc, roc_curve

    found = {}
    for name, y, p in _of_both_kinds(_questions(y_true, y_pred, labels)):
        false, true, thresholds = roc_curve(y, p)
        found[name] = Rates(false, true, thresholds, float(auc(false, true)))
    return found


def roc(
    y_true: Any, y_pred: Any, labels: Sequence[Any] | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the receiver operating characteristic, a curve for each class (one for two classes).

    >>> roc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).get_legend().get_texts()[0].get_text()
    '1: AUC 0.750'
    """
    curves = roc_data(y_true, y_pred, labels)
    ax = _square(ax, curves)
    ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
    for number, name, rates in _told_apart(ax, curves, "AUC"):
        ax.plot(rates.x, rates.y, label=f"{name}: AUC {rates.value:.3f}", **line(number))
    ax.set(xlabel="false positive rate", ylabel="true positive rate")
    legend(ax, loc="lower right")
    return ax


def precision_recall_data(
    y_true: Any, y_pred: Any, labels: Sequence[Any] | None = None
) -> dict[str, Rates]:
    """For each class recall against precision, and the average precision.

    Classes that no row, or every row, is of have no curve.

    >>> precision_recall_data([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])["1"].value
    0.83
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    found = {}
    for name, y, p in _of_both_kinds(_questions(y_true, y_pred, labels)):
        precision, recall, thresholds = precision_recall_curve(y, p)
        found[name] = Rates(recall, precision, thresholds, float(average_precision_score(y, p)))
    return found


def precision_recall(
    y_true: Any, y_pred: Any, labels: Sequence[Any] | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw precision over recall; for two classes with the share that guessing would have.

    >>> precision_recall([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]).get_xlabel()
    'recall'
    """
    curves = precision_recall_data(y_true, y_pred, labels)
    ax = _square(ax, curves)
    for number, name, rates in _told_apart(ax, curves, "AP"):
        ax.step(
            rates.x, rates.y, where="post", label=f"{name}: AP {rates.value:.3f}", **line(number)
        )
    if len(curves) == 1:
        ((_, y, _),) = _questions(y_true, y_pred, labels)
        ax.axhline(float(np.mean(y)), color=QUIET, linewidth=1, label="guessing")
    ax.set(xlabel="recall", ylabel="precision")
    legend(ax, loc="lower left")
    return ax


def calibration_data(
    y_true: Any, y_pred: Any, labels: Sequence[Any] | None = None, bins: int = 10
) -> dict[str, Rates]:
    """For each class the mean probability said (`x`) and the share that was so (`y`) in bins.

    Bins hold equally many rows. `value` is the Brier score, the mean of (p - y)²; `thresholds`
    are the numbers of rows in the bins.

    >>> rates = calibration_data([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.9], bins=2)["1"]
    >>> rates.x, rates.y, round(rates.value, 2)
    (array([0.2, 0.8]), array([0., 1.]), 0.05)
    """
    found = {}
    for name, y, p in _questions(y_true, y_pred, labels):
        if p.min() < 0 or p.max() > 1:
            raise PlotError(
                "Calibration is about probabilities, from 0 to 1.",
                f"values from {p.min():.3g} to {p.max():.3g}",
                "put a sigmoid or a softmax behind the logits",
            )
        parts = [part for part in np.array_split(np.argsort(p, kind="stable"), bins) if len(part)]
        said, share = (np.array([values[part].mean() for part in parts]) for values in (p, y))
        rows = np.array([len(part) for part in parts])
        found[name] = Rates(said, share, rows, float(np.mean((p - y) ** 2)))
    return found


def calibration(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[Any] | None = None,
    *,
    bins: int = 10,
    ax: Axes | None = None,
) -> Axes:
    """Draw what share is so where the network says p: honest probabilities lie on the diagonal.

    >>> calibration([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.9], bins=2).get_xlabel()
    'mean predicted probability'
    """
    curves = calibration_data(y_true, y_pred, labels, bins)
    ax = _square(ax, curves)
    ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
    for number, name, rates in _told_apart(ax, curves, "Brier", worst_is_highest=True):
        ax.plot(
            rates.x, rates.y, marker=MARKERS[number % len(MARKERS)], markersize=5,
            label=f"{name}: Brier {rates.value:.3f}", **line(number),
        )  # fmt: skip
    ax.set(xlabel="mean predicted probability", ylabel="share that is so")
    legend(ax, loc="upper left")
    return ax


def _square(ax: Axes | None, curves: Mapping[str, Rates]) -> Axes:
    beside = INSIDE < len(curves) <= MOST_CURVES
    ax = axes(ax, (6.6 if beside else 4.6, 4.4))
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), box_aspect=1)
    return ax


def _told_apart(
    ax: Axes, curves: Mapping[str, Rates], measure: str, worst_is_highest: bool = False
) -> Iterator[tuple[int, str, Rates]]:
    """The curves by number and name; of very many the worst, the others thin and grey."""
    named = list(curves.items())
    if len(named) > MOST_CURVES:
        sign = -1 if worst_is_highest else 1
        named.sort(key=lambda item: sign * item[1].value)
        others = [rates for _, rates in named[INSIDE - 1 :]]
        first, last = others[0].value, others[-1].value
        text = f"{len(others)} others: {measure} {first:.3f} to {last:.3f}"
        for number, rates in enumerate(others):
            ax.plot(
                rates.x, rates.y, color=QUIET, linewidth=0.6, alpha=0.6,
                label=None if number else text,
            )  # fmt: skip
        named = named[: INSIDE - 1]
    for number, (name, rates) in enumerate(named):
        yield number, name, rates


def _questions(y_true: Any, y_pred: Any, labels: Sequence[Any] | None) -> list[Question]:
    """Each class as a question of yes or no: (name, truth 0 or 1, probability)."""
    p = finite("Predictions", np.asarray(y_pred, np.float64))
    p = p[:, None] if p.ndim == 1 else p
    y = np.asarray(y_true)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    same_rows(y, p)
    if y.ndim > 2 or p.ndim != 2 or (y.ndim == 2 and y.shape != p.shape):
        raise PlotError(
            "Labels must be (rows,) or (rows, classes), predictions (rows,) or (rows, classes).",
            f"shapes {y.shape} and {np.shape(y_pred)}",
            "pass class numbers or one-hot labels, and what `predict` returns",
        )
    count = p.shape[1]
    names = list(labels) if labels is not None else list(range(max(count, 2)))
    if len(names) != max(count, 2):
        raise PlotError(
            "There must be a label for each class.",
            f"{len(names)} labels for {max(count, 2)} classes",
            "give as many labels as there are classes",
        )
    if count <= 2 and y.ndim == 1:
        return [(str(names[1]), _is(y, 1), p[:, -1])]
    columns = y.T if y.ndim == 2 else np.stack([_is(y, i) for i in range(count)])
    return [
        (str(name), np.asarray(t, int), p[:, i])
        for i, (name, t) in enumerate(zip(names, columns, strict=False))
    ]


def _of_both_kinds(questions: list[Question]) -> list[Question]:
    """The questions that some rows answer with yes and some with no."""
    found = [each for each in questions if 0 < each[1].sum() < len(each[1])]
    if not found:
        raise PlotError(
            "There must be rows of a class, and others.", "rows of one kind only",
            "pass more rows",
        )  # fmt: skip
    return found


def _is(y: np.ndarray, number: int) -> np.ndarray:
    if not np.issubdtype(y.dtype, np.number) and y.dtype != bool:
        raise PlotError(
            "Labels must be class numbers, as the columns of the predictions.",
            f"labels such as {y[0]!r}",
            "encode them, e.g. with `np.unique(y, return_inverse=True)[1]`, and pass labels=",
        )
    return (y == number).astype(int)
