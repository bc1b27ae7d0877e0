"""Curves over epochs: `history` of one training or several folds, `compare` of several models."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.plot.style import PlotError, axes, label, legend, line, unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Curve:
    """A metric over epochs: `runs` `(runs, epochs)`, NaN after the end of a shorter run.

    `best` is the position of the mean's best epoch, None where no value is finite.
    """

    epochs: np.ndarray
    runs: np.ndarray
    best: int | None

    @property
    def mean(self) -> np.ndarray:
        """The mean over the runs that lasted to each epoch, `(epochs,)`."""
        return _over_runs(np.nanmean, self.runs)

    @property
    def band(self) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest run at each epoch."""
        return _over_runs(np.nanmin, self.runs), _over_runs(np.nanmax, self.runs)


def history_data(history: Any, metric: str = "loss", mode: str = "auto") -> dict[str, Curve]:
    """The curves of a metric: "training", and "validation" where it was measured.

    Args:
        history: a `History`, its dict, or a list of them (folds or seeds).
        metric: a name without `val_`.
        mode: whether "min" or "max" is best; "auto" goes by the name.

    >>> curves = history_data({"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.5, 4.0]})
    >>> curves["validation"].best, curves["training"].mean
    (1, array([3., 2., 1.]))
    """
    logs = _logs(history)
    metric = metric.removeprefix("val_")
    known = list(dict.fromkeys(name.removeprefix("val_") for log in logs for name in log))
    found = {}
    for title, name in (("training", metric), ("validation", f"val_{metric}")):
        if all(len(log.get(name, ())) for log in logs):
            found[title] = _curve([log[name] for log in logs], name, mode)
    if not found:
        raise unknown("metric", metric, known)
    return found


def history(
    history: Any, metric: str = "loss", *, mode: str = "auto", ax: Axes | None = None
) -> Axes:
    """Draw training against validation over epochs, with the best epoch marked.

    Of several histories (folds, seeds) the line is their mean, and a band reaches from the lowest
    to the highest.

    Args:
        history: a `History`, its dict, or a list of them.
        metric: a name without `val_`.
        mode: whether "min" or "max" is best; "auto" goes by the name.
        ax: where to draw; a new Axes unless given.

    >>> ax = history({"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.5, 4.0]})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['training', 'validation', 'best epoch: 2 (2.5)']
    """
    curves = history_data(history, metric, mode)
    ax = axes(ax)
    for number, (title, curve) in enumerate(curves.items()):
        _draw(ax, curve, title, number)
    last = list(curves.values())[-1]
    if last.best is not None:
        epoch, value = last.epochs[last.best], last.mean[last.best]
        ax.plot(
            epoch, value, "o", color="black", markerfacecolor="none", markersize=9,
            label=f"best epoch: {epoch} ({value:.4g})",
        )  # fmt: skip
    return _finish(ax, metric)


def compare_data(
    histories: Mapping[str, Any], metric: str = "val_loss", mode: str = "auto"
) -> dict[str, Curve]:
    """The curve of one metric for each model.

    >>> curves = compare_data({"a": {"loss": [2.0, 1.0]}, "b": {"loss": [3.0]}}, "loss")
    >>> {name: curve.best for name, curve in curves.items()}
    {'a': 1, 'b': 0}
    """
    if not isinstance(histories, Mapping) or not histories:
        raise PlotError(
            "The histories must be a dict from names to histories.",
            f"{type(histories).__name__}",
            'write {"original": history, "smaller": other}',
        )
    found = {}
    for title, history in histories.items():
        logs = _logs(history)
        if not all(len(log.get(metric, ())) for log in logs):
            raise unknown(f"metric of {title!r}", metric, dict.fromkeys(n for g in logs for n in g))
        found[title] = _curve([log[metric] for log in logs], metric, mode)
    return found


def compare(
    histories: Mapping[str, Any],
    metric: str = "val_loss",
    *,
    mode: str = "auto",
    ax: Axes | None = None,
) -> Axes:
    """Draw a metric of several models over epochs: the original against smaller, bigger, L2, …

    Args:
        histories: a dict from names to histories, or to lists of them (folds, seeds).
        metric: the name as in the history; the validation loss unless told.
        mode, ax: as for `history`.

    >>> ax = compare({"original": {"val_loss": [2.0, 3.0]}, "smaller": {"val_loss": [2.5, 2.0]}})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['original', 'smaller']
    """
    curves = compare_data(histories, metric, mode)
    ax = axes(ax)
    for number, (title, curve) in enumerate(curves.items()):
        _draw(ax, curve, title, number, marked=True)
    return _finish(ax, metric)


def _logs(history: Any) -> list[Mapping[str, Any]]:
    """The dicts of a history or several."""
    parts = history if isinstance(history, (list, tuple)) else [history]
    logs: list[Any] = [getattr(part, "history", part) for part in parts]
    if not logs or not all(isinstance(log, Mapping) and log for log in logs):
        raise PlotError(
            "A history must be what `fit` returns, its dict of lists, or a list of these.",
            f"{type(history).__name__}" + (" without epochs" if parts else " that is empty"),
            "pass `model.fit(...)`",
        )
    return logs


def _curve(runs: Sequence[Sequence[float]], name: str, mode: str) -> Curve:
    if mode not in ("auto", "min", "max"):
        raise unknown("mode", mode, ("auto", "min", "max"))
    length = max(map(len, runs))
    table = np.full((len(runs), length), np.nan)
    for row, run in zip(table, runs, strict=True):
        row[: len(run)] = run
    # Where a run has ended the mean is over fewer, which may look better than it is.
    whole = _over_runs(np.nanmean, table[:, : min(map(len, runs))])
    higher = mode == "max" or (mode == "auto" and _more_is_better(name))
    known = np.flatnonzero(np.isfinite(whole))
    found = (
        known[(whole[known].argmax if higher else whole[known].argmin)()] if len(known) else None
    )
    return Curve(np.arange(1, length + 1), table, None if found is None else int(found))


def _over_runs(what: Callable[..., np.ndarray], runs: np.ndarray) -> np.ndarray:
    """A statistic at each epoch, NaN where no run has a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of epochs without numbers
        return what(runs, axis=0)


def _more_is_better(name: str) -> bool:
    parts = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "similarity")
    return any(part in name.lower() for part in parts)


def _draw(ax: Axes, curve: Curve, title: str, number: int, marked: bool = False) -> None:
    style = line(number)
    mean = np.where(np.isfinite(curve.mean), curve.mean, np.nan)
    ax.plot(curve.epochs, mean, label=title, **style)
    known = np.pad(np.isfinite(mean), 1)
    alone = known[1:-1] & ~known[:-2] & ~known[2:]  # a line needs two points
    if alone.any():
        ax.plot(curve.epochs[alone], mean[alone], ".", color=style["color"])
    if len(curve.runs) > 1:
        ax.fill_between(curve.epochs, *curve.band, color=style["color"], alpha=0.15, linewidth=0)
    if marked and curve.best is not None:
        best = curve.best
        ax.plot(curve.epochs[best], mean[best], "o", color=style["color"], markersize=6)


def _finish(ax: Axes, metric: str) -> Axes:
    from matplotlib.ticker import MaxNLocator

    ax.set(xlabel="epoch", ylabel=label(metric))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    legend(ax)
    return ax
