"""Where output goes, and how often it is redrawn."""

import io
import sys

import pytest
from rich.console import Console
from rich.text import Text

import kohort
from kohort.utils import live
from kohort.utils.live import NOTEBOOK, PLAIN, TERMINAL, Flow, Head, Live, place
from tests.screens import notebook, terminal


@pytest.fixture
def clock(monkeypatch):
    """Seconds, in a list: they pass when a test says so."""
    now = [1000.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_is_one_only_where_it_can_be_redrawn(monkeypatch):
    with terminal():
        assert place() == TERMINAL
        for name, value in (("TERM", "dumb"), ("CI", "true")):
            with monkeypatch.context() as patch:
                patch.setenv(name, value)
                assert place() == PLAIN
        kohort.config.disable_interactive_logging()
        try:
            assert place() == PLAIN
        finally:
            kohort.config.enable_interactive_logging()
    assert place() == PLAIN


def lines(drawing, columns):
    """What rich draws on so many columns."""
    console = Console(file=io.StringIO(), width=columns, highlight=False)
    console.print(drawing)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_bar_takes_the_room_that_is_left():
    head = Head("Epoch 1/2", 1.0, "7/14 steps", "0:01, ETA 0:01")
    for columns, bar in ((80, 30), (50, 11), (40, 0)):
        (line,) = lines(head, columns)
        assert line.count("━") == bar
        assert line.startswith("Epoch 1/2  ") and line.endswith("  7/14 steps  0:01, ETA 0:01")
    assert lines(head, 30) == ["Epoch 1/2  7/14 steps", "0:01, ETA 0:01"]


def test_names_and_values_stay_together():
    parts = [Text(f"{name} 0.125") for name in ("loss", "accuracy", "a_name_that_is_too_long")]
    assert lines(Flow(parts), 26) == [
        "loss 0.125  accuracy 0.125",
        "a_name_that_is_too_long",
        "0.125",
    ]
    assert lines(Flow(parts[:2], ", "), 24) == ["loss 0.125", "accuracy 0.125"]
    assert lines(Flow([]), 24) == [""]


def test_ipython_is_a_notebook_with_a_kernel_only():
    with notebook():
        assert place() == NOTEBOOK
        sys.modules["IPython"].get_ipython = object
        assert place() == PLAIN


def run(clock, seconds=2.0, **options):
    """Update a hundred times a second; return how often the state was shown."""
    shown, step = [], [0]

    def state():
        shown.append(step[0])
        return f"step {step[0]}"

    display = Live(state, state, **options)
    for step[0] in range(int(100 * seconds)):
        display.update()
        clock[0] += 0.01
    during = len(set(shown))
    display.close()
    return during


def test_a_terminal_is_redrawn_ten_times_a_second(clock):
    with terminal() as out:
        assert 15 <= run(clock) <= 21
    text = out.getvalue()
    assert text.startswith("\x1b[?25l") and text.endswith("\x1b[?25h")  # hides the cursor, for now
    assert out.frames[-1].strip() == "step 199"


def test_a_notebook_has_one_output_that_changes_five_times_a_second(clock, capsys):
    with notebook() as outputs:
        assert 8 <= run(clock) <= 11
    assert len(outputs) == 1
    assert "step 199" in outputs[0].shown[-1]
    assert capsys.readouterr().out == ""


def test_elsewhere_there_is_a_line_now_and_then(clock, capsys):
    assert run(clock, every=0.5) == 3
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["step"] * 4
    assert lines[-1] == "step 199"


def test_nothing_stays_of_what_is_transient(clock, capsys):
    with notebook() as outputs:
        run(clock, transient=True)
    assert outputs[0].shown[-1] == ""
    run(clock, transient=True, every=60)
    assert capsys.readouterr().out == ""
