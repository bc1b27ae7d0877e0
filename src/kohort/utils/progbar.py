"""The progress bar of `fit`, `evaluate`, `predict` and downloads."""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from kohort.utils.printing import print_msg


class Progbar:
    """A progress bar with running metrics.

    `target` is the number of steps (None if unknown), `width` the bar's width in characters.
    `verbose` is 0 (silent), 1 (a line that is redrawn at most every `interval` seconds) or 2 (one
    line at the end). Metrics are averaged over the steps, except those in `stateful_metrics`,
    which are shown as they come; `stateless_metrics` names the averaged ones instead. `print_fn`
    takes the text in place of standard output.

    >>> bar = Progbar(target=2, verbose=2, print_fn=lambda text: print(text.split(" - ")[-1]))
    >>> bar.update(1, [("loss", 1.0)])
    >>> bar.update(2, [("loss", 0.5)])
    loss: 0.5000
    <BLANKLINE>
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
        print_fn: Callable[[str], Any] | None = None,
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError(
                "Only one of `stateful_metrics` or `stateless_metrics` can be provided. "
                "`stateful_metrics` lists the metrics shown as they come (the others are "
                "averaged), `stateless_metrics` the averaged ones (the others are shown as they "
                f"come). Received: stateful_metrics={stateful_metrics}, "
                f"stateless_metrics={stateless_metrics}"
            )
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = None if stateful_metrics is None else set(stateful_metrics)
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        if self.stateful_metrics is None and self.stateless_metrics is None:
            self.stateful_metrics = set()
        self._print = print_fn or (lambda text: print_msg(text, line_break=False))
        self._dynamic_display = _can_redraw()
        self._seen_so_far = 0
        self._values: dict[str, list[float]] = {}  # name -> [sum, count], in order of appearance
        self._start = time.time()
        self._last_update = 0.0
        self._time_after_first_step: float | None = None
        self._prev_total_width = 0

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Show step `current` with `values`, pairs (name, value of the last step).

        `finalize` says that this is the last update; by default at `current >= target`. The
        values of the last update are shown as they are, since they are the epoch's.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._add_value(name, value, current, finalize)
        self._seen_so_far = current

        now = time.time()
        seconds = self._seconds_per_unit(current, now)
        if self.verbose == 1:
            if now - self._last_update < self.interval and not finalize:
                return
            self._redraw(current, seconds, now, finalize)
        elif self.verbose == 2 and finalize and self.target is not None and self.target > 0:
            self._print(self._last_line(current, seconds, now))
        self._last_update = now

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Go on by `n` steps."""
        self.update(self._seen_so_far + n, values)

    def _add_value(self, name: str, value: Any, current: int, finalize: bool) -> None:
        if self.stateful_metrics is not None:
            averaged = name not in self.stateful_metrics
        else:
            averaged = name in (self.stateless_metrics or ())
        value = value if isinstance(value, float) else float(np.mean(value))
        if not averaged or finalize:
            self._values[name] = [value, 1]
            return
        # At least 1: without a target the last batch and the epoch's end report the same step.
        steps = max(current - self._seen_so_far, 1)
        total, count = self._values.get(name, (0.0, 0))
        self._values[name] = [total + value * steps, count + steps]

    def _redraw(self, current: int, seconds: float, now: float, finalize: bool) -> None:
        bar, bar_width = self._bar(current)
        # What goes on in the next line could not be redrawn: it is cut, up to the last time.
        room = math.inf if finalize else _columns() - 1 - bar_width
        info, info_width = self._info(current, seconds, now, finalize, room)
        start = "\b" * self._prev_total_width + "\r" if self._dynamic_display else "\n"
        width = bar_width + info_width
        padding = " " * max(self._prev_total_width - width, 0)
        self._print(start + bar + info + padding + ("\n" if finalize else ""))
        self._prev_total_width = width

    def _bar(self, current: int) -> tuple[str, int]:
        """The bar and its width on screen (colour codes take none)."""
        if not self.target or self.target < 0:
            bar = f"{current:7d}/Unknown"
            return bar, len(bar)
        count = self._count(current)
        done = int(self.width * (float(current) / self.target))
        bar = f"\x1b[1m{count}\x1b[0m "
        if done > 0:
            bar += f"\33[32m{'━' * done}\x1b[0m"
        rest = max(self.width - done, 0)
        bar += f"\33[37m{'━' * rest}\x1b[0m"
        return bar, len(count) + 1 + max(done, 0) + rest

    def _info(
        self, current: int, seconds: float, now: float, finalize: bool, room: float
    ) -> tuple[str, int]:
        if self.target and self.target > 0 and not finalize:
            duration = _remaining(seconds * (self.target - current))
        else:
            duration = f"{now - self._start:.0f}s"
        rest = self._per_unit(seconds) + self._metrics()
        if 1 + len(duration) + len(rest) > room:
            rest = rest[: max(int(room) - 1 - len(duration), 0)]
        return f" \x1b[1m{duration}\x1b[0m{rest}", 1 + len(duration) + len(rest)

    def _last_line(self, current: int, seconds: float, now: float) -> str:
        spent = f"{self._count(current)} - {now - self._start:.0f}s"
        # Keras writes small values here in the scientific form, negative ones too.
        return f"{spent} -{self._per_unit(seconds)}{self._metrics(signed=True)}\n"

    def _count(self, current: int) -> str:
        digits = int(math.log10(self.target or 1)) + 1
        return f"{int(current):{digits}d}/{int(self.target or 0)}"

    def _metrics(self, signed: bool = False) -> str:
        text = ""
        for name, (total, count) in self._values.items():
            mean = total / max(1, count)
            size = mean if signed else abs(mean)
            text += f" - {name}: {mean:.4f}" if size > 1e-3 else f" - {name}: {mean:.4e}"
        return text

    def _per_unit(self, seconds: float) -> str:
        if seconds >= 1 or seconds == 0:
            return f" {seconds:.0f}s/{self.unit_name}"
        if seconds >= 1e-3:
            return f" {seconds * 1e3:.0f}ms/{self.unit_name}"
        return f" {seconds * 1e6:.0f}us/{self.unit_name}"

    def _seconds_per_unit(self, current: int, now: float) -> float:
        """The mean time of a step; the first one, which compiles, is left out once it is known."""
        if not current:
            return 0
        if self._time_after_first_step is not None and current > 1:
            seconds = (now - self._time_after_first_step) / (current - 1)
        else:
            seconds = (now - self._start) / current
        if current == 1:
            self._time_after_first_step = now
        return seconds


def _remaining(seconds: float) -> str:
    seconds = int(seconds)
    if seconds > 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    if seconds > 60:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds}s"


def _can_redraw() -> bool:
    return (
        (hasattr(sys.stdout, "isatty") and sys.stdout.isatty())
        or "ipykernel" in sys.modules
        or "posix" in sys.modules
        or "PYCHARM_HOSTED" in os.environ
    )


def _columns() -> float:
    """How many columns a terminal has; none elsewhere are too few."""
    if not (hasattr(sys.stdout, "isatty") and sys.stdout.isatty()):
        return math.inf
    return shutil.get_terminal_size((0, 0)).columns or math.inf
