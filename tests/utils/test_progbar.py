"""The progress bar: character for character what Keras prints."""

import logging

import keras
import numpy as np
import pytest

from kohort.core import settings
from kohort.utils import Progbar
from kohort.utils.printing import print_msg
from tests.screens import terminal

CASES = {
    "plain": ({"target": 12}, 1.0),
    "slow": ({"target": 12}, 700.0),
    "hours": ({"target": 40}, 4000.0),
    "fast": ({"target": 12}, 1e-4),
    "milliseconds": ({"target": 12}, 5e-3),
    "quiet": ({"target": 12, "verbose": 0}, 1.0),
    "line": ({"target": 12, "verbose": 2}, 1.0),
    "unknown": ({"target": None}, 1.0),
    "unknown line": ({"target": None, "verbose": 2}, 1.0),
    "zero": ({"target": 0}, 1.0),
    "zero line": ({"target": 0, "verbose": 2}, 1.0),
    "one": ({"target": 1, "verbose": 1}, 1.0),
    "wide": ({"target": 12, "width": 33, "unit_name": "sample"}, 1.0),
    "stateful": ({"target": 12, "stateful_metrics": ["loss"]}, 1.0),
    "stateless": ({"target": 12, "stateless_metrics": ["loss"]}, 1.0),
    "interval": ({"target": 12, "interval": 2.5}, 1.0),
}


def run(kind, options, seconds, monkeypatch, capsys):
    """What a bar of this class prints, with a clock that advances by `seconds` a step."""
    clock = [1000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    bar = kind(**options)
    rng = np.random.default_rng(0)
    steps = options["target"] or 6
    for step in [*range(1, steps + 1), steps]:
        clock[0] += seconds
        values = [("loss", float(rng.normal())), ("accuracy", np.float32(rng.random() / 1e4))]
        if step == 3:
            values.append(("late", 12345.678))
        bar.update(step, values)
    clock[0] += seconds
    bar.update(steps, [("loss", -0.25), ("val_loss", np.array(0.5))], finalize=True)
    return capsys.readouterr().out


@pytest.mark.parametrize("case", CASES)
def test_output_like_keras(case, monkeypatch, capsys):
    options, seconds = CASES[case]
    expected = run(keras.utils.Progbar, options, seconds, monkeypatch, capsys)
    assert run(Progbar, options, seconds, monkeypatch, capsys) == expected
    assert bool(expected) == (case not in {"quiet", "unknown line", "zero line"})


def test_without_redrawing_each_update_is_a_line(monkeypatch, capsys):
    def make(kind):
        def build(**options):
            bar = kind(**options)
            bar._dynamic_display = False
            return bar

        return build

    expected = run(make(keras.utils.Progbar), {"target": 3}, 1.0, monkeypatch, capsys)
    assert expected.startswith("\n")
    assert run(make(Progbar), {"target": 3}, 1.0, monkeypatch, capsys) == expected


def test_a_narrow_terminal_has_one_line_until_the_end():
    with terminal(columns=40) as out:
        bar = Progbar(2, interval=0)
        for step in (1, 2):
            bar.update(step, [("a_name_that_is_rather_long", 0.5)])
    first, last = out.frames[1:]
    first = first.strip("\b")
    assert len(first) == 39 and first.startswith("1/2 ━━━━━━━━━━━━━━━━━━━━ ")
    assert last.endswith(" - a_name_that_is_rather_long: 0.5000\n")


def test_add_and_lists(capsys):
    lines = []
    bar = Progbar(4, verbose=2, print_fn=lines.append)
    bar.add(1, [("x", [0.0, 2.0])])
    bar.add(3, [("x", [1.0, 2.0])])
    assert lines[0].endswith("x: 1.5000\n")
    assert capsys.readouterr().out == ""


def test_only_one_list_of_metrics():
    with pytest.raises(ValueError, match="Only one of"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])


def test_messages_go_to_the_log_if_not_interactive(caplog, capsys):
    settings.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "kohort"):
            print_msg("hello")
    finally:
        settings.enable_interactive_logging()
    assert caplog.messages == ["hello"]
    assert capsys.readouterr().out == ""


def test_a_console_without_the_bar_s_character(monkeypatch):
    class Console:
        encoding = "ascii"
        text = ""

        def write(self, text):
            self.text += text.encode("ascii").decode()

        def flush(self):
            pass

    console = Console()
    monkeypatch.setattr("sys.stdout", console)
    print_msg("━━ é")
    assert console.text == "== \n"
