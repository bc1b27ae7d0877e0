"""RichProgress: one display for a whole `fit`, redrawn in place."""

from __future__ import annotations

import time
from typing import Any

from kohort.callbacks.callback import Logs
from kohort.callbacks.learning_rates import learning_rates
from kohort.callbacks.progbar_logger import ProgbarLogger
from kohort.utils.live import PLAIN, Flow, Head, Live, clock, place


class RichProgress(ProgbarLogger):
    """What `verbose="rich"` shows: epoch, steps, time left, metrics and learning rate.

    One display for the whole `fit`: in a terminal as rich draws it, in a notebook one output of the
    cell. Where nothing can be redrawn, and in `evaluate` and `predict`, it is Keras's lines.

    >>> bar = RichProgress()
    >>> bar.set_params({"verbose": "rich", "epochs": 1, "steps": 10})  # not in a terminal
    >>> bar.on_train_begin()
    >>> bar.on_epoch_begin(0)
    >>> bar.on_epoch_end(0, {"loss": 0.5})
    10/10 - 0s - ... - loss: 0.5000
    """

    block_hooks = True

    def __init__(self) -> None:
        super().__init__()
        self._live: Live | None = None
        self._begin()

    def _begin(self) -> None:
        self._epoch = 0
        self._first: int | None = None  # not 0 where a fit goes on
        self._values: dict[str, Any] = {}
        self._rates: dict[str, float] = {}
        self._begun, self._timed = time.monotonic(), (0.0, 0.0)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params | {"verbose": 2 if place() == PLAIN else 1})

    def on_train_begin(self, logs: Logs = None) -> None:
        super().on_train_begin(logs)
        if self.verbose == 1:
            self._begin()
            self._live = Live(self._draw, str)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self._live is None:
            super().on_epoch_begin(epoch, logs)
            return
        self._epoch, self.seen = epoch, 0
        self._first = epoch if self._first is None else self._first
        if self._live.is_due:
            # Here, since no step is under way for which reading it would have to wait.
            self._rates = learning_rates(getattr(self.model, "optimizer", None))
            self._live.update()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._live is None:
            super().on_train_batch_end(batch, logs)
            return
        self.seen = batch + 1
        self._show(logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self._live is None:
            super().on_epoch_end(epoch, logs)
            return
        self.target, self.seen = self.target or self.seen, self.target or self.seen
        self._show(logs)

    def on_train_end(self, logs: Logs = None) -> None:
        if self._live is not None:
            self._rates = learning_rates(getattr(self.model, "optimizer", None))
            self._live.close()
        self._live = None

    def on_train_failed(self, error: BaseException) -> None:
        if self._live is not None:
            self._live.close()
        self._live = None

    def _show(self, logs: Logs) -> None:
        self._values |= logs or {}
        if self._timed == (0.0, 0.0):  # the first steps have waited for the compiler
            self._timed = time.monotonic(), self._done
        if self._live is not None:
            self._live.update()

    @property
    def _done(self) -> float:
        """Epochs since the start, and the share of the present one where its length is known."""
        if self._first is None:
            return 0.0
        return self._epoch - self._first + (self.seen / self.target if self.target else 0.0)

    def _times(self) -> str:
        now, (begun, done) = time.monotonic(), self._timed
        spent = clock(now - self._begun)
        left = self.epochs - (self._first or 0) - self._done
        if left <= 0 or self._done <= done:
            return spent
        return f"{spent}, ETA {clock((now - begun) / (self._done - done) * left)}"

    def _draw(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        share = self._done / max(self.epochs - (self._first or 0), 1)
        steps = f"{self.seen}/{self.target or '?'} steps"
        head = Head(f"Epoch {self._epoch + 1}/{self.epochs}", share, steps, self._times())
        shown = (self._values | self._rates).items()
        return Group(
            head,
            Flow(
                Text.assemble((f"{name} ", "dim"), f"{value:.4g}")
                for name, value in shown
                if isinstance(value, (int, float))
            ),
        )
