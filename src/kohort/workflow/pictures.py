"""The report's pictures: each takes data that the stages computed and gives an inline PNG."""

from __future__ import annotations

import base64
import io
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

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

TRAIN, JUDGE, QUIET, INK = "#2563eb", "#ea580c", "#94a3b8", "#1e293b"
WIDTH = 7.4  # inches: pictures of one width have letters of one size
MOST_CLASSES = 25  # a confusion matrix with more cannot be read
SEARCHED = {
    "learning_rate": "learning rate", "l1": "L1", "l2": "L2", "dropout": "dropout",
    "max_norm": "max-norm",
}  # fmt: skip


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
    ax.set_xticks(places, [textwrap.fill(r.setting.size, 13) for r in results])
    _label(ax, "layers", measure.name)
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
            mean, _ = band(lines)
            ax.plot(range(1, len(mean) + 1), mean, color=color, linewidth=1.8, label=name)
        ax.axvline(float(np.mean(rung.result.best_epochs)), color=QUIET, linestyle=":", linewidth=1)
        note = "  (overfits)" if rung.overfits else ""
        _label(ax, "epoch", "loss", f"{rung.result.setting.size}{note}")
        ax.set_ylim(0, _top(rung.result.curves))
    for ax in axes[len(rungs) :]:
        ax.set_visible(False)
    axes[0].legend(fontsize=7.5, frameon=False)
    return _png(figure)


def _top(curves: list[tuple[list[float], list[float]]]) -> float:
    """The upper end of the axis: the first epochs' peak must not flatten all that follows."""
    ends = [max(loss[min(2, len(loss) - 1)], max(val[1:] or val)) for loss, val in curves]
    finite = [end for end in ends if np.isfinite(end)]
    return 1.15 * float(np.median(finite)) if finite else 1.0


def effects_picture(regularising: Regularising, measure: Measure) -> str:
    """How much better each means is than the plain network, with its 95 % interval."""
    effects = sorted(regularising.effects, key=lambda effect: effect.better_by)
    effects += [regularising.together] if regularising.together else []
    shown = [effect for effect in effects if not effect.result.failed]
    figure, (ax,) = _axes(WIDTH, 0.5 + 0.28 * len(shown))
    for place, effect in enumerate(shown):
        color = JUDGE if effect.helped else QUIET
        if effect.gain is not None:
            ax.plot([effect.gain.low, effect.gain.high], [place] * 2, color=color, linewidth=2)
        ax.plot(effect.better_by, place, "o", color=color, markersize=6)
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(shown)), [effect.name for effect in shown], fontsize=8.5)
    ax.grid(axis="x", color="#e2e8f0", linewidth=0.7)
    _label(ax, f"{measure.name}: better than the plain network by … (right is better)")
    return _png(figure)


def parallel_picture(tuning: Tuning, measure: Measure) -> str | None:
    """Each trial as a line through its hyperparameters to its score; None without trials."""
    trials = sorted(
        (t for t in tuning.trials if not t.failed), key=lambda t: measure.sign * t.score
    )
    names = [name for name in SEARCHED if len({getattr(t.setting, name) for t in trials}) > 1]
    if len(trials) < 3 or not names:
        return None
    figure, (ax,) = _axes(WIDTH, 3.0)
    ax.grid(False)
    columns = [_heights([getattr(t.setting, n) for t in trials], n != "dropout") for n in names]
    columns.append(_heights([t.score for t in trials], False))
    heights = np.array([column[0] for column in columns])
    for rank, line in enumerate(heights.T):
        share = rank / (len(trials) - 1)
        color, width = (JUDGE, 2.2) if rank == len(trials) - 1 else (TRAIN, 1.0)
        ax.plot(range(len(columns)), line, color=color, linewidth=width, alpha=0.15 + 0.75 * share)
    for place, (_, low, high) in enumerate(columns):
        ax.axvline(place, color=QUIET, linewidth=0.8)
        ax.text(place, -0.04, f"{low:.3g}", ha="center", va="top", fontsize=7.5, color=INK)
        ax.text(place, 1.04, f"{high:.3g}", ha="center", va="bottom", fontsize=7.5, color=INK)
    ax.set_xticks(range(len(columns)), [*(SEARCHED[n] for n in names), measure.name])
    ax.tick_params(axis="x", length=0, pad=14)
    ax.set_yticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    return _png(figure)


def _heights(values: list[float], log: bool) -> tuple[np.ndarray, float, float]:
    """Values as heights from 0 to 1, and what stands at both ends."""
    raw = np.array(values)
    scaled = np.log(raw) if log and raw.min() > 0 else raw
    span = np.ptp(scaled) or 1.0
    return (scaled - scaled.min()) / span, float(raw.min()), float(raw.max())


def importance_picture(tuning: Tuning) -> str | None:
    """How much each hyperparameter mattered; None where that is not known."""
    named = list(tuning.importance.items())[::-1]
    if not named:
        return None
    figure, (ax,) = _axes(WIDTH, 0.5 + 0.3 * len(named))
    ax.barh([SEARCHED.get(n, n) for n, _ in named], [v for _, v in named], color=TRAIN, height=0.55)
    ax.grid(False)
    _label(ax, "share of what told good trials from the others")
    return _png(figure)


