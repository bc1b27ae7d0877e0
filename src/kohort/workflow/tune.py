"""Stage 7: regularise and tune, by a small random search on a log scale."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from kohort.workflow.candidates import (
    Bench,
    Progress,
    Result,
    best_of,
    judge,
    simplest_within_one_error,
)
from kohort.workflow.capacity import Capacity
from kohort.workflow.measure import Interval, Measure
from kohort.workflow.network import NONE, Setting
from kohort.workflow.scores import Score


@dataclass(frozen=True)
class Tuning:
    """The trials, the choice among all candidates, and the choice's corrected estimate."""

    trials: list[Result]
    best: Result
    chosen: Result
    corrected: Interval
    text: list[str] = field(default_factory=list)


def tune(
    bench: Bench,
    capacity: Capacity,
    trials: int,
    progress: Progress,
    kept: list[Result],
    deadline: float | None = None,
) -> Tuning:
    """Draws learning rate, L2 and dropout for the ladder's `base` size.

    All trials share one structure, so the program compiled for the first serves all. Past
    `deadline` (of `time.monotonic`) no new trial starts.
    """
    hidden = capacity.base.setting.hidden
    done: list[Result] = []
    for number, setting in enumerate(draw(hidden, trials, bench.seed)):
        if deadline is not None and done and time.monotonic() > deadline:
            break
        progress(f"trial {number + 1} of {trials}: {setting}")
        result = judge("tuning", setting, bench)
        kept.append(result)
        done.append(result)
    candidates = [rung.result for rung in capacity.rungs] + done
    best = best_of(done, bench.measure)
    chosen = simplest_within_one_error(candidates, bench.measure)
    corrected = bootstrap_corrected(candidates, bench)
    text = _describe(done, trials, best, chosen, corrected, bench.measure)
    return Tuning(done, best, chosen, corrected, text)


def draw(hidden: tuple[int, ...], trials: int, seed: int) -> list[Setting]:
    """Settings drawn at random: learning rate and L2 log-uniform, dropout uniform.

    One in three has no L2 (dropout), written as a factor too small to act.
    """
    generator = np.random.default_rng([seed, 7])
    out = []
    for _ in range(trials):
        rate = 10 ** generator.uniform(-3.2, -1.8)
        l2: float | None
        dropout: float | None
        l2 = NONE if generator.random() < 1 / 3 else 10 ** generator.uniform(-5, -2)
        dropout = NONE if generator.random() < 1 / 3 else generator.uniform(0.05, 0.6)
        if not hidden:
            l2, dropout = None, None  # there is no hidden layer for them to act on
        out.append(Setting(hidden, float(rate), l2, dropout))
    return out


def bootstrap_corrected(candidates: list[Result], bench: Bench, samples: int = 200) -> Interval:
    """BBC-CV (Tsamardinos, Greasidou and Borboudakis, 2018): the score of *choosing*.

    For each bootstrap sample of rows the best candidate on the sample is scored on the rows
    that were not drawn, so the winner's luck is not counted. Uses every row's out-of-fold
    prediction from the first repeat of the folds.
    """
    usable = [result for result in candidates if not result.failed]
    y, predictions = _out_of_fold(usable, bench)
    generator = np.random.default_rng([bench.seed, 8])
    measure = bench.measure
    draws = []
    for _ in range(samples):
        rows = generator.integers(0, len(y), len(y))
        rest = np.setdiff1d(np.arange(len(y)), rows)
        inside = [_signed(measure.score, measure.sign, y[rows], p[rows]) for p in predictions]
        winner = predictions[int(np.argmax(inside))]
        draws.append(measure.score(y[rest], winner[rest]))
    low, high = np.nanquantile(draws, [0.025, 0.975])
    return Interval(float(np.nanmean(draws)), float(low), float(high))


def _signed(score: Score, sign: int, y: np.ndarray, prediction: np.ndarray) -> float:
    value = score(y, prediction)
    return -np.inf if np.isnan(value) else sign * value


def _out_of_fold(results: list[Result], bench: Bench) -> tuple[np.ndarray, list[np.ndarray]]:
    """Targets and each candidate's predictions for the rows of the first repeat."""
    seen: set[int] = set()
    first = []
    for number, rows in enumerate(bench.rows):
        if seen.isdisjoint(rows.tolist()):
            first.append(number)
            seen.update(rows.tolist())
    y = np.concatenate([bench.folds[number][3] for number in first])
    return y, [np.concatenate([r.predictions[n] for n in first]) for r in results]


def _describe(
    trials: list[Result],
    wanted: int,
    best: Result,
    chosen: Result,
    corrected: Interval,
    measure: Measure,
) -> list[str]:
    show = measure.show
    text = []
    if len(trials) < wanted:
        text.append(f"The time budget ended the search after {len(trials)} of {wanted} trials.")
    failed = sum(result.failed for result in trials)
    if failed:
        text.append(f"{failed} trials gave no finite loss and are out.")
    text.append(
        f"Best of {len(trials)} trials: {best.setting}: {measure.name} {show(best.score)} "
        f"± {show(best.standard_error)} in validation."
    )
    if chosen.stage == "capacity" and measure.sign * (chosen.score - best.score) >= 0:
        text.append(f"No trial surpassed stage 6: {chosen.setting} ({show(chosen.score)}).")
    elif chosen.stage == "capacity":
        text.append(
            f"Chosen all the same: {chosen.setting} ({show(chosen.score)}), the smallest network "
            "within one standard error of the best."
        )
    text.append(
        f"The best of many is partly lucky: corrected for the choice among all candidates, "
        f"expect {show(corrected.value)} "
        f"(95 % interval {show(corrected.low)} to {show(corrected.high)})."
    )
    return text
