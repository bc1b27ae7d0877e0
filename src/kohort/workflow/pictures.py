"""The report's pictures, drawn by `kohort.plot` where it has the picture, each as an inline PNG."""

from __future__ import annotations

import base64
import functools
import io
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np

from kohort import plot
from kohort.plot.style import COLORS, INK, QUIET, axes, line
from kohort.plot.style import figure as new_figure
from kohort.plot.sweeps import draw_sizes
from kohort.plot.trials import Trials
from kohort.workflow.blend import Blend
from kohort.workflow.candidates import Result
from kohort.workflow.capacity import Capacity
from kohort.workflow.final import TestResult
from kohort.workflow.measure import Measure
from kohort.workflow.problem import Problem
from kohort.workflow.regularise import Regularising
from kohort.workflow.scores import decide
from kohort.workflow.tune import Tuning

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
PLAIN, MARKED = COLORS[0], COLORS[1]
WIDTH = 7.4  # inches: pictures of one width have letters of one size
MOST_CLASSES = 25  # a confusion matrix with more cannot be read
MOST_CURVES = 12  # more classes than this cannot be told apart
LETTERS: Any = {
    "font.size": 8, "axes.labelsize": 8.5, "axes.titlesize": 9, "legend.fontsize": 7.5,
    "lines.linewidth": 1.4, "lines.markersize": 4.5,
}  # fmt: skip
SEARCHED = {
    "learning_rate": "learning rate", "l1": "L1", "l2": "L2", "dropout": "dropout",
    "max_norm": "max-norm",
}  # fmt: skip


def picture(draw: Callable[P, Figure | None]) -> Callable[P, str | None]:
    """A function that draws a figure, as one that gives a PNG with letters of the report's size."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str | None:
        import matplotlib

        with matplotlib.rc_context(LETTERS):
            figure = draw(*args, **kwargs)
            if figure is None:
                return None
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=160)
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

    return drawn


def _panels(height: float, columns: int = 1, rows: int = 1) -> tuple[Figure, list[Axes]]:
    made = new_figure(rows, columns, (WIDTH, height))
    return made, [axes(ax) for ax in made.axes]


@picture
def capacity_picture(capacity: Capacity, linear: float, measure: Measure) -> Figure:
    """Training and validation score against size, with one standard error."""
    figure, (ax,) = _panels(2.9)
    results = [rung.result for rung in capacity.rungs]
    places = np.arange(len(results))
    training, scores, errors = (
        np.array([getattr(result, name) for result in results])
        for name in ("train_score", "score", "standard_error")
    )
    draw_sizes(ax, places, training, scores, errors)
    ax.axhline(linear, label="linear model", **line(2))
    ax.set_xticks(places, [textwrap.fill(r.setting.size, 13) for r in results])
    ax.set(xlabel="layers", ylabel=measure.name)
    ax.legend(frameon=False)
    return figure


@picture
def curves_picture(capacity: Capacity) -> Figure:
    """Loss against epoch for each size: the mean over folds, and a band of all."""
    rungs = capacity.rungs
    columns = min(3, len(rungs))
    rows = -(-len(rungs) // columns)
    figure, panels = _panels(2.1 * rows, columns, rows)
    for ax, rung in zip(panels, rungs, strict=False):
        _draw_curves(ax, rung.result)
        note = "  (overfits)" if rung.overfits else ""
        ax.set_title(f"{rung.result.setting.size}{note}", loc="left")
    for ax in panels[len(rungs) :]:
        ax.set_visible(False)
    return figure


@picture
def chosen_curves_picture(chosen: Result) -> Figure:
    """Loss against epoch of the chosen network: the mean over folds, and a band of all."""
    figure, (ax,) = _panels(2.6)
    _draw_curves(ax, chosen)
    return figure


def _draw_curves(ax: Axes, result: Result) -> None:
    """Training and validation loss, as far as all folds trained: a mean of fewer would jump."""
    length = min(len(loss) for loss, _ in result.curves)
    logs = [{"loss": loss[:length], "val_loss": val[:length]} for loss, val in result.curves]
    if any(np.isfinite(log["val_loss"]).all() for log in logs):
        plot.history(logs, ax=ax)
    ax.set_ylim(0, _top(result.curves))


def _top(curves: list[tuple[list[float], list[float]]]) -> float:
    """The upper end of the axis: the first epochs' peak must not flatten all that follows."""
    ends = [max(loss[min(2, len(loss) - 1)], max(val[1:] or val)) for loss, val in curves]
    finite = [end for end in ends if np.isfinite(end)]
    return 1.15 * float(np.median(finite)) if finite else 1.0


@picture
def effects_picture(regularising: Regularising, measure: Measure) -> Figure:
    """How much better each means is than the plain network, with its 95 % interval."""
    effects = sorted(regularising.effects, key=lambda effect: effect.better_by)
    effects += [regularising.together] if regularising.together else []
    shown = [effect for effect in effects if not effect.result.failed]
    figure, (ax,) = _panels(0.5 + 0.28 * len(shown))
    for place, effect in enumerate(shown):
        color = MARKED if effect.helped else QUIET
        if effect.gain is not None:
            ax.plot([effect.gain.low, effect.gain.high], [place] * 2, color=color, linewidth=2)
        ax.plot(effect.better_by, place, "o", color=color, markersize=6)
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(shown)), [effect.name for effect in shown])
    ax.set_ylim(-0.6, len(shown) - 0.4)
    ax.set_xlabel(f"{measure.name}: better than the plain network by … (right is better)")
    return figure


