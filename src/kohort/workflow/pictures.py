"""The report's pictures: each takes data that the stages computed and gives an inline PNG."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.workflow.capacity import Capacity
from kohort.workflow.final import TestResult
from kohort.workflow.measure import Measure
from kohort.workflow.network import NONE
from kohort.workflow.problem import Problem
from kohort.workflow.scores import decide
from kohort.workflow.tune import Tuning

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAIN, JUDGE, QUIET, INK = "#2563eb", "#ea580c", "#94a3b8", "#1e293b"
WIDTH = 7.4  # inches: pictures of one width have letters of one size
MOST_CLASSES = 25  # a confusion matrix with more cannot be read


def _axes(width: float, height: float, columns: int = 1, rows: int = 1) -> tuple[Any, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=160, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for ax in grid.flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["left", "bottom"]].set_color(QUIET)
        ax.tick_params(colors=INK, labelsize=8, length=3)
        ax.grid(axis="y", color="#e2e8f0", linewidth=0.7)
        ax.set_axisbelow(True)
    return figure, list(grid.flat)


def _png(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _label(ax: Axes, x: str = "", y: str = "", title: str = "") -> None:
    ax.set_xlabel(x, fontsize=8.5, color=INK)
    ax.set_ylabel(y, fontsize=8.5, color=INK)
    ax.set_title(title, fontsize=9, color=INK, loc="left")


def sizes(hidden: tuple[int, ...]) -> str:
    """A network's size as the report writes it."""
    return "-".join(map(str, hidden)) or "none"


def capacity_picture(capacity: Capacity, linear: float, measure: Measure) -> str:
    """Training and validation score against size, with one standard error."""
    figure, (ax,) = _axes(WIDTH, 2.9)
    results = [rung.result for rung in capacity.rungs]
    places = np.arange(len(results))
    ax.plot(places, [r.train_score for r in results], "o-", color=TRAIN, label="training")
    ax.errorbar(
        places,
        [r.score for r in results],
        [r.standard_error for r in results],
        fmt="o-",
        color=JUDGE,
        capsize=3,
        label="validation ± 1 standard error",
    )
    ax.axhline(linear, color=QUIET, linestyle="--", linewidth=1, label="linear model")
    ax.set_xticks(places, [sizes(r.setting.hidden) for r in results])
    _label(ax, "units in the hidden layers", measure.name)
    ax.legend(fontsize=8, frameon=False)
    return _png(figure)


