"""Stage 6: grow the network until it overfits, and read that from the learning curves."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kohort.workflow.bench import Bench
from kohort.workflow.candidates import Judge, Result, best_of
from kohort.workflow.honest import one_standard_error
from kohort.workflow.network import Setting

LADDER: tuple[tuple[int, ...], ...] = ((), (8,), (32,), (128,), (128, 128))
CONVOLUTIONS = (Setting((32,), 3e-3, filters=(16,)), Setting((64,), 3e-3, filters=(16, 32)))
EMBEDDINGS = (Setting((16,), 3e-3, embedding=8), Setting((32,), 3e-3, embedding=32))
HIGHER: tuple[tuple[int, ...], ...] = ((256, 256),)  # for data that ask for more
RISE = 0.1  # validation loss this far above its best, while training loss still falls


@dataclass(frozen=True)
class Rung:
    """A size on the ladder with what its curves say."""

    result: Result
    rise: float
    overfits: bool


@dataclass(frozen=True)
class Capacity:
    """The ladder; `best` scores best, `simplest` is within one standard error of it.

    `base` is what the next stage regularises: the best network with a hidden layer.
    """

    rungs: list[Rung]
    best: Result
    simplest: Result
    base: Result
    text: list[str] = field(default_factory=list)


def grow(judge: Judge, default: Result) -> Capacity:
    """Trains all sizes at once; where the largest still helps, larger ones follow.

    Sizes that there is no time for are left out, the smallest ones first; without any, the
    `default` network stands for them.
    """
    ladder, late = dense(LADDER), list[Setting]()
    rungs = _climb(judge, ladder, late)
    if HIGHER and not late and _still_helps(rungs, judge.bench):
        rungs += _climb(judge, dense(HIGHER), late)
    more = CONVOLUTIONS if judge.bench.is_image else EMBEDDINGS if judge.bench.are_words else ()
    if late:
        late += more
    else:
        rungs += _climb(judge, more, late)
    results = [rung.result for rung in rungs] or [default]
    measure = judge.bench.measure
    best = best_of(results, measure)
    simplest = simplest_within_one_error(results, measure.higher)
    base = best_of([r for r in results if r.setting.hidden] or results, measure)
    text = _describe(rungs, best, simplest, judge.bench) if rungs else []
    text += [judge.budget.not_tried([s.size for s in late] if rungs else [])] if late else []
    return Capacity(rungs, best, simplest, base, text)


def dense(sizes: tuple[tuple[int, ...], ...]) -> tuple[Setting, ...]:
    """Networks of dense layers."""
    return tuple(Setting(hidden, first_rate(hidden)) for hidden in sizes)


def _climb(judge: Judge, sizes: tuple[Setting, ...], late: list[Setting]) -> list[Rung]:
    """The rungs that there is time for; `late` gets the others."""
    fit = judge.affordable(sizes[::-1])  # the largest teach most
    late += [size for size in sizes if size not in fit]
    settings = [size for size in sizes if size in fit]
    if not settings:
        return []
    what = f"{len(settings)} size(s) on {len(judge.bench.folds)} fold(s), together"
    return [Rung(r, *_overfitting(r)) for r in judge("capacity", settings, what)]


def _still_helps(rungs: list[Rung], bench: Bench) -> bool:
    """Whether the largest network is better than all others by more than its standard error."""
    sign, last = bench.measure.sign, rungs[-1].result
    before = max(sign * r.result.score for r in rungs[:-1]) if len(rungs) > 1 else np.inf
    return sign * last.score - last.standard_error > before


def simplest_within_one_error(results: list[Result], higher: bool) -> Result:
    """The smallest network that is not worse than the best by more than its standard error."""
    if all(r.failed for r in results):
        return results[0]
    scores = [r.score for r in results]
    errors = [r.standard_error for r in results]
    return results[one_standard_error(scores, errors, [r.parameters for r in results], higher)]


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


def _describe(rungs: list[Rung], best: Result, simplest: Result, bench: Bench) -> list[str]:
    show = bench.measure.show
    text = []
    for rung in rungs:
        result = rung.result
        note = f"overfits (validation loss rises {rung.rise:.0%})" if rung.overfits else ""
        note = note if result.complete else "cut short: the time was over"
        text.append(
            f"{result.setting.size:>15} {result.parameters:>8,} weights   "
            f"{show(result.score)} ± {show(result.standard_error)}   {note}".rstrip()
        )
    flagged = [rung.result.setting.size for rung in rungs if rung.overfits]
    if flagged:
        text.append(f"Overfitting is plain at {', '.join(flagged)}.")
    if best is rungs[-1].result and not rungs[-1].overfits:
        text.append("The largest size is best and does not overfit: a larger one may be better.")
    elif flagged:
        text.append("There is capacity enough: what is left is to hold it in check.")
    else:
        text.append("No size overfits clearly: with more epochs, one may.")
    if simplest is not best:
        near, top = simplest.setting.size, best.setting.size
        text.append(f"Simpler, and within one standard error of {top}: {near}.")
    return text
