"""A search's trials: parallel coordinates, importance, contour, slices, and the best so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.plot.style import COLORS, INK, MAP, QUIET, PlotError, axes, line, owner, tiles, unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Trials:
    """The complete trials in order: `values` `(trials,)`, and `params` by name, None if unused.

    `best` `(trials,)` is the best value so far, `importance` the share of each hyperparameter.
    """

    numbers: list[int]
    values: np.ndarray
    params: dict[str, list[Any]]
    higher: bool
    goal: str
    importance: dict[str, float]

    @property
    def best(self) -> np.ndarray:
        """The best value so far."""
        better = np.maximum if self.higher else np.minimum
        return better.accumulate(self.values)


@dataclass(frozen=True)
class Scale:
    """A hyperparameter as numbers: `places` of its trials (NaN: unused), ticks, and their words."""

    places: np.ndarray
    ticks: list[float]
    words: list[str]
    log: bool


def search_data(result: Any, objective: int = 0) -> Trials:
    """The complete trials of a search.

    Args:
        result: what `kohort.search` returned, or its `Study` (`Trials` stay as they are).
        objective: which one, of several.

    >>> from kohort.workflow.search import Study
    >>> study = Study(lambda hp: hp.Float("x", -1.0, 1.0), sampler="random", seed=1)
    >>> for trial in study.ask(5):
    ...     study.tell(trial, trial.model**2)
    >>> trials = search_data(study)
    >>> list(trials.params), bool(trials.best[-1] == min(trials.values))
    (['x'], True)
    """
    if isinstance(result, Trials):
        return result
    study = getattr(result, "study", result)
    if not hasattr(study, "table") or not hasattr(study, "optuna"):
        raise PlotError(
            "This plot shows what `kohort.search` returned.", type(result).__name__,
            "pass its result, or a Study",
        )  # fmt: skip
    directions = study.optuna.directions
    if not 0 <= objective < len(directions):
        raise unknown("objective", objective, map(str, range(len(directions))))
    rows = [row for row in study.table() if row["state"] == "complete"]
    if not rows:
        raise PlotError("There must be a complete trial.", "none", "let the search run longer")
    names = list(dict.fromkeys(name for row in rows for name in row["hp"]))
    goals = getattr(getattr(result, "protocol", None), "objectives", None)
    return Trials(
        [row["number"] for row in rows],
        np.array([row["values"][objective] for row in rows], float),
        {name: [row["hp"].get(name) for row in rows] for name in names},
        directions[objective].name == "MAXIMIZE",
        goals[objective].name if goals else "objective",
        _by_name(study.importance(objective), names),
    )


def _by_name(importance: dict[str, float], names: Sequence[str]) -> dict[str, float]:
    """Shares by name: those of "momentum [kind=sgd]" and of other branches, together."""
    return {
        name: sum(v for key, v in importance.items() if key == name or key.startswith(f"{name} ["))
        for name in names
        if importance
    }


def search(
    result: Any,
    kind: str = "parallel",
    *,
    params: Sequence[str] | None = None,
    objective: int = 0,
    ax: Axes | None = None,
) -> Axes | Figure:
    """Draw the trials of a search.

    Args:
        result: what `kohort.search` returned, or its `Study`.
        kind: "parallel" (a line for each trial through its hyperparameters, the best one bold),
            "importance", "contour" (the objective over two hyperparameters), "slices" (the
            objective over each; a Figure), or "best" (each trial, and the best so far).
        params: names of hyperparameters; the most important two for "contour", else all that vary.
        objective: which one, of several.
        ax: where to draw, which "slices" divide among them; a new Axes unless given.
    """
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    trials = search_data(result, objective)
    varied = [name for name, values in trials.params.items() if len(set(map(str, values))) > 1]
    for name in params or ():
        if name not in trials.params:
            raise unknown("hyperparameter", name, trials.params)
    names = list(params) if params else sorted(varied, key=lambda n: -trials.importance.get(n, 0))
    if kind != "best" and not names:
        raise PlotError(
            "A hyperparameter must differ between trials.", f"{len(trials.values)} trials",
            "let the search run longer",
        )  # fmt: skip
    return KINDS[kind](ax if kind == "slices" else axes(ax), trials, names)


def scale_of(values: Sequence[Any]) -> Scale:
    """Numbers stay numbers (as logarithms where they span decades), other values are counted.

    >>> scale_of(["sgd", "adam", None]).places, scale_of([0.001, 0.1]).places
    (array([ 1.,  0., nan]), array([-3., -1.]))
    """
    known = [value for value in values if value is not None]
    if known and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known):
        numbers = np.array([np.nan if v is None else v for v in values], float)
        low, high = np.nanmin(numbers), np.nanmax(numbers)
        log = bool(low > 0 and high / low >= 20)
        places = np.log10(numbers) if log else numbers
        ends = [float(np.nanmin(places)), float(np.nanmax(places))]
        return Scale(places, ends, [f"{low:.3g}", f"{high:.3g}"], log)
    words = sorted({str(value) for value in known})
    places = np.array([np.nan if v is None else words.index(str(v)) for v in values], float)
    return Scale(places, [float(i) for i in range(len(words))], words, False)


def _parallel(ax: Axes, trials: Trials, names: Sequence[str]) -> Axes:
    from matplotlib.collections import LineCollection

    scales = [scale_of(trials.params[name]) for name in names] + [scale_of(list(trials.values))]
    heights = np.array([_share(scale.places, scale) for scale in scales]).T
    heights[np.isnan(heights)] = -0.08  # unused: below the axis
    order = np.argsort(trials.values if trials.higher else -trials.values)
    at = np.arange(len(scales))
    lines = LineCollection(
        [np.column_stack([at, heights[i]]) for i in order], cmap=MAP, linewidths=1.0, alpha=0.7
    )
    lines.set_array(trials.values[order])
    ax.add_collection(lines)
    ax.plot(at, heights[order[-1]], color=INK, linewidth=2.6, label="best")
    for place, scale in enumerate(scales):
        ax.axvline(place, color=QUIET, linewidth=0.8)
        for tick, words in zip(scale.ticks, scale.words, strict=True):
            height = float(_share(np.array([tick]), scale)[0])
            ax.annotate(
                words, (place, height), xytext=(3, 0), textcoords="offset points", size=8,
                va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )  # fmt: skip
    ax.set(xlim=(-0.1, len(at) - 0.7), ylim=(-0.12, 1.08), yticks=[])
    ax.set_xticks(at, [*names, trials.goal])
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.grid(False)
    ax.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1))
    owner(ax).colorbar(lines, ax=ax, label=trials.goal)
    return ax


def _share(places: np.ndarray, scale: Scale) -> np.ndarray:
    low, high = scale.ticks[0], scale.ticks[-1]
    return (places - low) / (high - low) if high > low else np.full(len(places), 0.5)


def _importance(ax: Axes, trials: Trials, names: Sequence[str]) -> Axes:
    known = {name: trials.importance[name] for name in names if name in trials.importance}
    if not known:
        raise PlotError(
            "Importance needs at least four complete trials with different values.",
            f"{len(trials.values)} trials", "let the search run longer",
        )  # fmt: skip
    ordered = sorted(known, key=lambda name: known[name])
    bars = ax.barh(ordered, [known[name] for name in ordered], color=COLORS[0], height=0.6)
    ax.bar_label(bars, fmt="%.2f", padding=3, size=8)
    ax.grid(False, axis="y")
    ax.set(xlabel=f"share of what told good trials from the others ({trials.goal})")
    return ax


def _contour(ax: Axes, trials: Trials, names: Sequence[str]) -> Axes:
    if len(names) < 2:
        raise PlotError(
            "A contour needs two hyperparameters that differ between trials.",
            ", ".join(names), 'draw kind="slices"',
        )  # fmt: skip
    x, y = (scale_of(trials.params[name]) for name in names[:2])
    used = np.isfinite(x.places) & np.isfinite(y.places)
    px, py, values = x.places[used], y.places[used], trials.values[used]
    flat = len(values) < 4 or np.linalg.matrix_rank(np.cov(px, py), tol=1e-12) < 2
    if not flat:
        filled = ax.tricontourf(px, py, values, levels=10, cmap=MAP)
        owner(ax).colorbar(filled, ax=ax, label=trials.goal)
    ax.plot(px, py, "o", color="white", markeredgecolor=INK, markersize=4, label="trials")
    best = values.argmax() if trials.higher else values.argmin()
    ax.plot(
        px[best], py[best], "*", color="white", markeredgecolor=INK, markersize=14, label="best"
    )
    _ticks(ax, x, "x", names[0])
    _ticks(ax, y, "y", names[1])
    ax.grid(False)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=8)
    return ax


def _slices(ax: Axes | None, trials: Trials, names: Sequence[str]) -> Figure:
    figure, panels = tiles(len(names), 2.7, 2.5, columns=4, ax=ax)
    for panel, name in zip(panels, names, strict=True):
        _slice(axes(panel), trials, name)
    return figure


def _slice(ax: Axes, trials: Trials, name: str) -> None:
    """The objective over a hyperparameter."""
    scale = scale_of(trials.params[name])
    late: Any = np.linspace(0.25, 1.0, len(trials.values))  # an array is fine, its types forgot it
    ax.scatter(scale.places, trials.values, s=22, alpha=late, color=COLORS[0], linewidths=0)
    best = trials.values.argmax() if trials.higher else trials.values.argmin()
    ax.plot(scale.places[best], trials.values[best], "*", color=COLORS[1], markersize=12)
    _ticks(ax, scale, "x", name)
    ax.set_ylabel(trials.goal)


def _best(ax: Axes, trials: Trials, names: Sequence[str]) -> Axes:
    ax.plot(trials.numbers, trials.values, "o", color=COLORS[5], markersize=4, label="trials")
    ax.step(trials.numbers, trials.best, where="post", label="best so far", **line(1))
    ax.set(xlabel="trial", ylabel=trials.goal)
    ax.locator_params(axis="x", integer=True)
    ax.legend(frameon=False)
    return ax


def _ticks(ax: Axes, scale: Scale, side: str, name: str) -> None:
    axis = ax.xaxis if side == "x" else ax.yaxis
    axis.set_label_text(name)
    if scale.log:
        whole = np.arange(np.ceil(scale.ticks[0]), np.floor(scale.ticks[1]) + 1)
        places = list(whole) if len(whole) > 1 else scale.ticks
        axis.set_ticks(places, [f"{10.0**place:.3g}" for place in places])
    elif len(scale.ticks) != 2 or not scale.words[0].lstrip("-").replace(".", "").isdigit():
        axis.set_ticks(scale.ticks, scale.words)


KINDS: dict[str, Callable[..., Any]] = {
    "parallel": _parallel, "importance": _importance, "contour": _contour, "slices": _slices,
    "best": _best,
}  # fmt: skip
