"""Stand-ins for a terminal and a notebook."""

import io
import re
import sys
import types
from contextlib import contextmanager

import pytest


class Tty(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self):
        return True

    @property
    def frames(self):
        """What was to be seen, one after the other, without colours."""
        parts = re.split(r"(?:\r|\x1b\[2K|\x1b\[1A)+", self.getvalue())
        return [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", part) for part in parts]


@contextmanager
def terminal(columns=120):
    """Let standard output be a terminal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.setenv("COLUMNS", str(columns))
        patch.delenv("CI", raising=False)
        patch.setattr(sys, "stdout", Tty())
        yield sys.stdout


class Output:
    """An output of a notebook's cell; `shown` has all that it showed."""

    def __init__(self, html):
        self.shown = [html]

    def update(self, html):
        self.shown.append(html)


@contextmanager
def notebook():
    """Let IPython be there, with a kernel; the outputs of its cell."""
    outputs = []

    def display(html, display_id):
        assert display_id
        outputs.append(Output(html))
        return outputs[-1]

    ipython, displays = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    ipython.display, displays.display, displays.HTML = displays, display, str
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "IPython", ipython)
        patch.setitem(sys.modules, "IPython.display", displays)
        yield outputs
