"""Predictions against the truth: confusion and residuals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.plot.style import COLORS, INK, QUIET, PlotError, axes, finite, owner

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 3000  # more only cover each other


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
    same_rows(true, decided)
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


def residuals_data(y_true: Any, y_pred: Any) -> dict[str, Any]:
    """Truth, prediction, residual = truth - prediction, and R², RMSE, MAE.

    >>> found = residuals_data([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    >>> found["residual"], round(found["mae"], 3), found["r2"]
    (array([ 0.,  0., -1.]), 0.333, 0.5)
    """
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    true, predicted = (np.ravel(np.asarray(y, np.float64)) for y in (y_true, y_pred))
    same_rows(true, predicted)
    finite("Truth and prediction", [true, predicted])
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


def same_rows(true: np.ndarray, predicted: np.ndarray) -> None:
    """Raise where truth and prediction are not of the same rows."""
    if len(true) != len(predicted) or not len(true):
        raise PlotError(
            "Truth and prediction must have the same rows, at least one.",
            f"shapes {true.shape} and {predicted.shape}",
            "predict on the rows whose labels you pass",
        )


def _decided(y: Any, threshold: float) -> np.ndarray:
    """Class numbers or names out of labels, one-hot rows or probabilities."""
    y = finite("Labels and predictions", np.asarray(y))
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
