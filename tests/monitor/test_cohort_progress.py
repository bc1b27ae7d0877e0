"""The live table of a cohort."""

import re

import numpy as np
import pytest

import kohort as keras
from kohort.cohort import Cohort, cohort
from kohort.errors import KohortWarning
from kohort.monitor import CohortProgress, CohortTensorBoard
from kohort.workflow.failure import WorkflowError
from tests.screens import notebook, terminal

X = np.random.default_rng(0).normal(size=(48, 2)).astype("float32")
Y = X.sum(axis=1)


def build(hp):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    rate = hp.Float("rate", 1e-3, 0.1, sampling="log")
    model.compile(keras.optimizers.SGD(rate), "mse", metrics=["mae"])
    return model


def validate(rate=0.01, folds=4, epochs=5, **options):
    values = keras.HyperParameters.from_config({"space": [], "values": {"rate": rate}})
    return keras.cross_validate(
        lambda: build(values), X, Y, folds, epochs=epochs, batch_size=8, **options
    )


def test_a_pipe_gets_a_line_with_the_numbers_of_the_histories(capsys):
    found = validate(verbose=1)
    out = capsys.readouterr().out
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", out)
    curves = np.array([history.history["val_loss"] for history in found.histories])
    low, middle, high = np.quantile(curves[:, -1], [0.25, 0.5, 0.75])
    assert out.startswith(
        f"cross-validation: val_loss best {curves.min():.4g}, median {middle:.4g}, "
        f"25-75 % {low:.4g} to {high:.4g}; 4 finished; epoch 5/5; "
    )


def test_nobody_is_shown_what_nobody_asked_for(capsys):
    validate()
    validate(verbose=0)
    assert capsys.readouterr().out == ""
    with pytest.raises(WorkflowError, match="verbose must be"):
        validate(verbose=2)


@pytest.fixture(scope="module")
def screen():
    """The frames of a search in two batches with successive halving, and the search."""
    with terminal() as out:
        found = keras.search(
            build, X, Y, trials=6, sampler="random", folds=2, epochs=3, batch_size=8,
            pruning="halving", together=3,
        )  # fmt: skip
    assert out.getvalue().endswith("\x1b[?25h")
    return out.frames, found


def test_a_search_is_one_table(screen):
    frames, found = screen
    first = frames[0].splitlines()
    assert re.match(r"search, trials 1-3 of 6  ━+  0:0\d\s*$", first[0])
    assert [line.split()[0] for line in first[1:]] == ["members", "rung", "epoch"]
    assert "6 running" in first[1] and "1/2, to epoch 1: 3 of 3 trials" in first[2]
    assert "compiling" in first[3]
    last = frames[-1]
    assert last.startswith("search, trials 4-6 of 6") and "ETA" not in last
    counts = found.study.counts()
    members = f"{2 * counts['pruned']} dropped, {2 * counts['complete']} finished"
    assert members in last and "epoch     3/3" in last


def test_a_notebook_has_one_output(capsys):
    with notebook() as outputs:
        validate()
    assert len(outputs) == 1 and "4 finished" in outputs[0].shown[-1]
    assert capsys.readouterr().out == ""


def test_members_that_diverge_have_failed(capsys):
    with pytest.warns(KohortWarning, match="4 of 4 members was no longer a number"):
        validate(rate=1e30, verbose=1)
    assert "cross-validation: 4 failed; " in capsys.readouterr().out


class EachEpoch(keras.CohortCallback):
    """Wants to be asked at once."""


def test_who_only_looks_does_not_break_up_the_calls(monkeypatch, tmp_path, capsys):
    calls = []
    advance = Cohort._advance

    def counted(self, epoch, pool):
        calls.append(advance(self, epoch, pool))
        return calls[-1]

    monkeypatch.setattr(Cohort, "_advance", counted)
    board = CohortTensorBoard(tmp_path, write_graph=False)
    validate(epochs=16, callbacks=[CohortProgress(), board])
    assert sum(calls) == 16 and len(calls) <= 3  # the first is short: the pace is not known yet
    calls.clear()
    validate(epochs=3, callbacks=[EachEpoch()])
    assert calls == [1, 1, 1]


def test_progress_grows_while_epochs_run(monkeypatch):
    class Look(keras.CohortCallback):
        every_epoch = False

        def __init__(self):
            self.seen = []

        def on_wait(self, cohort):
            self.seen.append(cohort.progress)

        def on_train_end(self, cohort):
            self.seen.append(cohort.progress)

    monkeypatch.setattr(cohort, "_TICK", 1e-4)
    look = Look()
    validate(epochs=16, callbacks=[look])
    assert len(look.seen) > 1 and look.seen == sorted(look.seen)
    assert 0 <= look.seen[0] < 1 and look.seen[-1] == 1


def test_a_cohort_that_fails_lets_go_of_the_terminal():
    class Break(keras.CohortCallback):
        def on_epoch_end(self, cohort, epoch, logs):
            raise KeyboardInterrupt

    with terminal() as out:
        with pytest.raises(KeyboardInterrupt):
            validate(callbacks=[Break()])
    assert out.getvalue().endswith("\x1b[?25h")
