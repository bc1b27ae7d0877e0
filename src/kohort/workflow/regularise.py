"""Stage 7: each means against overfitting alone, then those that helped together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kohort.workflow.candidates import Judge, Result, best_of, compare
from kohort.workflow.capacity import Capacity
from kohort.workflow.honest import Comparison
from kohort.workflow.measure import Measure
from kohort.workflow.network import SCHEDULES, Setting

# What each means changes, in two strengths where it has one: the better one speaks for it.
MEANS: dict[str, list[dict[str, Any]]] = {
    "L1": [{"l1": 1e-5}, {"l1": 3e-4}],
    "L2": [{"l2": 3e-4}, {"l2": 3e-3}],
    "L1 and L2": [{"l1": 3e-5, "l2": 3e-4}],
    "dropout": [{"dropout": 0.2}, {"dropout": 0.5}],
    "max-norm": [{"max_norm": 1.0}, {"max_norm": 3.0}],
    "batch normalisation": [{"batch_norm": True}],
    **{name: [{"schedule": kind}] for kind, name in SCHEDULES.items()},
}


@dataclass(frozen=True)
class Effect:
    """A means with its better strength, and how much better it is than the plain network.

    `gain` is positive where it helped, whatever the measure's direction; None for one fold.
    """

    name: str
    result: Result
    better_by: float
    gain: Comparison | None

    @property
    def helped(self) -> bool:
        """Whether it was better at all; whether that is more than chance is another matter."""
        return self.better_by > 0


@dataclass(frozen=True)
class Regularising:
    """The plain network, each means on it, and those that helped together."""

    base: Result
    effects: list[Effect]
    together: Effect | None
    text: list[str] = field(default_factory=list)

    @property
    def helpful(self) -> list[str]:
        """The names of the means that helped."""
        return [effect.name for effect in self.effects if effect.helped]


def regularise(judge: Judge, capacity: Capacity) -> Regularising:
    """Tries each means on the ladder's best network: all of them train as one cohort.

    Means that there is no time for are left out; all, where that would be most.
    """
    base, measure = capacity.base, judge.bench.measure
    variants = {name: [replace(base.setting, **change) for change in changes]
                for name, changes in MEANS.items()}  # fmt: skip
    if not base.setting.hidden:
        variants = {name: variants[name] for name in SCHEDULES.values()}
    elif max(base.setting.hidden) >= 4:
        half = tuple(units // 2 for units in base.setting.hidden)
        variants = {"half the units": [replace(base.setting, hidden=half)], **variants}
    settings = [setting for several in variants.values() for setting in several]
    fit = judge.affordable(sorted(settings, key=lambda s: s.structure != base.setting.structure))
    fit = fit if 2 * len(fit) > len(settings) else []
    late = [name for name, several in variants.items() if not {*several} <= {*fit}]
    variants = {name: several for name, several in variants.items() if name not in late}
    settings = [setting for several in variants.values() for setting in several]
    if not settings:
        return Regularising(base, [], None, [judge.budget.not_tried()])
    results = judge("regularising", settings, f"{len(settings)} ways to regularise, together")
    by_setting = {result.setting: result for result in results}
    effects = [
        _effect(name, [by_setting[s] for s in several], base, judge)
        for name, several in variants.items()
    ]
    together = None
    joint = join(base.setting, effects)
    if joint not in by_setting and joint != base.setting and judge.affordable([joint]):
        found = judge("regularising", [joint], "what helped, together")
        together = _effect("what helped, together", found, base, judge)
    text = _describe(base, effects, together, measure)
    text += [judge.budget.not_tried(late)] if late else []
    return Regularising(base, effects, together, text)


def join(base: Setting, effects: list[Effect]) -> Setting:
    """The plain network with every means that helped, each in its better strength.

    Penalties stand for one another: of L1, L2 and both, the best one counts.
    """
    helped = [effect for effect in effects if effect.helped]
    best = sorted(helped, key=lambda effect: effect.better_by)  # the best one has the last word
    change: dict[str, Any] = {}
    for effect in best:
        if effect.name in ("L1", "L2", "L1 and L2"):
            change["l1"] = change["l2"] = 0.0
        own, plain = effect.result.setting, base
        change |= {
            name: getattr(own, name) for name in own.__dataclass_fields__
            if getattr(own, name) != getattr(plain, name)
        }  # fmt: skip
    return replace(base, **change)


def _effect(name: str, results: list[Result], base: Result, judge: Judge) -> Effect:
    measure = judge.bench.measure
    best = best_of(results, measure)
    better_by = measure.sign * (best.score - base.score)
    return Effect(
        name, best, float(np.nan_to_num(better_by, nan=-np.inf)), compare(best, base, judge.bench)
    )


def _describe(
    base: Result, effects: list[Effect], together: Effect | None, measure: Measure
) -> list[str]:
    text = [f"Each means alone on {base.setting.size} ({measure.show(base.score)}):"]
    for effect in sorted(effects, key=lambda effect: -effect.better_by):
        text.append(line_of(effect, measure))
    if together:
        text.append(line_of(together, measure))
    clear = [e.name for e in effects if e.gain and e.gain.low > 0]
    some = [e.name for e in effects if e.helped]
    if clear:
        text.append(f"Clearly better than nothing: {', '.join(clear)}.")
    elif some:
        text.append(f"Better, though it may be chance: {', '.join(some)}.")
    else:
        text.append("No means helped: this network does not suffer from overfitting.")
    return text


def line_of(effect: Effect, measure: Measure) -> str:
    """A line of the table: what, how much better or worse, and how surely."""
    if effect.result.failed:
        return f"{effect.name:>24}   gave no finite loss"
    word = "better" if effect.better_by > 0 else "worse" if effect.better_by else "apart"
    sure = "" if effect.gain is None else f"95 % interval {interval_of(effect, measure)}"
    return f"{effect.name:>24}   {measure.show(abs(effect.better_by))} {word:<6}   {sure}".rstrip()


def interval_of(effect: Effect, measure: Measure) -> str:
    """How much better, with its uncertainty: both ends of the corrected interval."""
    if effect.gain is None:
        return ""
    low, high = effect.gain.low, effect.gain.high
    return f"{signed(low, measure)} to {signed(high, measure)}"


def changes(setting: Setting, base: Setting) -> str:
    """What a setting has that the plain network has not, in words."""
    plain = str(base).split(", ")
    return ", ".join(part for part in str(setting).split(", ") if part not in plain)


def signed(value: float, measure: Measure) -> str:
    """A difference with its sign, as the measure shows amounts."""
    return f"{'-' if value < 0 else '+'}{measure.show(abs(value))}"
