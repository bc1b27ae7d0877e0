"""Predictions against the truth: confusion, ROC, precision-recall, calibration, residuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.plot.style import COLORS, INK, MARKERS, QUIET, PlotError, axes, line, owner

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = 12  # more curves than this cannot be told apart
MOST_POINTS = 3000  # more only cover each other


@dataclass(frozen=True)
class Rates:
    """A curve of one class: `x` and `y` at falling `thresholds`, and what it sums up to."""

    x: np.ndarray
    y: np.ndarray
    thresholds: np.ndarray
    value: float


def confusion_data(
    y_true: Any, y_pred: Any, labels: Sequence[Any] | None = None, threshold: float = 0.5
) -> tuple[np.ndarray, list[Any]]:
    """Counts `(true classes, predicted classes)` and the classes' names.

    Args:
        y_true: `(rows,)` class numbers or names, or `(rows, classes)` one-hot.
        y_pred: the same, or probabilities `(rows, classes)`, `(rows, 1)` or `(rows,)`.
        labels: names for the classes 0, 1, ….
        threshold: from which probability on a row counts as class 1, of two classes.

    >>> counts, names = confusion_data([0, 0, 1, 1], [0.2, 0.7, 0.8, 0.9])
    >>> counts.tolist(), names
    ([[1, 1], [0, 2]], [0, 1])
    """
    from sklearn.metrics import confusion_matrix

    true, decided = _decided(y_true, threshold), _decided(y_pred, threshold)
    _same_rows(true, decided)
    known = np.unique(np.concatenate([true, decided]))
    if labels is None:
        return confusion_matrix(true, decided, labels=known), known.tolist()
    labels = list(labels)
    numbers = np.issubdtype(known.dtype, np.integer)
    if numbers and known.max() >= len(labels):
        raise PlotError(
            "There must be a label for each class.",
            f"{len(labels)} labels for class numbers up to {known.max()}",
            "give as many labels as there are classes",
        )
    places = range(len(labels)) if numbers else labels
    return confusion_matrix(true, decided, labels=list(places)), labels


def confusion(
    y_true: Any,
    y_pred: Any,
    labels: Sequence[Any] | None = None,
    *,
    threshold: float = 0.5,
    ax: Axes | None = None,
) -> Axes:
    """Draw the confusion matrix: counts, on a ground of each true class's shares.

    Args:
        y_true, y_pred, labels, threshold: as for `confusion_data`.
        ax: where to draw; a new Axes unless given.

    >>> ax = confusion([0, 1, 1], [0, 1, 0], labels=["no", "yes"])
    >>> sorted(text.get_text() for text in ax.texts)
    ['0', '1', '1', '1']
    """
    counts, names = confusion_data(y_true, y_pred, labels, threshold)
    side = float(np.clip(0.45 * len(names) + 2.2, 3.4, 9))
    ax = axes(ax, (side + 0.8, side))
    ax.grid(False)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 30:
        for (row, column), count in np.ndenumerate(counts):
            if not count and len(names) > 4:
                continue  # what matters stands out
            color = "white" if share[row, column] > 0.55 else INK
            ax.text(column, row, str(count), ha="center", va="center", size=9, color=color)
    turned = max(len(str(name)) for name in names) > 4
    ax.set_xticks(
        range(len(names)), [str(n) for n in names],
        rotation=45 if turned else 0, ha="right" if turned else "center",
    )  # fmt: skip
    ax.set_yticks(range(len(names)), [str(n) for n in names])
    ax.set(xlabel="predicted", ylabel="true")
    owner(ax).colorbar(image, ax=ax, label="share of the true class", shrink=0.8)
    return ax


def roc_data(y_true: Any, y_pred: Any, labels: Sequence[Any] | None = None) -> dict[str, Rates]:
    """For each class false against true positive rate, and the area under the curve.

    Args:
        y_true: `(rows,)` class numbers, or `(rows, classes)` one-hot or many-hot.
        y_pred: probabilities `(rows,)`, `(rows, 1)` or `(rows, classes)`.
        labels: the classes' names.

    >>> roc_data([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])["1"].value
    0.75
    """
    from sklearn.metrics import auc, roc_curve

    found = {}
    for name, y, p in _questions(y_true, y_pred, labels):
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
    ax = _square(ax)
    ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
    for number, (name, rates) in enumerate(curves.items()):
        ax.plot(rates.x, rates.y, label=f"{name}: AUC {rates.value:.3f}", **line(number))
    ax.set(xlabel="false positive rate", ylabel="true positive rate")
    ax.legend(frameon=False, loc="lower right")
    return ax


def precision_recall_data(
    y_true: Any, y_pred: Any, labels: Sequence[Any] | None = None
) -> dict[str, Rates]:
    """For each class recall against precision, and the average precision.

    >>> precision_recall_data([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])["1"].value
    0.83
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    found = {}
    for name, y, p in _questions(y_true, y_pred, labels):
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
    ax = _square(ax)
    for number, (name, rates) in enumerate(curves.items()):
        ax.step(
            rates.x, rates.y, where="post", label=f"{name}: AP {rates.value:.3f}", **line(number)
        )
    if len(curves) == 1:
        ((_, y, _),) = _questions(y_true, y_pred, labels)
        ax.axhline(float(np.mean(y)), color=QUIET, linewidth=1, label="guessing")
    ax.set(xlabel="recall", ylabel="precision")
    ax.legend(frameon=False, loc="lower left")
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
    ax = _square(ax)
    ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
    for number, (name, rates) in enumerate(curves.items()):
        ax.plot(
            rates.x, rates.y, marker=MARKERS[number % len(MARKERS)], markersize=5,
            label=f"{name}: Brier {rates.value:.3f}", **line(number),
        )  # fmt: skip
    ax.set(xlabel="mean predicted probability", ylabel="share that is so")
    ax.legend(frameon=False, loc="upper left")
    return ax