def curves_picture(capacity: Capacity) -> str:
    """Loss against epoch for each size: folds as thin lines; a thick one is the mean of all."""
    rungs = capacity.rungs
    columns = min(3, len(rungs))
    rows = -(-len(rungs) // columns)
    figure, axes = _axes(WIDTH, 2.1 * rows, columns, rows)
    for ax, rung in zip(axes, rungs, strict=False):
        for place, color, name in ((0, TRAIN, "training"), (1, JUDGE, "validation")):
            lines = [curves[place] for curves in rung.result.curves]
            for line in lines:
                ax.plot(range(1, len(line) + 1), line, color=color, alpha=0.25, linewidth=0.8)
            mean = mean_curve(lines)
            ax.plot(range(1, len(mean) + 1), mean, color=color, linewidth=1.8, label=name)
        ax.axvline(float(np.mean(rung.result.best_epochs)), color=QUIET, linestyle=":", linewidth=1)
        note = "  (overfits)" if rung.overfits else ""
        _label(ax, "epoch", "loss", f"hidden: {sizes(rung.result.setting.hidden)}{note}")
        ax.set_ylim(0, _top(rung.result.curves))
    for ax in axes[len(rungs) :]:
        ax.set_visible(False)
    axes[0].legend(fontsize=7.5, frameon=False)
    return _png(figure)


def mean_curve(lines: list[list[float]]) -> np.ndarray:
    """The mean over folds, as far as all folds trained.

    Beyond that it would be a mean of the folds that went well, and seem to fall.

    >>> mean_curve([[3.0, 2.0, 9.0], [1.0, 0.0]])
    array([2., 1.])
    """
    length = min(len(line) for line in lines)
    return np.mean([line[:length] for line in lines], axis=0)


def _top(curves: list[tuple[list[float], list[float]]]) -> float:
    """The upper end of the axis: the first epochs' peak must not flatten all that follows."""
    ends = [max(loss[min(2, len(loss) - 1)], max(val[1:] or val)) for loss, val in curves]
    finite = [end for end in ends if np.isfinite(end)]
    return 1.15 * float(np.median(finite)) if finite else 1.0


def tuning_picture(tuning: Tuning, measure: Measure) -> str:
    """Validation score of each trial against learning rate, L2 and dropout."""
    trials = [trial for trial in tuning.trials if not trial.failed]
    figure, axes = _axes(WIDTH, 2.4, 3)
    named = (("learning rate", "learning_rate"), ("L2 factor", "l2"), ("dropout rate", "dropout"))
    for ax, (label, field) in zip(axes, named, strict=True):
        values = [getattr(trial.setting, field) for trial in trials]
        known = [i for i, value in enumerate(values) if value is not None]
        floor = {"l2": 1e-6, "dropout": 0.0}.get(field)
        shown = [floor if floor is not None and values[i] <= NONE else values[i] for i in known]
        for i, value in zip(known, shown, strict=True):
            trial = trials[i]
            best = trial is tuning.best
            ax.errorbar(
                value,
                trial.score,
                trial.standard_error,
                fmt="o",
                markersize=6 if best else 4,
                color=JUDGE if best else QUIET,
                linewidth=1,
            )
        if field != "dropout" and known:
            ax.set_xscale("log")
        note = " (leftmost: none)" if field == "l2" else ""
        _label(ax, label + note, measure.name if ax is axes[0] else "")
    return _png(figure)


def comparison_picture(test: TestResult, measure: Measure) -> str:
    """The network and both baselines on the test part, with 95 % intervals."""
    figure, (ax,) = _axes(WIDTH, 1.7)
    named = [*test.baselines.items(), ("the network", test.figure)]
    for place, (name, interval) in enumerate(named):
        color = JUDGE if name == "the network" else QUIET
        ax.plot([interval.low, interval.high], [place, place], color=color, linewidth=2)
        ax.plot(interval.value, place, "o", color=color, markersize=7)
    ax.set_yticks(range(len(named)), [name for name, _ in named], fontsize=9)
    ax.set_ylim(-0.6, len(named) - 0.4)
    ax.grid(axis="x", color="#e2e8f0", linewidth=0.7)
    better = "more is better" if measure.higher else "less is better"
    _label(ax, f"{measure.name} on the test part ({better})")
    return _png(figure)


def outcome_picture(test: TestResult, problem: Problem) -> str | None:
    """A confusion matrix, or truth against prediction; None where neither can be read."""
    if problem.task == "regression":
        return _scatter(test.y, test.prediction, problem.target)
    if problem.task == "multi-label" or len(problem.classes) > MOST_CLASSES:
        return None
    return _confusion(test.y, decide(test.y, test.prediction), problem.classes)


def _scatter(y: np.ndarray, prediction: np.ndarray, target: str) -> str:
    figure, (ax,) = _axes(WIDTH, 3.8)
    ax.set_box_aspect(1)
    ends = [min(y.min(), prediction.min()), max(y.max(), prediction.max())]
    ax.plot(ends, ends, color=QUIET, linewidth=1)
    rows = np.random.default_rng(0).permutation(len(y))[:3000]
    ax.scatter(y[rows], prediction[rows], s=14, alpha=0.6, color=TRAIN, linewidths=0)
    _label(ax, f"true {target}", f"predicted {target}")
    return _png(figure)


def _confusion(y: np.ndarray, decided: np.ndarray, classes: list[str]) -> str:
    count = len(classes)
    matrix = np.zeros((count, count), dtype=int)
    np.add.at(matrix, (y, decided), 1)
    side = max(2.6, min(6.0, 0.42 * count + 1.4))
    figure, (ax,) = _axes(WIDTH, side)
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    ax.grid(False)
    ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row in range(count):
        for column in range(count):
            if matrix[row, column]:
                color = "white" if share[row, column] > 0.5 else INK
                text = str(matrix[row, column])
                ax.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    turn = 45 if max(map(len, classes)) > 4 else 0
    ax.set_xticks(range(count), classes, rotation=turn, ha="right" if turn else "center")
    ax.set_yticks(range(count), classes)
    _label(ax, "predicted", "true")
    return _png(figure)
