"""Which steps of the data each epoch has: what `steps_per_epoch` means."""

from __future__ import annotations

import math
from typing import NamedTuple


class Part(NamedTuple):
    """The steps `start` to `stop` of one turn through the data.

    turn: how often the data have been gone through before; ran_out: whether the epoch should
    have had more steps.
    """

    turn: int
    start: int
    stop: int
    ran_out: bool


class Schedule:
    """Divides turns of `size` steps into epochs of `steps`, as Keras does.

    An epoch goes on where the last one stopped. At the end of the data it ends early; the next
    one begins a new turn. Without `steps`, an epoch is a turn. Steps come in executions of
    `execution`, which only the end of the data cuts short.

    >>> schedule = Schedule(size=5, steps=2)
    >>> [(part.turn, part.start, part.stop) for part in map(schedule.part, range(4))]
    [(0, 0, 2), (0, 2, 4), (0, 4, 5), (1, 0, 2)]
    """

    def __init__(self, size: int, steps: int | None = None, execution: int = 1):
        self.size, self.steps, self.execution = size, steps, execution
        self._executions = math.ceil((steps or size) / execution)

    def part(self, epoch: int) -> Part:
        """The part of an epoch, counted from the first of the training."""
        if self.steps is None:
            return Part(epoch, 0, self.size, False)
        most = self._executions * self.execution
        turn, within = divmod(epoch, math.ceil(self.size / most))
        start = within * most
        stop = min(start + most, self.size)
        return Part(
            turn, start, stop, math.ceil((stop - start) / self.execution) < self._executions
        )
