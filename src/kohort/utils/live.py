"""Something that changes while work goes on, shown in place where the output can do that."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kohort.core import settings
from kohort.utils.printing import print_msg

TERMINAL, NOTEBOOK, PLAIN = "terminal", "notebook", "plain"
_HTML = (
    '<pre style="white-space:pre;overflow-x:auto;line-height:normal;font-family:Menlo,'
    "'DejaVu Sans Mono',consolas,monospace\">{code}</pre>"
)


def place() -> str:
    """Where standard output goes: "terminal", "notebook" or "plain".

    Plain are files, pipes, the logs of a CI (`CI` is set) and the `kohort` logger: nothing can be
    redrawn there, and control characters would only be in the way.
    """
    if not settings.is_interactive_logging_enabled():
        return PLAIN
    if _in_notebook():
        return NOTEBOOK
    terminal = hasattr(sys.stdout, "isatty") and sys.stdout.isatty()
    able = os.environ.get("TERM") not in ("dumb", "unknown") and not os.environ.get("CI")
    return TERMINAL if terminal and able else PLAIN


def _in_notebook() -> bool:
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")  # and not IPython in a terminal


class Live:
    """Shows the state of some work again and again, at the rate that suits the output.

    A terminal is redrawn at most ten times a second, a notebook five times; elsewhere there is a
    line of text every so many seconds, and one at the end. What is not shown is not drawn either.

    Args:
        draw: returns the state for rich to draw.
        line: returns it as a line of text.
        every: seconds between two lines.
        transient: whether nothing of it stays when the work is done.

    >>> steps = [0]
    >>> live = Live(lambda: f"{steps[0]} steps", lambda: f"{steps[0]} steps so far", every=60)
    >>> for steps[0] in range(4):
    ...     live.update()
    >>> live.close()
    3 steps so far
    """

    def __init__(
        self,
        draw: Callable[[], Any],
        line: Callable[[], str],
        every: float = 10.0,
        transient: bool = False,
    ) -> None:
        self.place = place()
        self._line, self._transient = line, transient
        self._screen: _Terminal | _Notebook | None = None
        if self.place != PLAIN:
            self._screen = (_Terminal if self.place == TERMINAL else _Notebook)(draw, transient)
        self._seconds = every if self._screen is None else self._screen.seconds
        self._next = time.monotonic() + (every if self._screen is None else 0.0)

    @property
    def is_due(self) -> bool:
        """Whether `update` would show something."""
        return time.monotonic() >= self._next

    def update(self) -> None:
        """Show the state as it is now, unless that was done just before."""
        if self.is_due:
            self._show()
            self._next = time.monotonic() + self._seconds

    def close(self) -> None:
        """Show the last state; let go of the output."""
        if self._screen is not None:
            self._screen.close()
        elif not self._transient:
            self._show()

    def _show(self) -> None:
        if self._screen is None:
            print_msg(self._line())
        else:
            self._screen.show()


class _Terminal:
    seconds = 0.1

    def __init__(self, draw: Callable[[], Any], transient: bool) -> None:
        self._draw, self._transient = draw, transient
        self._live: Any = None

    def show(self) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        if self._live is None:
            self._live = RichLive(
                console=Console(force_jupyter=False),
                get_renderable=self._draw,
                auto_refresh=False,
                transient=self._transient,
            )
            self._live.start()
        self._live.refresh()

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()


class _Notebook:
    """One output of a cell, which is replaced: nothing is added to the page."""

    seconds = 0.2

    def __init__(self, draw: Callable[[], Any], transient: bool) -> None:
        self._draw, self._transient = draw, transient
        self._handle: Any = None

    def show(self) -> None:
        self._put(as_html(self._draw()))

    def close(self) -> None:
        self._put("" if self._transient else as_html(self._draw()))

    def _put(self, html: str) -> None:
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)
        else:
            self._handle.update(HTML(html))


class Head:
    """A title, a bar and some words in one line; where they do not fit, without the bar."""

    def __init__(self, title: str, share: float, *words: str) -> None:
        self.title, self.share, self.words = title, share, words

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        parts = [Text(self.title, "bold"), *map(Text, self.words)]
        room = options.max_width - sum(part.cell_len + 2 for part in parts)
        if room < 8:
            yield Flow(parts)
            return
        bar = ProgressBar(
            1, self.share, width=min(room, 30), complete_style="green", finished_style="green"
        )
        line = Table.grid(padding=(0, 2))
        line.add_row(parts[0], bar, *parts[1:])
        yield line


class Flow:
    """Words in lines, none of them parted from what belongs to it."""

    def __init__(self, parts: Iterable[Any], gap: str = "  ") -> None:
        self.parts, self.gap = list(parts), gap

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        line = Text()
        for part in self.parts:
            if line and line.cell_len + len(self.gap) + part.cell_len > options.max_width:
                yield line
                line = Text()
            line = Text(self.gap).join([line, part]) if line else part
        yield line


def clock(seconds: float) -> str:
    """A time as people read it.

    >>> clock(65.4), clock(3700)
    ('1:05', '1:01:40')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def as_html(drawing: Any, width: int = 100) -> str:
    """What rich draws, as HTML.

    >>> as_html("[bold]12[/bold] steps")
    '<pre style=...><span style="font-weight: bold">12</span> steps\\n</pre>'
    """
    from rich.console import Console

    console = Console(
        file=io.StringIO(), record=True, width=width, force_jupyter=False, highlight=False
    )
    console.print(drawing)
    return console.export_html(inline_styles=True, code_format=_HTML)
