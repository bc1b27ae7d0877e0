"""Stage 8, first half: the best candidates together, if that is better than the best alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kohort.workflow.bench import Bench
from kohort.workflow.budget import Budget
from kohort.workflow.candidates import Result, size_of
from kohort.workflow.ensembling import average, diversity, greedy
from kohort.workflow.honest import jackknife_error
from kohort.workflow.measure import Measure

LIBRARY = 20  # the best so many candidates may be picked
PICKS = 12
PARTS = 5  # of the rows, where there is one fold only


@dataclass(frozen=True)
class Blend:
    """`members` with their `weights`; only the chosen network where the ensemble is not `taken`.

    `prediction`, `(rows, …)`, is out of fold, of the development rows `rows`. `gain` is how much
    better the ensemble is than the chosen network (positive is better) on rows that its weights
    were not found on, and `error` the standard error of that.
    """

    members: list[Result]
    weights: list[float]
    rows: np.ndarray
    prediction: np.ndarray
    taken: bool
    gain: float
    error: float
    text: list[str] = field(default_factory=list)


def blend(
    candidates: list[Result], chosen: Result, bench: Bench, budget: Budget | None = None
) -> Blend:
    """Picks an ensemble greedily, and takes it where it is better by more than one standard error.

    It is not taken where the budget leaves no time to fit all its members.

    The weights are found on out-of-fold predictions; whether they help is asked part by part,
    with weights found on the other parts.
    """
    measure = bench.measure
    fine = sorted((r for r in candidates if not r.failed), key=lambda r: -measure.sign * r.score)
    library = fine[:LIBRARY]
    if chosen not in library:
        library.append(chosen)
    stacked = np.stack([r.prediction for r in library])
    rows = np.flatnonzero(np.isfinite(stacked.reshape(*stacked.shape[:2], -1)).all(axis=(0, 2)))
    y, p = bench.truth[rows], stacked[:, rows]
    alone = p[library.index(chosen)]
    parts = _parts(bench, rows)
    crossed = np.empty_like(alone)
    for part in np.unique(parts):
        inside = parts == part
        crossed[inside] = average(p[:, inside], _weights(p[:, ~inside], y[~inside], measure))
    both = np.stack([crossed, alone], axis=1)

    def gained(y: np.ndarray, pair: np.ndarray) -> float:
        return measure.sign * (measure.score(y, pair[:, 0]) - measure.score(y, pair[:, 1]))

    gain, error = gained(y, both), jackknife_error(gained, y, both, parts)
    weights = _weights(p, y, measure)
    used = np.flatnonzero(weights)
    members = [library[i] for i in used]
    better = len(used) > 1 and gain > error
    fits = budget is None or budget.allows_at_the_end(*size_of([r.setting for r in members]))
    text = _describe(gain, error, better, [weights[i] for i in used], p[used], y, measure)
    if better and budget is not None and not fits:
        text = [f"An ensemble would be {measure.show(gain)} better. {budget.not_tried()}"]
    taken = better and fits
    if not taken:
        return Blend([chosen], [1.0], rows, alone, False, gain, error, text)
    shares = [float(weights[i]) for i in used]
    return Blend(members, shares, rows, average(p, weights), True, gain, error, text)


def _weights(p: np.ndarray, y: np.ndarray, measure: Measure) -> np.ndarray:
    return greedy(p, y, measure.score, higher=measure.higher, picks=PICKS).weights


def _parts(bench: Bench, rows: np.ndarray) -> np.ndarray:
    if bench.parts is not None:
        return bench.parts[rows]
    return np.random.default_rng(bench.seed).permutation(np.arange(len(rows)) % PARTS)


def _describe(
    gain: float,
    error: float,
    taken: bool,
    weights: list[float],
    p: np.ndarray,
    y: np.ndarray,
    measure: Measure,
) -> list[str]:
    show = measure.show
    word = "better" if gain >= 0 else "worse"
    start = (
        f"An ensemble picked greedily on out-of-fold predictions is {show(abs(gain))} ± "
        f"{show(error)} {word} than the chosen network, on rows that its weights were not found on"
    )
    if not taken:
        return [f"{start}: not enough to keep several networks. One is kept."]
    text = [f"{start}: it is taken."]
    spread = diversity(p, y)
    others = spread.error_correlation[~np.eye(len(p), dtype=bool)]
    shares = ", ".join(f"{weight:.0%}" for weight in sorted(weights, reverse=True))
    text.append(
        f"{len(weights)} networks with the weights {shares}; the correlation of their errors is "
        f"{np.nanmean(others):.2f} on average (1: they fail alike)."
    )
    return text
