"""Stage 6: grow the network until it overfits, and read that from the learning curves."""

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
from kohort.workflow.network import Setting

LADDER = ((), (8,), (32,), (128,), (128, 128), (256, 256))
RISE = 0.1  # validation loss this far above its best, while training loss still falls


@dataclass(frozen=True)
class Rung:
    """A size on the ladder with what its curves say."""

    result: Result
    rise: float
    overfits: bool


@dataclass(frozen=True)
class Capacity:
    """The ladder as far as it was climbed; `best` scores best, `simplest` is one error off.

    `base` is what the next stage regularises: the smallest network with a hidden layer that is
    within one standard error of the best of its kind.
    """

    rungs: list[Rung]
    best: Result
    simplest: Result
    base: Result
    text: list[str] = field(default_factory=list)


def grow(
    bench: Bench, progress: Progress, kept: list[Result], deadline: float | None = None
) -> Capacity:
    """Climbs the ladder of sizes until a network overfits and growing no longer helps.

    Past `deadline` (of `time.monotonic`) it ends with the size at hand.

    Each result is put into `kept` as soon as it is there, so an interruption loses none.
    """
    rungs: list[Rung] = []
    for number, hidden in enumerate(LADDER):
        progress(f"size {'-'.join(map(str, hidden)) or 'without hidden layer'}")
        result = judge("capacity", Setting(hidden, first_rate(hidden)), bench)
        kept.append(result)
        rungs.append(Rung(result, *_overfitting(result)))
        if number >= 2 and rungs[-1].overfits and not _still_helps(rungs, bench):
            break
        if deadline is not None and time.monotonic() > deadline:
            break
    results = [rung.result for rung in rungs]
    measure = bench.measure
    best = best_of(results, measure)
    simplest = simplest_within_one_error(results, measure)
    base = simplest_within_one_error([r for r in results if r.setting.hidden] or results, measure)
    return Capacity(rungs, best, simplest, base, _describe(rungs, best, simplest, bench))


def first_rate(hidden: tuple[int, ...]) -> float:
    """A learning rate to start from: few units need, and bear, larger steps than many."""
    widest = max(hidden, default=0)
    return 1e-2 if widest <= 8 else 3e-3 if widest <= 32 else 1e-3


def _overfitting(result: Result) -> tuple[float, bool]:
    """How far validation loss has risen from its best while training loss fell: (rise, verdict)."""
    rises: list[float] = []
    falls: list[bool] = []
    for (loss, val_loss), best in zip(result.curves, result.best_epochs, strict=True):
        after = val_loss[best:][-3:]  # the curve's end, where it lies behind the best epoch
        end = float(np.mean(after)) if after else val_loss[best - 1]
        rises.append(end / max(val_loss[best - 1], 1e-12) - 1)
        falls.append(loss[-1] < loss[best - 1])
    rise = float(np.median(rises))
    return rise, rise > RISE and bool(np.mean(falls) > 0.5)


def _still_helps(rungs: list[Rung], bench: Bench) -> bool:
    sign = bench.measure.sign
    before = max(sign * rung.result.score for rung in rungs[:-1])
    return sign * rungs[-1].result.score > before + 0.5 * rungs[-1].result.standard_error


def _describe(rungs: list[Rung], best: Result, simplest: Result, bench: Bench) -> list[str]:
    show = bench.measure.show
    text = []
    for rung in rungs:
        result = rung.result
        note = f"overfits (validation loss rises {rung.rise:.0%})" if rung.overfits else ""
        text.append(
            f"{'-'.join(map(str, result.setting.hidden)) or 'no hidden layer':>15} "
            f"{result.parameters:>8,} weights   {show(result.score)} ± "
            f"{show(result.standard_error)}   {note}".rstrip()
        )
    flagged = [_size(rung.result) for rung in rungs if rung.overfits]
    if flagged:
        text.append(f"Overfitting is plain at {', '.join(flagged)}.")
    if best is rungs[-1].result and not rungs[-1].overfits:
        text.append("The largest size is best and does not overfit: a larger one might help yet.")
    elif flagged:
        text.append("There is capacity enough: what is left is to hold it in check.")
    else:
        text.append("No size overfits clearly: with more epochs, one may.")
    if simplest is not best:
        text.append(f"Simpler, and within one standard error of {_size(best)}: {_size(simplest)}.")
    return text


def _size(result: Result) -> str:
    return "-".join(map(str, result.setting.hidden)) or "no hidden layer"
