"""What sweeps saw: the learning-rate range test and the capacity sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.plot.style import MARKERS, PlotError, axes, line

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def lr_range_data(found: Any) -> dict[str, Any]:
    """The curves of `kohort.lr_range`: rates, smoothed loss, band of the seeds, suggestion.

    >>> import numpy as np
    >>> from kohort.workflow.lr_range import read_range
    >>> losses = np.array([[4, 4, 4, 3, 2, 1, 1, 1, 2, 9, 9, 9.0]])
    >>> found = read_range(np.geomspace(1e-3, 1, 12), losses)
    >>> data = lr_range_data(found)
    >>> sorted(data), data["smoothed"].shape
    (['best', 'diverges', 'high', 'low', 'rates', 'smoothed', 'suggestion'], (12,))
    """
    _check(found, "smoothed", "kohort.lr_range")
    low, high = found.by_seed.min(axis=0), found.by_seed.max(axis=0)
    return {
        "rates": found.rates, "smoothed": found.smoothed, "low": low, "high": high,
        "suggestion": found.suggestion, "best": found.best, "diverges": found.diverges,
    }  # fmt: skip


def lr_range(found: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the loss over the learning rate, with the rate to start with.

    Args:
        found: what `kohort.lr_range` returned.
        ax: where to draw; a new Axes unless given.
    """
    data = lr_range_data(found)
    ax = axes(ax)
    # Losses of lost trainings would flatten all that matters.
    top = 1.5 * float(np.max(data["smoothed"][: max(len(data["smoothed"]) // 4, 2)]))
    low, high = (np.minimum(data[end], 10 * top) for end in ("low", "high"))
    ax.fill_between(
        data["rates"], low, high, color=line(0)["color"], alpha=0.15, linewidth=0, label="seeds"
    )
    ax.plot(data["rates"], data["smoothed"], label="loss, smoothed", **line(0))
    for number, name in ((1, "suggestion"), (2, "diverges")):
        if data[name] is not None:
            ax.axvline(data[name], label=f"{name}: {data[name]:.2g}", **line(number))
    ax.set(xscale="log", xlabel="learning rate", ylabel="loss")
    ax.set_ylim(max(0.0, 0.9 * float(np.min(low))), top)
    ax.legend(frameon=False)
    return ax


def capacity_data(sweep: Any) -> dict[str, Any]:
    """The losses of `kohort.capacity_sweep` by number of parameters.

    `training` is each size's mean training loss at its best epoch, `validation` the mean of the
    members' lowest validation losses with its standard error `errors`.
    """
    _check(sweep, "sizes", "kohort.capacity_sweep")
    at = np.nanargmin(np.nanmean(sweep.validation, axis=1), axis=1)
    training = np.nanmean(sweep.training, axis=1)[np.arange(len(at)), at]
    return {
        "parameters": np.array([size.parameters for size in sweep.sizes]),
        "training": training, "validation": sweep.scores, "errors": sweep.errors,
        "best": sweep.best, "chosen": sweep.chosen,
    }  # fmt: skip


def capacity(sweep: Any, *, ax: Axes | None = None) -> Axes:
    """Draw training and validation loss over the number of parameters, the chosen size marked.

    Args:
        sweep: what `kohort.capacity_sweep` returned.
        ax: where to draw; a new Axes unless given.
    """
    data = capacity_data(sweep)
    ax = axes(ax)
    order = np.argsort(data["parameters"])
    sizes = data["parameters"][order]
    draw_sizes(ax, sizes, *(data[name][order] for name in ("training", "validation", "errors")))
    chosen = data["parameters"][data["chosen"]]
    ax.axvline(chosen, label=f"chosen: {chosen:,}", **line(2))
    ax.set(xscale="log", xlabel="parameters", ylabel="loss at the best epoch")
    ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
    ax.set_xticks([], minor=True)
    ax.legend(frameon=False)
    return ax


def draw_sizes(
    ax: Axes, places: np.ndarray, training: np.ndarray, validation: np.ndarray, errors: np.ndarray
) -> None:
    """Draw training and validation over sizes, the validation with its standard errors."""
    ax.plot(places, training, marker=MARKERS[0], label="training", **line(0))
    ax.errorbar(
        places, validation, errors, marker=MARKERS[1], capsize=3, label="validation ± 1 SE",
        **line(1),
    )  # fmt: skip


def _check(found: Any, attribute: str, function: str) -> None:
    if not hasattr(found, attribute):
        raise PlotError(
            f"This plot shows what `{function}` returned.",
            type(found).__name__,
            f"call `{function}` and pass its result",
        )
