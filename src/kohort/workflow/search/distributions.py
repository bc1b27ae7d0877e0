"""From a hyperparameter to an Optuna distribution, and from a distribution to the unit interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from kohort.workflow.search.dimensions import Float, Int, Numerical


@dataclass(frozen=True)
class Parameter:
    """What the study keeps for a hyperparameter, and how to read a value that it keeps."""

    name: str
    distribution: BaseDistribution
    translate: Callable[[Any], Any] = lambda value: value  # its own inverse


def parameter(dimension: Any, grid: bool = False) -> Parameter:
    """The parameter of a study that stands for `dimension`.

    Conditions join the name, since one name may mean two ranges. Optuna knows no reverse
    logarithm, so the study keeps the mirror image `max + min - value`, which is logarithmic.
    Steps that multiply become choices; so do, for a `grid`, ranges without steps.

    >>> from kohort.workflow.search.dimensions import Float
    >>> p = parameter(Float(name="keep", min_value=0.9, max_value=0.999, sampling="reverse_log"))
    >>> p.name, p.distribution, p.translate(0.9)
    ('keep (mirrored)', FloatDistribution(high=0.999, log=True, low=0.9, step=None), 0.999)
    """
    name = dimension.name
    if dimension.conditions:
        when = (f"{c.name}={'|'.join(map(str, c.values))}" for c in dimension.conditions)
        name += f" [{', '.join(when)}]"
    linear = not isinstance(dimension, Numerical) or dimension.sampling == "linear"
    if not isinstance(dimension, Numerical) or (dimension.step and not linear):
        return Parameter(name, CategoricalDistribution(list(dimension.values)))
    if dimension.step is None and grid:
        return Parameter(name, CategoricalDistribution(list(dimension.values)))
    kind: Any = IntDistribution if isinstance(dimension, Int) else FloatDistribution
    low, high = dimension.min_value, dimension.max_value
    if linear and dimension.step:
        return _with_steps(name, kind, dimension)
    if dimension.sampling != "reverse_log":
        return Parameter(name, kind(low, high, log=not linear))
    mirrored = kind(low, high, log=True)
    return Parameter(f"{name} (mirrored)", mirrored, lambda value: high + low - value)


def _with_steps(name: str, kind: Any, dimension: Numerical) -> Parameter:
    low, step = dimension.min_value, dimension.step
    distribution = kind(low, dimension.at(dimension.count - 1), step=step)
    if not isinstance(dimension, Float):
        return Parameter(name, distribution)
    # 0.1 + 2 * 0.1 and 0.3 differ in the last digit: the value is always `at(i)`.
    return Parameter(name, distribution, lambda value: dimension.at(round((value - low) / step)))


def suggest(trial: Any, name: str, distribution: Any) -> Any:
    """Asks an Optuna trial for a value."""
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    integer = isinstance(distribution, IntDistribution)
    method = trial.suggest_int if integer else trial.suggest_float
    step, log = distribution.step, distribution.log
    return method(name, distribution.low, distribution.high, step=step, log=log)


def is_ordered(distribution: Any) -> bool:
    """Whether near values are alike: numbers are, even where they are choices."""
    choices = getattr(distribution, "choices", ())
    numbers = [isinstance(c, (int, float)) and not isinstance(c, bool) for c in choices]
    return all(numbers)


def levels(distribution: Any) -> list[Any] | None:
    """All values of a distribution in order, or None for a continuous one."""
    if isinstance(distribution, CategoricalDistribution):
        chosen = list(distribution.choices)
        return sorted(chosen) if is_ordered(distribution) else chosen
    low, high, step = distribution.low, distribution.high, distribution.step
    if isinstance(distribution, IntDistribution):
        return list(range(low, high + 1, step))
    if step is None:
        return None
    return [low + i * step for i in range(math.floor((high - low) / step + 1e-8) + 1)]


def to_unit(distribution: Any, value: Any) -> float:
    """Where `value` lies in [0, 1], on the scale (linear or logarithmic) of the distribution.

    >>> to_unit(FloatDistribution(1e-4, 1e-2, log=True), 1e-3)
    0.5
    """
    if isinstance(distribution, CategoricalDistribution):
        known = levels(distribution) or []
        return (known.index(value) + 0.5) / len(known)
    low, high = _bounds(distribution)
    if high == low:
        return 0.5
    if distribution.log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def from_unit(distribution: Any, share: float) -> Any:
    """The value at `share` of [0, 1]; the inverse of `to_unit` up to rounding.

    >>> [from_unit(IntDistribution(0, 8, step=4), share) for share in (0.0, 0.4, 1.0)]
    [0, 4, 8]
    """
    share = min(max(float(share), 0.0), 1.0)
    if isinstance(distribution, CategoricalDistribution):
        known = levels(distribution) or []
        return known[min(int(share * len(known)), len(known) - 1)]
    low, high = _bounds(distribution)
    value = low * (high / low) ** share if distribution.log else low + share * (high - low)
    step = distribution.step
    if step is not None:
        value = distribution.low + round((value - distribution.low) / step) * step
    value = min(max(value, distribution.low), distribution.high)
    return int(value) if isinstance(distribution, IntDistribution) else float(value)


def _bounds(distribution: Any) -> tuple[float, float]:
    """Each step has an equal share, the first and last too."""
    half = (distribution.step or 0) / 2
    return distribution.low - half, distribution.high + half


def features(distribution: Any, values: Sequence[Any]) -> np.ndarray:
    """Columns for a model of the objective: one for numbers, one a choice for the rest.

    >>> features(CategoricalDistribution(["a", "b"]), ["b", "a"]).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if is_ordered(distribution):
        return np.array([[to_unit(distribution, value)] for value in values])
    known = levels(distribution) or []
    return np.eye(len(known))[[known.index(value) for value in values]]
