"""Stage 8: a search over the strengths of what helped, and the choice among all candidates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kohort.workflow.bench import Bench
from kohort.workflow.candidates import Judge, Result, best_of, compare
from kohort.workflow.honest import Comparison, Estimate, bbc_cv
from kohort.workflow.measure import Measure
from kohort.workflow.network import Setting
from kohort.workflow.regularise import Regularising
from kohort.workflow.search.space import HyperParameters

TOGETHER = 8  # trials that are asked for, and trained, at a time; the first ones at random
SAMPLES = 200  # bootstrap samples of the corrected estimate


@dataclass(frozen=True)
class Tuning:
    """The trials, the choice among all candidates, and the choice's corrected estimate.

    `importance` says how much each hyperparameter mattered, `against_default` how much better the
    choice is than the default network (positive is better; None for one fold).
    """

    trials: list[Result]
    best: Result
    chosen: Result
    corrected: Estimate
    importance: dict[str, float] = field(default_factory=dict)
    against_default: Comparison | None = None
    text: list[str] = field(default_factory=list)


def tune(judge: Judge, regularising: Regularising, trials: int, default: Result) -> Tuning:
    """Searches with TPE, the first batch at random; each batch of trials is one cohort.

    All trials share one structure, so the program compiled for the first batch serves all. A batch
    starts only if there is time for it.
    """
    done, importance = search(judge, regularising, trials)
    candidates = [r for r in judge.results if r.complete] or judge.results
    chosen, corrected = choose(candidates, judge.bench)
    best = best_of(done or candidates, judge.bench.measure)
    against = compare(chosen, default, judge.bench)
    text = [] if done else [judge.budget.not_tried(["the search"])]
    if len(candidates) == 1:
        text.append(f"Chosen: {chosen.setting}, the one network that there was time for.")
    else:
        text += _describe(done, trials, best, chosen, corrected, judge.bench.measure)
        text += _against_default(against, judge.bench.measure)
    return Tuning(done, best, chosen, corrected, importance, against, text)


def search(
    judge: Judge, regularising: Regularising, trials: int
) -> tuple[list[Result], dict[str, float]]:
    """The trials of the search, and the importance of what was searched."""
    from kohort.workflow.search import Study

    measure = judge.bench.measure
    start = start_of(regularising, measure)
    study = Study(
        lambda hp: setting_of(hp, start, regularising.helpful),
        directions=["maximize" if measure.higher else "minimize"],
        seed=judge.bench.seed, n_startup_trials=TOGETHER,
    )  # fmt: skip
    done: list[Result] = []
    size = -(-trials // -(-trials // TOGETHER))  # batches of one size are one program
    while size and not judge.budget.allows(1, size):
        size -= 1
    with study:
        while size and len(done) < trials and judge.budget.allows(1, size):
            asked = study.ask(min(size, trials - len(done)))
            if not asked:
                break
            what = f"trials {len(done) + 1} to {len(done) + len(asked)} of {trials}, together"
            for trial, result in zip(
                asked, judge("tuning", [t.model for t in asked], what), strict=True
            ):
                study.tell(trial, None if result.failed else result.score)
                done.append(result)
        importance = study.importance()
    return done, importance


def start_of(regularising: Regularising, measure: Measure) -> Setting:
    """The best setting so far: its structure is the one that is searched."""
    effects = [*regularising.effects, *filter(None, [regularising.together])]
    return best_of([regularising.base, *(e.result for e in effects)], measure).setting


def setting_of(hp: HyperParameters, start: Setting, helpful: list[str]) -> Setting:
    """A point of the space: the strengths of what helped, and the learning rate, on log scales.

    L2 and dropout are searched, too, where nothing helped: perhaps their strengths were wrong.
    """
    rate = start.learning_rate
    change: dict[str, Any] = {
        "learning_rate": hp.Float("learning_rate", rate / 4, rate * 4, sampling="log")
    }
    if not start.hidden:
        return replace(start, **change)
    if start.l1 or {"L1", "L1 and L2"} & {*helpful}:
        change["l1"] = hp.Float("l1", 1e-6, 1e-3, sampling="log")
    if start.l2 or not helpful or {"L2", "L1 and L2"} & {*helpful}:
        change["l2"] = hp.Float("l2", 1e-6, 1e-2, sampling="log")
    if start.dropout or not helpful or "dropout" in helpful:
        change["dropout"] = hp.Float("dropout", 0.0, 0.6)
    if start.max_norm:
        change["max_norm"] = hp.Float("max_norm", 0.5, 6.0, sampling="log")
    return replace(start, **change)


def choose(candidates: list[Result], bench: Bench) -> tuple[Result, Estimate]:
    """The one-standard-error choice, and what to expect of it: BBC-CV with that very rule."""
    predictions = np.stack([result.predictions for result in candidates])
    found = bbc_cv(
        bench.truth,
        predictions if bench.repeats > 1 else predictions[:, 0],
        bench.measure.score,
        higher=bench.measure.higher,
        choose="one_standard_error",
        complexity=[result.parameters for result in candidates],
        folds=bench.parts,
        repeats=bench.repeats,
        samples=SAMPLES,
        seed=bench.seed,
    )
    return candidates[found.chosen], found


def _describe(
    trials: list[Result],
    wanted: int,
    best: Result,
    chosen: Result,
    corrected: Estimate,
    measure: Measure,
) -> list[str]:
    show = measure.show
    text = []
    if 0 < len(trials) < wanted:
        text.append(f"The time budget ended the search after {len(trials)} of {wanted} trials.")
    failed = sum(result.failed for result in trials)
    if failed:
        text.append(f"{failed} trials gave no finite loss and are out.")
    if trials:
        text.append(
            f"Best of {len(trials)} trials: {best.setting}: {measure.name} {show(best.score)} "
            f"± {show(best.standard_error)} in validation."
        )
    text.append(
        f"Chosen: {chosen.setting} ({show(chosen.score)}), the smallest network within one "
        "standard error of the best of all that were tried."
    )
    text.append(
        f"The best of many is partly lucky: corrected for the choice among all candidates, "
        f"expect {show(corrected.value)} "
        f"(95 % interval {show(corrected.low)} to {show(corrected.high)})."
    )
    return text


def _against_default(found: Comparison | None, measure: Measure) -> list[str]:
    if found is None:
        return []
    show = measure.show
    word = "better" if found.difference >= 0 else "worse"
    sure = "clear" if found.clear else "could be chance"
    return [
        f"Against the default network, on the same folds: {show(abs(found.difference))} {word} "
        f"(corrected t-test: p = {found.p_value:.3f}, {sure})."
    ]
