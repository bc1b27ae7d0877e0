"""What `fit` shows in a terminal, a notebook and a pipe, and what it waits for."""

import re

import numpy as np
import pytest

import kohort
from kohort import layers
from kohort.callbacks import Callback
from kohort.train import loop
from tests.screens import notebook, terminal

ROWS = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
LABELS = ROWS.sum(axis=1)
ESCAPES = re.compile(r"[\x00-\x09\x0b-\x1f]")  # but the end of a line


@pytest.fixture(scope="module")
def model():
    model = kohort.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(kohort.optimizers.SGD(0.125), "mse", metrics=["mae"])
    return model


def fit(model, verbose, epochs=2, **options):
    given = {"batch_size": 1, "validation_data": (ROWS, LABELS), **options}
    return model.fit(ROWS, LABELS, verbose=verbose, epochs=epochs, **given)


def test_a_terminal_shows_one_display(model):
    with terminal() as out:
        history = fit(model, "rich").history
    assert out.getvalue().endswith("\x1b[?25h")  # the cursor is back
    last = out.frames[-1]
    assert re.match(r"Epoch 2/2  ━+  40/40 steps  \d:\d\d\s", last)
    for name in ("loss", "mae", "val_loss", "val_mae"):
        assert f"{name} {history[name][-1]:.4g}" in last
    assert "learning_rate 0.125" in last


def test_a_fit_that_fails_lets_go_of_the_terminal(model):
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with terminal() as out:
        with pytest.raises(KeyboardInterrupt):
            fit(model, "rich", callbacks=[Stop()])
        print("afterwards")
    assert out.getvalue().endswith("\x1b[?25hafterwards\n")


@pytest.mark.parametrize("verbose", ["rich", "auto"])
def test_a_pipe_gets_plain_lines(model, verbose, capsys):
    fit(model, verbose)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "40/40", "Epoch 2/2", "40/40"]
    assert not any(ESCAPES.search(line) for line in lines)


def test_a_terminal_has_the_bar_of_keras_unless_told(model):
    with terminal() as out:
        fit(model, "auto")
    assert "\b" in out.getvalue() and "learning_rate" not in out.getvalue()


def test_a_notebook_has_one_output_for_all_epochs(model, capsys):
    with notebook() as outputs:
        fit(model, "auto", epochs=30, validation_data=None)
    assert len(outputs) == 1
    assert "Epoch 30/30" in outputs[0].shown[-1] and "ETA" not in outputs[0].shown[-1]
    assert capsys.readouterr().out == ""


def test_evaluate_and_predict_have_keras_lines(model, capsys):
    model.evaluate(ROWS, LABELS, verbose="rich")
    model.predict(ROWS, verbose="rich")
    ends = [line.split(" - ")[0] for line in capsys.readouterr().out.splitlines()]
    assert ends == ["2/2", "2/2"]


def test_unknown_words_are_refused(model):
    with pytest.raises(ValueError, match="'loud'"):
        fit(model, "loud")


@pytest.mark.parametrize("verbose", [1, "rich"])
def test_progress_waits_for_the_device_ten_times_a_second_at_most(model, verbose, monkeypatch):
    """On a device that takes 5 ms a step, by a clock that only the steps move."""
    now, waits = [1000.0], []
    start_block, wait = loop.Runner.run, loop.to_floats

    def slow(self, kind, block):
        now[0] += 0.005 * (block.stop - block.start)
        return start_block(self, kind, block)

    def counted(logs):
        waits.append(now[0])
        return wait(logs)

    monkeypatch.setattr(loop.Runner, "run", slow)
    monkeypatch.setattr(loop, "to_floats", counted)
    for name in ("perf_counter", "monotonic", "time"):
        monkeypatch.setattr(f"time.{name}", lambda: now[0])
    with terminal():
        model.fit(np.repeat(ROWS, 20, 0), np.repeat(LABELS, 20), 1, epochs=2, verbose=verbose)
    assert now[0] == pytest.approx(1008)
    assert 8 <= len(waits) <= 2 * 10 * 4
    for second in range(8):
        assert sum(1000 + second <= at < 1001 + second for at in waits) <= 10
