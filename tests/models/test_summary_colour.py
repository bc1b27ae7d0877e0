"""`model.summary()` has colours on a terminal that has them, and nowhere else."""

import io
import sys

import pytest

import kohort


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal, {"TERM": "xterm-256color"}, True),
        (Terminal, {"TERM": "dumb"}, False),
        (Terminal, {"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        (io.StringIO, {"TERM": "xterm-256color"}, False),
    ],
)
def test_colours_only_on_a_terminal_that_has_them(stream, environment, coloured, monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    model = kohort.Sequential([kohort.Input((3,)), kohort.layers.Dense(2, name="out")])
    monkeypatch.setattr(sys, "stdout", stream())
    model.summary()
    text = sys.stdout.getvalue()
    assert ("\x1b[38;5;34m8" in text) == coloured
    assert "out (" in text and "Total params" in text


def test_a_print_function_gets_plain_text(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", Terminal())
    said = []
    model = kohort.Sequential([kohort.Input((3,)), kohort.layers.Dense(2)])
    model.summary(print_fn=lambda line, line_break=False: said.append(line))
    assert said and "\x1b" not in "".join(said) and not sys.stdout.getvalue()