def residuals_data(y_true: Any, y_pred: Any) -> dict[str, Any]:
    """Truth, prediction, residual = truth - prediction, and R², RMSE, MAE.

    >>> found = residuals_data([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    >>> found["residual"], round(found["mae"], 3), found["r2"]
    (array([ 0.,  0., -1.]), 0.333, 0.5)
    """
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    true, predicted = (np.ravel(np.asarray(y, np.float64)) for y in (y_true, y_pred))
    _same_rows(true, predicted)
    return {
        "true": true, "predicted": predicted, "residual": true - predicted,
        "r2": float(r2_score(true, predicted)),
        "rmse": float(root_mean_squared_error(true, predicted)),
        "mae": float(mean_absolute_error(true, predicted)),
    }  # fmt: skip


def residuals(y_true: Any, y_pred: Any, *, ax: Axes | None = None) -> Axes:
    """Draw truth less prediction over the prediction; without pattern is good.

    Of very many rows 3000 are drawn; the scores in the title are those of all.

    >>> residuals([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]).get_title(loc="left")
    'R² 0.5, RMSE 0.5774, MAE 0.3333'
    """
    found = residuals_data(y_true, y_pred)
    ax = axes(ax)
    ax.axhline(0, color=QUIET, linewidth=1)
    shown = some_rows(len(found["true"]))
    ax.scatter(
        found["predicted"][shown], found["residual"][shown], s=16, alpha=0.6, color=COLORS[0],
        linewidths=0,
    )  # fmt: skip
    ax.set(xlabel="prediction", ylabel="truth - prediction")
    scores = f"R² {found['r2']:.4g}, RMSE {found['rmse']:.4g}, MAE {found['mae']:.4g}"
    ax.set_title(scores, loc="left", size=10)
    return ax


def some_rows(count: int) -> np.ndarray:
    """Numbers of rows to draw as points: all, or some of many."""
    if count <= MOST_POINTS:
        return np.arange(count)
    return np.random.default_rng(0).permutation(count)[:MOST_POINTS]


def _square(ax: Axes | None) -> Axes:
    ax = axes(ax, (4.6, 4.4))
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), box_aspect=1)
    return ax


def _same_rows(true: np.ndarray, predicted: np.ndarray) -> None:
    if len(true) != len(predicted) or not len(true):
        raise PlotError(
            "Truth and prediction must have the same rows, at least one.",
            f"shapes {true.shape} and {predicted.shape}",
            "predict on the rows whose labels you pass",
        )


def _decided(y: Any, threshold: float) -> np.ndarray:
    """Class numbers or names out of labels, one-hot rows or probabilities."""
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2:
        return y.argmax(axis=1)
    if y.ndim != 1:
        raise PlotError(
            "Labels and predictions must be of shape (rows,) or (rows, classes).",
            f"shape {y.shape}",
            "flatten them, so that each prediction is a row",
        )
    fractions = np.issubdtype(y.dtype, np.floating) and np.any(y != np.round(y))
    if fractions or y.dtype == bool:
        return (y > threshold).astype(int)
    return y.astype(int) if np.issubdtype(y.dtype, np.floating) else y


def _questions(
    y_true: Any, y_pred: Any, labels: Sequence[Any] | None
) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Each class as a question of yes or no: (name, truth 0 or 1, probability)."""
    p = np.asarray(y_pred, np.float64)
    p = p[:, None] if p.ndim == 1 else p
    y = np.asarray(y_true)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    _same_rows(y, p)
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
    if count > MOST_CLASSES:
        raise PlotError(
            f"At most {MOST_CLASSES} classes can be told apart in one picture.",
            f"{count} classes",
            "pass the columns of the classes that matter, one-hot",
        )
    columns = y.T if y.ndim == 2 else np.stack([_is(y, i) for i in range(count)])
    return [
        (str(name), np.asarray(t, int), p[:, i])
        for i, (name, t) in enumerate(zip(names, columns, strict=False))
    ]


def _is(y: np.ndarray, number: int) -> np.ndarray:
    if not np.issubdtype(y.dtype, np.number) and y.dtype != bool:
        raise PlotError(
            "Labels must be class numbers, as the columns of the predictions.",
            f"labels such as {y[0]!r}",
            "encode them, e.g. with `np.unique(y, return_inverse=True)[1]`, and pass labels=",
        )
    return (y == number).astype(int)
