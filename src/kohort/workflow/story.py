"""What a run tells while it works: on the terminal, and in `log.txt`."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

from kohort.callbacks.cohort_callback import CohortCallback
from kohort.monitor.cohort_progress import CohortProgress
from kohort.workflow.run_folder import RunFolder


class Story:
    """Prints headings and sentences, shows progress on a terminal.

    The log is written as soon as something is said, should the process be killed. `turn` is
    called when a stage begins, so when the one before has ended.
    """

    def __init__(
        self, folder: RunFolder, quiet: bool = False, turn: Callable[[], None] | None = None
    ):
        from rich.console import Console

        self.folder = folder
        self.turn = turn
        self.lines: list[str] = []
        self.started = time.perf_counter()
        self.console = Console(quiet=quiet, highlight=False, soft_wrap=True)
        self.status: Any = None

    def heading(self, text: str) -> None:
        """Begins a stage."""
        self._stop_status()
        self._keep(f"\n{text}")
        self.console.print(f"\n[bold]{text}[/bold]")
        self._write_log()
        if self.turn is not None:
            self.turn()

    def say(self, sentences: list[str]) -> None:
        """Prints each sentence, wrapped and indented (lines of a table are left as they are)."""
        self._stop_status()
        for sentence in sentences:
            width = min(self.console.width, 100)
            table_line = sentence.startswith(" ") or "   " in sentence
            lines = [sentence] if table_line else textwrap.wrap(sentence, width - 2)
            for line in lines:
                self._keep(f"  {line}")
                self.console.print(f"  {line}", markup=False)
        self._write_log()

    def progress(self, text: str) -> None:
        """A line that is overwritten: seen on a terminal only, never kept."""
        if not self.console.is_terminal or self.console.quiet:
            return
        elapsed = time.perf_counter() - self.started
        message = f"{text}  [dim]({elapsed:.0f} s)[/dim]"
        if self.status is None:
            self.status = self.console.status(message)
            self.status.start()
        else:
            self.status.update(message)

    def watch(self, text: str) -> list[CohortCallback]:
        """A live table for a cohort, of which nothing stays; rarely a line where there is none."""
        if self.console.quiet:
            return []
        self._stop_status()
        return [CohortProgress(f"  {text}", every=30, transient=True)]

    def close(self) -> None:
        """Ends the progress line."""
        self._stop_status()
        sys.stdout.flush()

    def _write_log(self) -> None:
        self.folder.write("log.txt", "\n".join(self.lines).lstrip("\n") + "\n")

    def _stop_status(self) -> None:
        if self.status is not None:
            self.status.stop()
            self.status = None

    def _keep(self, line: str) -> None:
        self.lines.append(line)
