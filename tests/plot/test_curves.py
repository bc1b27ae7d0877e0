"""Curves over epochs and sweeps: the numbers, and what is drawn."""

import sys

import numpy as np
import pytest

from kohort import plot
from kohort.utils.live import NOTEBOOK
from kohort.workflow.capacity_sweep import Size, read_sweep
from kohort.workflow.lr_range import read_range
from tests.screens import notebook

FOLDS = [
    {"loss": [4.0, 2.0, 1.0], "val_loss": [4.0, 3.0, 5.0]},
    {"loss": [2.0, 1.0], "val_loss": [2.0, 1.0], "val_accuracy": [0.1, 0.4]},
]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_folds_give_mean_band_and_the_best_epoch_of_all():
    curve = plot.history_data(FOLDS)["validation"]
    assert curve.mean.tolist() == [3, 2, 5] and curve.best == 1
    assert [side.tolist() for side in curve.band] == [[2, 1, 5], [4, 3, 5]]
    ax = plot.history(FOLDS)
    assert legend(ax) == ["training", "validation", "best epoch: 2 (2)"]
    assert len(ax.collections) == 2  # the bands
    dashes = {line.get_linestyle() for line in ax.lines[:2]}
    assert len(dashes) == 2


def test_where_a_short_run_has_ended_nothing_is_best():
    runs = [{"loss": [3.0, 2.0]}, {"loss": [3.0, 2.0, 0.1]}]
    assert plot.history_data(runs)["training"].best == 1


@pytest.mark.parametrize(("mode", "best"), [("auto", 1), ("max", 1), ("min", 0)])
def test_of_accuracy_more_is_better(mode, best):
    curves = plot.history_data(FOLDS[1], "accuracy", mode)
    assert list(curves) == ["validation"] and curves["validation"].best == best


def test_a_notebook_shows_a_figure_once(monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.setattr("kohort.plot.style.place", lambda: NOTEBOOK)
    figure = plot.history(FOLDS).get_figure()
    assert plt.fignum_exists(figure.number)  # so that the end of a cell shows it
    shown = []
    with notebook():
        sys.modules["IPython.display"].display = shown.append
        figure._ipython_display_()  # the value of a cell: here, and not there
    assert shown == [figure] and not plt.fignum_exists(figure.number)
    assert not hasattr(figure, "_ipython_display_")


def test_a_script_that_does_without_pyplot_has_no_figures_to_close(monkeypatch):
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    assert plot.history(FOLDS).get_figure().canvas.manager is None
    assert "matplotlib.pyplot" not in sys.modules


@pytest.mark.parametrize("lost", [np.nan, np.inf])
def test_what_is_not_finite_is_left_out_and_lone_points_are_seen(lost):
    run = {"loss": [3.0, lost, 2.0, lost], "val_loss": [lost] * 4}
    curves = plot.history_data(run)
    assert curves["training"].best == 2 and curves["validation"].best is None
    ax = plot.history(run)
    assert legend(ax) == ["training", "validation"]  # the validation has no best epoch
    assert ax.lines[1].get_marker() == "." and ax.lines[1].get_xydata().tolist() == [[1, 3], [3, 2]]
    assert len(plot.compare({"a": run}, "val_loss").lines) == 1


def test_one_epoch_is_a_point_and_a_whole_number():
    ax = plot.history({"loss": [1.0]})
    assert [line.get_marker() for line in ax.lines] == ["None", ".", "o"]
    low, high = ax.get_xlim()
    assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]


def test_many_names_stand_beside_the_curves():
    few, many = (
        plot.compare({f"model {i}": {"loss": [2.0, 1.0]} for i in range(n)}, "loss")
        for n in (6, 40)
    )
    assert len(legend(few)) == 6
    assert len(legend(many)) == 32 and legend(many)[-1] == "and 9 more"
    assert many.get_legend().get_bbox_to_anchor().x0 > many.get_window_extent().x1 - 1


def test_compare_draws_each_model_on_the_axes_given():
    ax = plot.history(FOLDS[0])
    before = len(ax.lines)
    assert plot.compare({"a": FOLDS, "b": FOLDS[0]}, "loss", ax=ax) is ax
    assert len(ax.lines) == before + 4 and ax.get_ylabel() == "loss"
    assert legend(ax)[-2:] == ["a", "b"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plot.history(FOLDS, "acc"), "metric .*: loss, accuracy. Received: 'acc'"),
        (lambda: plot.compare({"a": FOLDS[0]}, "val_acc"), "metric of 'a' .*: loss, val_loss"),
        (lambda: plot.compare(FOLDS), "dict from names"),
        (lambda: plot.history({}), "without epochs"),
        (lambda: plot.history(FOLDS, mode="best"), "mode .* auto, min, max"),
        (lambda: plot.lr_range(FOLDS), "what `kohort.lr_range` returned"),
        (lambda: plot.capacity(FOLDS), "what `kohort.capacity_sweep` returned"),
        (lambda: plot.search(FOLDS), "what `kohort.search` returned"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(plot.PlotError, match=words):
        call()


def test_lr_range_marks_the_suggestion():
    rates = np.geomspace(1e-4, 1, 30)
    losses = np.concatenate([np.full(8, 2.0), np.linspace(2, 0.5, 12), np.full(10, 50.0)])
    found = read_range(rates, np.stack([losses, losses + 0.2]))
    data = plot.lr_range_data(found)
    assert (data["low"] <= data["smoothed"] + 1e-9).all()
    assert (data["high"] >= data["smoothed"] - 1e-9).all()
    ax = plot.lr_range(found)
    assert legend(ax)[2] == f"suggestion: {found.suggestion:.2g}" and ax.get_xscale() == "log"
    assert ax.get_ylim()[1] < 5  # what is lost does not flatten the rest


def test_capacity_goes_by_parameters():
    sizes = [Size(8, None, 80), Size(2, None, 20)]
    training = np.array([[[2.0, 1.0]], [[3.0, 2.0]]])
    validation = np.array([[[2.0, 2.5]], [[3.0, 2.75]]])
    sweep = read_sweep(sizes, training, validation)
    data = plot.capacity_data(sweep)
    assert data["training"].tolist() == [2, 2] and data["validation"].tolist() == [2, 2.75]
    ax = plot.capacity(sweep)
    assert ax.lines[0].get_xdata().tolist() == [20, 80]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["20", "80"]
    assert "chosen: 80" in legend(ax)
