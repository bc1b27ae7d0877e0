"""The time of a run: what its end will cost is kept aside from the start."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

PICTURES = 7  # that the report has yet to draw when the test part has been opened, at most
TRAINING, PICTURE, SUMS = 4.0, 0.5, 3.0  # guesses in seconds, as long as nothing is measured
MARGIN = 1.5  # a training that is cut short is lost: estimates are rough


class Budget:
    """How much time is left for the search, so that the last fit and the report still have theirs.

    What a training and a picture cost is estimated from those that were so far: a call that
    trains together costs a · structures + b · settings (each structure is compiled), with a and b
    by least squares over the calls.

    Args:
        seconds: of the whole run, None for no limit.
        clock: gives the time in seconds.

    >>> now = [0.0]
    >>> budget = Budget(60, lambda: now[0])
    >>> budget.trained(1, 1, 6.0)
    >>> now[0] = 10.0
    >>> budget.aside, budget.left
    (12.5, 37.5)
    >>> budget.begin(0.5)
    >>> budget.allows(1, 3), budget.allows(2, 3)
    (True, False)
    """

    def __init__(self, seconds: float | None = None, clock: Callable[[], float] = time.monotonic):
        self.seconds, self._clock = seconds, clock
        self._started = clock()
        self._calls: list[tuple[int, int]] = []
        self._took: list[float] = []
        self._picture = PICTURE
        self._drew = False
        self._stage_end = np.inf

    @property
    def spent(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._started

    @property
    def aside(self) -> float:
        """Seconds that the end needs: a fit of one network, its figures, the report."""
        return self.cost(1, 1) + SUMS + PICTURES * self._picture

    @property
    def left(self) -> float:
        """Seconds that the search may still take."""
        return np.inf if self.seconds is None else self.seconds - self.spent - self.aside

    @property
    def deadline(self) -> float | None:
        """When trainings of this stage end where they are, by the clock; None for no limit."""
        if self.seconds is None:
            return None
        return min(self._stage_end, self._clock() + self.left)

    def begin(self, share: float) -> None:
        """A stage begins, which may take a share of what is left."""
        self._stage_end = self._clock() + share * self.left

    def allows(self, structures: int, settings: int) -> bool:
        """Whether the stage has the time for such a call."""
        left = min(self._stage_end - self._clock(), self.left)
        return MARGIN * self.cost(structures, settings) <= left

    def allows_at_the_end(self, structures: int, settings: int) -> bool:
        """Whether the last fit may be one of several networks."""
        return self.cost(structures, settings) <= self.left + self.cost(1, 1)

    def cost(self, structures: int, settings: int) -> float:
        """Seconds that a call would take."""
        if not self._calls:
            return TRAINING * (structures + settings) / 2
        each = np.linalg.lstsq(np.array(self._calls, float), np.array(self._took), rcond=None)[0]
        return float(each.clip(min=0) @ [structures, settings])

    def trained(self, structures: int, settings: int, seconds: float) -> None:
        """What a call has taken."""
        self._calls.append((structures, settings))
        self._took.append(seconds)

    def drew(self, pictures: int, seconds: float) -> None:
        """What a report has taken that drew so many pictures."""
        if pictures:  # the first ones load the library, too: the quickest tell
            each = seconds / pictures
            self._picture = min(self._picture, each) if self._drew else each
            self._drew = True

    def not_tried(self, names: Sequence[str] = ()) -> str:
        """The sentence for what there was no time for."""
        what = f" {', '.join(names)}:" if names else ""
        return f"Not tried:{what} the budget of {self.seconds:g} s leaves no time for it."

    def overrun(self) -> list[str]:
        """The sentence for a run that took longer than it was given, if it did."""
        if self.seconds is None or self.spent <= self.seconds:
            return []
        return [
            f"The run took longer than its budget of {self.seconds:g} s: baselines, one network, "
            "its test and the report are made in any case."
        ]