def chosen_curves_picture(chosen: Result) -> str:
    """Loss against epoch of the chosen network: mean over folds, band of one deviation."""
    figure, (ax,) = _axes(WIDTH, 2.6)
    for place, color, name in ((0, TRAIN, "training"), (1, JUDGE, "validation")):
        mean, deviation = band([curves[place] for curves in chosen.curves])
        epochs = np.arange(1, len(mean) + 1)
        ax.plot(epochs, mean, color=color, label=name)
        ax.fill_between(epochs, mean - deviation, mean + deviation, color=color, alpha=0.15, lw=0)
    best = float(np.mean(chosen.best_epochs))
    ax.axvline(best, color=QUIET, linestyle=":", linewidth=1, label="best epoch")
    ax.set_ylim(0, _top(chosen.curves))
    _label(ax, "epoch", "loss")
    ax.legend(fontsize=8, frameon=False)
    return _png(figure)


def band(lines: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation over folds, as far as all folds trained.

    >>> band([[3.0, 2.0, 9.0], [1.0, 0.0]])
    (array([2., 1.]), array([1., 1.]))
    """
    length = min(len(line) for line in lines)
    together = np.array([line[:length] for line in lines])
    return together.mean(axis=0), together.std(axis=0)


def members_picture(blend: Blend) -> str | None:
    """The members of the ensemble with their weights; None for one network."""
    if not blend.taken:
        return None
    order = np.argsort(blend.weights)
    figure, (ax,) = _axes(WIDTH, 0.5 + 0.3 * len(order))
    names = [textwrap.shorten(str(blend.members[i].setting), 60, placeholder=" …") for i in order]
    ax.barh(range(len(order)), [blend.weights[i] for i in order], color=TRAIN, height=0.55)
    ax.set_yticks(range(len(order)), names, fontsize=8)
    ax.grid(False)
    _label(ax, "weight in the ensemble")
    return _png(figure)


def rates_picture(test: TestResult, problem: Problem) -> str | None:
    """ROC and precision-recall curves on the test part, for one or a few classes."""
    from sklearn.metrics import precision_recall_curve, roc_curve

    named = _one_by_one(test, problem)
    if not named:
        return None
    figure, (left, right) = _axes(WIDTH, 3.3, 2)
    for name, y, p in named:
        false, true, _ = roc_curve(y, p)
        precision, recall, _ = precision_recall_curve(y, p)
        left.plot(false, true, linewidth=1.4, label=name)
        right.plot(recall, precision, linewidth=1.4, label=name)
    left.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
    _label(left, "false alarms, of all others", "found, of the class", "ROC")
    _label(right, "found (recall)", "right, of those called so (precision)", "precision-recall")
    for ax in (left, right):
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    if len(named) > 1:
        right.legend(fontsize=6.5, frameon=False, loc="lower left", ncols=2)
    return _png(figure)


def calibration_picture(test: TestResult, problem: Problem) -> str | None:
    """What share is so where the network says p: on the line, probabilities are honest."""
    from sklearn.calibration import calibration_curve

    if problem.task == "regression":
        return None
    p = test.prediction.ravel()
    y = test.y if test.prediction.ndim == test.y.ndim else np.eye(test.prediction.shape[1])[test.y]
    bins = int(np.clip(len(test.y) // 20, 4, 10))
    share, said = calibration_curve(np.ravel(y), p, n_bins=bins, strategy="quantile")
    figure, (ax,) = _axes(WIDTH, 2.9)
    ax.set_box_aspect(1)
    ax.plot([0, 1], [0, 1], color=QUIET, linewidth=1)
    ax.plot(said, share, "o-", color=TRAIN, markersize=4)
    _label(ax, "the network says", "it is so")
    return _png(figure)


def _one_by_one(test: TestResult, problem: Problem) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Each class as a question of yes or no: (name, truth, probability); few classes only."""
    if problem.task == "regression" or len(problem.classes) > 12:
        return []
    if problem.task == "binary":
        return [(problem.classes[1], test.y, test.prediction)]
    labels = test.y.T if test.y.ndim == 2 else [test.y == i for i in range(len(problem.classes))]
    each = zip(problem.classes, labels, test.prediction.T, strict=True)
    return [(name, y, p) for name, y, p in each if 0 < np.sum(y) < len(y)]


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


def outcome_picture(test: TestResult, problem: Problem, line: float = 0.5) -> str | None:
    """A confusion matrix, or truth against prediction; None where neither can be read."""
    if problem.task == "regression":
        return _scatter(test.y, test.prediction, problem.target)
    if problem.task == "multi-label" or len(problem.classes) > MOST_CLASSES:
        return None
    return _confusion(test.y, decide(test.y, test.prediction, line), problem.classes)


def _scatter(y: np.ndarray, prediction: np.ndarray, target: str) -> str:
    figure, (ax, rest) = _axes(WIDTH, 3.4, 2)
    ends = [min(y.min(), prediction.min()), max(y.max(), prediction.max())]
    ax.plot(ends, ends, color=QUIET, linewidth=1)
    rows = np.random.default_rng(0).permutation(len(y))[:3000]
    ax.scatter(y[rows], prediction[rows], s=14, alpha=0.6, color=TRAIN, linewidths=0)
    rest.scatter(prediction[rows], (y - prediction)[rows], s=14, alpha=0.6, color=TRAIN, lw=0)
    rest.axhline(0, color=QUIET, linewidth=1)
    _label(ax, f"true {target}", f"predicted {target}")
    _label(rest, f"predicted {target}", "truth less prediction")
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
