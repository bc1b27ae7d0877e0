"""Which members of a cohort go on: successive halving, Hyperband, median stopping.

Pure functions over arrays with one entry, or one row of epochs, a member. NaN means no value: a
member that diverged, or that has stopped. With `maximize` greater values are better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kohort.errors import with_remedies

_SLACK = 1e-9  # log(243, 3) is 4.999999


@dataclass(frozen=True)
class Bracket:
    """Members that start together: at epoch `epochs[i]`, `keep[i]` of them go on.

    The last rung is the end of training, so `keep` has one entry less than `epochs`.
    """

    members: int
    epochs: tuple[int, ...]
    keep: tuple[int, ...]


def rungs(max_epochs: int, min_epochs: int = 1, factor: float = 3) -> tuple[int, ...]:
    """The epochs `max / factor^k` down to `min_epochs`, rounded, in rising order.

    >>> rungs(81), rungs(100, min_epochs=10, factor=2)
    ((1, 3, 9, 27, 81), (12, 25, 50, 100))
    """
    if not (factor > 1 and 1 <= min_epochs <= max_epochs):
        rule = "Halving needs 1 <= min_epochs <= max_epochs and factor > 1."
        received = f"max_epochs={max_epochs}, min_epochs={min_epochs}, factor={factor}"
        raise ValueError(with_remedies(rule, received, ["factor=3 is usual"]))
    steps = int(math.log(max_epochs / min_epochs, factor) + _SLACK)
    at = (round(max_epochs / factor**k) for k in range(steps, -1, -1))
    return tuple(sorted({max(min_epochs, epoch) for epoch in at}))


def successive_halving(
    members: int, max_epochs: int, min_epochs: int = 1, factor: float = 3
) -> Bracket:
    """At each rung the best 1/`factor` go on: all members see `min_epochs`, few see the end.

    Source: Jamieson, Talwalkar 2016.

    >>> successive_halving(27, max_epochs=27)
    Bracket(members=27, epochs=(1, 3, 9, 27), keep=(9, 3, 1))
    """
    at = rungs(max_epochs, min_epochs, factor)
    keep = (max(1, int(members / factor**k + _SLACK)) for k in range(1, len(at)))
    return Bracket(members, at, tuple(keep))


def hyperband(max_epochs: int, min_epochs: int = 1, factor: float = 3) -> list[Bracket]:
    """Brackets from many short trainings to few long ones, of about equal cost.

    With `s_max = floor(log_factor(max / min))`, bracket s has
    `ceil((s_max + 1) factor^s / (s + 1))` members and starts at `max / factor^s` epochs: it is
    unknown how early a bad member shows. Source: Li et al. 2018, algorithm 1.

    >>> [(b.members, b.epochs[0]) for b in hyperband(81)]
    [(81, 1), (34, 3), (15, 9), (8, 27), (5, 81)]
    """
    at = rungs(max_epochs, min_epochs, factor)
    brackets = []
    for s in range(len(at) - 1, -1, -1):
        members = math.ceil(len(at) * factor**s / (s + 1) - _SLACK)
        brackets.append(successive_halving(members, max_epochs, at[len(at) - 1 - s], factor))
    return brackets


def allot(members: int, brackets: list[Bracket]) -> np.ndarray:
    """Which bracket each member joins, shape `(members,)`, in proportion to the brackets' sizes.

    The proportions hold for every prefix too, so that a search may end early.

    >>> allot(8, hyperband(9)).tolist()  # of 9, 5 and 3 members
    [0, 1, 0, 2, 0, 1, 0, 0]
    """
    sizes = np.array([b.members for b in brackets], float)
    joined = np.zeros(len(brackets))
    places = []
    for _ in range(members):
        places.append(int(((joined + 0.5) / sizes).argmin()))
        joined[places[-1]] += 1
    return np.array(places, int)


def best_of(scores: np.ndarray, keep: int, maximize: bool = False) -> np.ndarray:
    """A mask of the `keep` best scores; ties go to the earlier member, NaN never stays.

    >>> best_of(np.array([0.3, np.nan, 0.1, 0.3]), keep=2)
    array([ True, False,  True, False])
    """
    losses = -np.asarray(scores, float) if maximize else np.asarray(scores, float)
    order = np.argsort(losses, kind="stable")  # NaN sorts last
    mask = np.zeros(len(losses), bool)
    mask[order[:keep]] = True
    return mask & ~np.isnan(losses)


def survivors(
    scores: np.ndarray, bracket: Bracket, epoch: int, maximize: bool = False
) -> np.ndarray:
    """A mask of the members of one bracket that go on after `epoch`, shape `(members,)`.

    `scores` has NaN for those that stopped before. A bracket that holds fewer members than planned
    keeps the same share, and at least one.

    >>> scores = np.array([0.9, 0.1, 0.5, 0.4, 0.7, 0.3, 0.8, 0.2, 0.6])
    >>> survivors(scores, successive_halving(9, max_epochs=9), epoch=1).nonzero()[0].tolist()
    [1, 5, 7]
    """
    if epoch not in bracket.epochs[:-1]:
        return ~np.isnan(np.asarray(scores, float))
    planned = bracket.keep[bracket.epochs.index(epoch)]
    keep = max(1, int(planned * len(scores) / bracket.members + _SLACK))
    return best_of(scores, keep, maximize)


def below_median(
    curves: np.ndarray, epoch: int, maximize: bool = False, warmup: int = 0, least: int = 5
) -> np.ndarray:
    """A mask of the members to stop after `epoch` (counted from 1), shape `(members,)`.

    A member stops when its best value so far is worse than the median of the other members' running
    averages up to `epoch`. `curves` has shape `(members, epochs)`; members without a value at
    `epoch` neither stop nor count. Nothing stops in the first `warmup` epochs, nor when fewer than
    `least` others count. Source: Golovin et al. 2017 (Google Vizier), section 3.2.1.

    >>> curves = np.array([[4.0, 3.0], [4.0, 3.5], [5.0, 3.7], [9.0, 8.0]])
    >>> below_median(curves, epoch=2, least=3)
    array([False, False, False,  True])
    """
    seen = np.asarray(curves, float)[:, :epoch] * (-1.0 if maximize else 1.0)
    running = ~np.isnan(seen[:, -1])
    stop = np.zeros(len(seen), bool)
    if epoch <= warmup or running.sum() <= least:
        return stop
    averages = np.nanmean(seen[running], axis=1)
    best = np.nanmin(seen[running], axis=1)
    medians = [np.median(np.delete(averages, i)) for i in range(len(averages))]
    stop[running] = best > medians
    return stop
