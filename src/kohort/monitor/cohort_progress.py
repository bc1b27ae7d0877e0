"""CohortProgress: one live table of all members."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from kohort.callbacks.cohort_callback import CohortCallback
from kohort.callbacks.monitor_callback import metric_mode
from kohort.utils.live import Flow, Head, Live, clock

_WORDS = {"diverged": "failed"}  # of a member's status
_OBVIOUS = ("members", "rung")  # names that a line can do without


class CohortProgress(CohortCallback):
    """Shows how a cohort gets on: best, median and spread, who runs, epoch, time left.

    One table, redrawn in place in a terminal or a notebook; elsewhere a line now and then. It reads
    the members' histories when it draws, at most ten times a second, and waits for nothing.

    Over several cohorts, the batches of a search, say, it is one table in a `with` statement.

    Args:
        title: what trains.
        monitor: the measure, as in the logs; "val_loss" unless told, "loss" without validation.
        mode: whether "min" or "max" is better; asked of the metric unless told.
        every: seconds between two lines, where nothing can be redrawn.
        transient: whether nothing of it stays at the end.

    >>> import kohort as keras
    >>> def build():
    ...     model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    ...     model.compile("sgd", "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 20).reshape(-1, 1)
    >>> _ = keras.cross_validate(build, x, 2 * x, folds=2, epochs=3,
    ...                          callbacks=[CohortProgress("2 folds")])
    2 folds: val_loss best ..., median ..., 25-75 % ... to ...; 2 finished; epoch 3/3; 0:0...
    """

    every_epoch = False

    def __init__(
        self,
        title: str = "cohort",
        monitor: str | None = None,
        mode: str | None = None,
        every: float = 10.0,
        transient: bool = False,
    ) -> None:
        self.title, self.monitor, self.mode = title, monitor, mode
        self.part = 0.0, 1.0  # where this cohort begins in the whole work, and its share
        self.deadline: float | None = None  # by `time.monotonic()`
        self.notes: Callable[[Any], list[str]] | None = None  # of a pruning rule: its rungs
        self._every, self._transient, self._held = every, transient, False
        self._live: Live | None = None
        self._cohort: Any = None
        self._rows: list[tuple[str, str]] = []
        self._begin()

    def _begin(self) -> None:
        self._earlier: Counter[str] = Counter()  # what became of the members of cohorts before
        self._best = np.nan
        self._started = time.monotonic()
        self._timed: tuple[float, float] | None = None  # when the first steps were done, and what

    def __enter__(self) -> CohortProgress:
        self._begin()
        self._held = True
        return self

    def __exit__(self, *error: object) -> None:
        self._held = False
        self._close()

    def on_train_begin(self, cohort: Any) -> None:
        if not self._held:
            self._begin()
        self._cohort = cohort
        self._last = np.full(len(cohort.members), np.nan)
        self._seen = [0] * len(cohort.members)
        self._live = self._live or Live(self._draw, self._line, self._every, self._transient)
        self._live.update()

    def on_epoch_end(self, cohort: Any, epoch: int, logs: dict[str, np.ndarray]) -> None:
        self._update()

    def on_wait(self, cohort: Any) -> None:
        self._update()

    def on_train_end(self, cohort: Any) -> None:
        self._rows = self._read()
        self._earlier.update(member.status for member in cohort.members)
        self._cohort = None  # and with it the members' arrays
        self._update()
        if not self._held:
            self._close()

    def on_train_failed(self, cohort: Any, error: BaseException) -> None:
        if not self._held:
            self._close()

    def _update(self) -> None:
        if self._live is not None and self._live.is_due:
            self._live.update()

    def _close(self) -> None:
        if self._live is not None:
            self._live.close()
        self._live = self._cohort = None

    def _read(self) -> list[tuple[str, str]]:
        """The rows of the table, by what the cohort is now."""
        if self._cohort is None:
            return self._rows
        members = self._cohort.members
        status = Counter(member.status for member in members) + self._earlier
        done, planned = self._epochs(members)
        rows = [
            (self._name, self._spread(members)),
            ("members", ", ".join(f"{n} {_WORDS.get(word, word)}" for word, n in status.items())),
            *(("rung", note) for note in (self.notes(self._cohort) if self.notes else ())),
            ("epoch", f"{done}/{planned}" if done or self._cohort.progress else "compiling"),
        ]
        return [row for row in rows if row[1]]

    @staticmethod
    def _epochs(members: list[Any]) -> tuple[int, int]:
        running = [m for m in members if m.status == "running"] or members
        return max(len(m.history.epoch) for m in running), max(m.epochs for m in running)

    def _spread(self, members: list[Any]) -> str:
        """The best value of all so far; median and quartiles of the members' last ones."""
        for i, member in enumerate(members):
            new = member.history.history.get(self._name, ())[self._seen[i] :]
            if new:
                self._seen[i] += len(new)
                self._last[i] = new[-1]
                self._best = self._better([*new, self._best])
        last = self._last[np.isfinite(self._last)]
        if not last.size:
            return ""
        low, middle, high = np.quantile(last, [0.25, 0.5, 0.75])
        spread = f"25-75 % {low:.4g} to {high:.4g}"
        return f"best {self._best:.4g}, median {middle:.4g}, {spread}"

    @property
    def _name(self) -> str:
        """The measure, where the members have it."""
        known = self._cohort.members[0].history.history
        names = [self.monitor] if self.monitor else []
        return next((name for name in [*names, "val_loss", "loss"] if name in known), "loss")

    def _better(self, values: list[float]) -> float:
        finite = [value for value in values if np.isfinite(value)]
        metrics = self._cohort.members[0].candidate.model.metrics
        mode = self.mode if self._name == self.monitor and self.mode else None
        best = max if (mode or metric_mode(self._name, metrics)) == "max" else min
        return best(finite, default=np.nan)

    @property
    def _share(self) -> float:
        """How much of the whole work is done."""
        begin, share = self.part
        return begin + share * (1.0 if self._cohort is None else self._cohort.progress)

    def _times(self) -> str:
        now, share = time.monotonic(), self._share
        if self._timed is None and share:
            self._timed = now, share
        spent, left = clock(now - self._started), None
        if self._timed is not None and self._timed[1] < share < 1:
            begun, before = self._timed
            left = (now - begun) / (share - before) * (1 - share)
        if self.deadline is not None:
            left = min(max(self.deadline - now, 0.0), np.inf if left is None else left)
        return spent if left is None or share >= 1 else f"{spent}, ETA {clock(left)}"

    def _line(self) -> str:
        parts = [f"{'' if name in _OBVIOUS else f'{name} '}{text}" for name, text in self._read()]
        return f"{self.title}: {'; '.join([*parts, self._times()])}"

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(padding=(0, 2))
        for name, text in self._read():
            rows.add_row(Text(f" {name}", "dim"), Flow(map(Text, text.split(", ")), ", "))
        return Group(Head(self.title, self._share, self._times()), rows)