@picture
def parallel_picture(tuning: Tuning, measure: Measure) -> Figure | None:
    """Each trial as a line through its hyperparameters to its score; None without trials."""
    trials = _trials(tuning, measure)
    if len(trials.values) < 3 or not trials.params:
        return None
    figure, (ax,) = _panels(3.0)
    plot.search(trials, "parallel", ax=ax)
    return figure


@picture
def importance_picture(tuning: Tuning, measure: Measure) -> Figure | None:
    """How much each hyperparameter mattered; None where that is not known."""
    trials = _trials(tuning, measure)
    if not trials.importance.keys() & trials.params.keys():
        return None
    figure, (ax,) = _panels(0.7 + 0.3 * len(trials.params))
    plot.search(trials, "importance", ax=ax)
    return figure


def _trials(tuning: Tuning, measure: Measure) -> Trials:
    """The trials as `plot.search` draws them, with what differs between them."""
    done = [trial for trial in tuning.trials if not trial.failed]
    params = {title: [getattr(t.setting, n) for t in done] for n, title in SEARCHED.items()}
    return Trials(
        list(range(len(done))),
        np.array([trial.score for trial in done]),
        {title: values for title, values in params.items() if len(set(values)) > 1},
        measure.higher,
        measure.name,
        {SEARCHED.get(name, name): share for name, share in tuning.importance.items()},
    )


@picture
def members_picture(blend: Blend) -> Figure | None:
    """The members of the ensemble with their weights; None for one network."""
    if not blend.taken:
        return None
    order = np.argsort(blend.weights)
    figure, (ax,) = _panels(0.5 + 0.3 * len(order))
    names = [textwrap.shorten(str(blend.members[i].setting), 60, placeholder=" …") for i in order]
    ax.barh(range(len(order)), [blend.weights[i] for i in order], color=PLAIN, height=0.55)
    ax.set_yticks(range(len(order)), names)
    ax.grid(False, axis="y")
    ax.set_xlabel("weight in the ensemble")
    return figure


@picture
def rates_picture(test: TestResult, problem: Problem) -> Figure | None:
    """ROC and precision-recall curves on the test part, for one or a few classes."""
    if problem.task == "regression" or len(problem.classes) > MOST_CURVES:
        return None
    y, p, names = test.y, test.prediction, problem.classes
    if problem.task == "binary":
        y, p, names = y[:, None], p[:, None], names[1:]
    elif y.ndim == 1:
        y = np.eye(len(names))[y]
    told = np.flatnonzero(np.ptp(y, axis=0))  # some are, some are not
    if not len(told):
        return None
    y, p, names = y[:, told], p[:, told], [names[i] for i in told]
    if len(told) == 1:
        y, names = y[:, 0], ["", *names]
    figure, (left, right) = _panels(3.3, 2)
    for draw, ax in ((plot.roc, left), (plot.precision_recall, right)):
        draw(y, p, names, ax=ax)
        if len(names) > 4:
            ax.legend(fontsize=6, frameon=False, ncols=2)
    return figure


@picture
def calibration_picture(test: TestResult, problem: Problem) -> Figure | None:
    """What share is so where the network says p, over all classes: honest on the line."""
    if problem.task == "regression":
        return None
    p = test.prediction
    y = test.y if p.ndim == test.y.ndim else np.eye(p.shape[1])[test.y]
    figure, (ax,) = _panels(2.9)
    bins = int(np.clip(len(test.y) // 20, 4, 10))
    plot.calibration(np.ravel(y).astype(int), np.ravel(p), ["", "the network"], bins=bins, ax=ax)
    return figure


@picture
def comparison_picture(test: TestResult, measure: Measure) -> Figure:
    """The network and both baselines on the test part, with 95 % intervals."""
    figure, (ax,) = _panels(1.7)
    named = [*test.baselines.items(), ("the network", test.figure)]
    for place, (name, interval) in enumerate(named):
        color = MARKED if name == "the network" else QUIET
        ax.plot([interval.low, interval.high], [place, place], color=color, linewidth=2)
        ax.plot(interval.value, place, "o", color=color, markersize=7)
    ax.set_yticks(range(len(named)), [name for name, _ in named])
    ax.set_ylim(-0.6, len(named) - 0.4)
    better = "more is better" if measure.higher else "less is better"
    ax.set_xlabel(f"{measure.name} on the test part ({better})")
    return figure


@picture
def outcome_picture(test: TestResult, problem: Problem, threshold: float = 0.5) -> Figure | None:
    """A confusion matrix, or truth against prediction; None where neither can be read."""
    if problem.task == "regression":
        return _against_truth(test.y, test.prediction, problem.target)
    if problem.task == "multi-label" or len(problem.classes) > MOST_CLASSES:
        return None
    figure, (ax,) = _panels(max(2.6, min(6.0, 0.42 * len(problem.classes) + 1.4)))
    plot.confusion(test.y, decide(test.y, test.prediction, threshold), problem.classes, ax=ax)
    return figure


def _against_truth(y: np.ndarray, prediction: np.ndarray, target: str) -> Figure:
    figure, (ax, rest) = _panels(3.4, 2)
    ends = [min(y.min(), prediction.min()), max(y.max(), prediction.max())]
    ax.plot(ends, ends, color=QUIET, linewidth=1)
    shown: Any = plot.outcomes.some_rows(len(y))
    ax.scatter(y[shown], prediction[shown], s=14, alpha=0.6, color=PLAIN, linewidths=0)
    ax.set(xlabel=f"true {target}", ylabel=f"predicted {target}")
    plot.residuals(y, prediction, ax=rest)
    return figure
