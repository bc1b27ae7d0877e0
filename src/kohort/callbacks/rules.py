"""The decisions of the callbacks as pure functions: one value of one member at a time.

A state is a small tuple; a step takes it with the monitored value and returns the next one. The
callbacks keep their state in attributes; a cohort keeps one state for each member.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Improves = Callable[[float, float | None], bool]
"""Whether a value is better than the best so far (None: there is none)."""


class StoppingState(NamedTuple):
    """What early stopping remembers: the best value and the epochs waited for a better one."""

    best: float | None = None
    wait: int = 0


def stopping_step(
    state: StoppingState,
    value: float,
    improves: Improves,
    patience: int,
    baseline: float | None = None,
) -> tuple[StoppingState, bool, bool]:
    """Return the next state, whether `value` is the best so far, and whether patience is over.

    The wait starts anew only if the value beats the `baseline` as well.

    >>> better = lambda value, best: best is None or value < best
    >>> state = StoppingState()
    >>> for loss in (0.5, 0.4, 0.6, 0.7):
    ...     state, improved, over = stopping_step(state, loss, better, patience=2)
    >>> state, improved, over
    (StoppingState(best=0.4, wait=2), False, True)
    """
    wait = state.wait + 1
    if improves(value, state.best):
        beats_baseline = baseline is None or improves(value, baseline)
        return StoppingState(value, 0 if beats_baseline else wait), True, False
    return StoppingState(state.best, wait), False, wait >= patience


class PlateauState(NamedTuple):
    """What a plateau remembers: the best value, the epochs waited, and the cooldown left."""

    best: float | None = None
    wait: int = 0
    cooldown: int = 0


def plateau_step(
    state: PlateauState, value: float, improves: Improves, patience: int
) -> tuple[PlateauState, bool]:
    """Return the next state and whether the learning rate is to be reduced.

    Epochs of the cooldown do not count as waiting. After a reduction the caller sets the wait to 0
    and the cooldown.

    >>> better = lambda value, best: best is None or value < best
    >>> plateau_step(PlateauState(best=0.4, wait=1), 0.5, better, patience=2)
    (PlateauState(best=0.4, wait=2, cooldown=0), True)
    """
    wait = 0 if state.cooldown > 0 else state.wait
    cooldown = max(state.cooldown - 1, 0)
    if improves(value, state.best):
        return PlateauState(value, 0, cooldown), False
    if cooldown > 0:
        return PlateauState(state.best, wait, cooldown), False
    wait += 1
    return PlateauState(state.best, wait, cooldown), wait >= patience


class BatchCount(NamedTuple):
    """The batches since the last action, and the last batch number seen in this epoch."""

    seen: int = 0
    last: int = -1


def count_batch(count: BatchCount, batch: int, every: int) -> tuple[BatchCount, bool]:
    """Return the next count, and whether `every` batches have passed (then it starts anew).

    `batch` numbers may jump, where one call stands for several batches; a number that is not
    larger than the last one begins an epoch.

    >>> count_batch(BatchCount(seen=1, last=1), 3, every=3)
    (BatchCount(seen=0, last=3), True)
    """
    last = count.last if batch > count.last else -1
    seen = count.seen + batch - last
    return (BatchCount(0, batch), True) if seen >= every else (BatchCount(seen, batch), False)
