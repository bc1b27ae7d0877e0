"""A search's trials: the numbers, and each kind of picture."""

import numpy as np
import pytest

from kohort import plot
from kohort.plot.trials import scale_of
from kohort.workflow.search import Study


def build(hp):
    """Give a value in place of a model."""
    rate = hp.Float("rate", 1e-4, 1e-1, sampling="log")
    kind = hp.Choice("kind", ["sgd", "adam"])
    with hp.conditional_scope("kind", ["sgd"]):
        momentum = hp.Float("momentum", 0.0, 0.9)
    return np.log10(rate) + (kind == "sgd") + (momentum or 0)


@pytest.fixture(scope="module")
def study():
    """Give a study of eight trials, of which more is better."""
    study = Study(build, sampler="random", seed=1, directions=["maximize"])
    for trial in study.ask(8):
        study.tell(trial, float(trial.model))
    return study


def test_data(study):
    trials = plot.search_data(study)
    assert trials.best.tolist() == [max(trials.values[: i + 1]) for i in range(8)]
    assert set(trials.params) == {"rate", "kind", "momentum"}
    unused = [value is None for value in trials.params["momentum"]]
    assert unused == [kind == "adam" for kind in trials.params["kind"]]
    assert set(trials.importance) == set(trials.params)
    assert np.isclose(sum(trials.importance.values()), 1)


def test_scales():
    scale = scale_of([0.001, None, 0.1])
    assert scale.log and np.allclose(scale.places, [-3, np.nan, -1], equal_nan=True)
    scale = scale_of([True, False, "x"])
    assert scale.words == ["False", "True", "x"] and scale.places.tolist() == [1, 0, 2]


@pytest.mark.parametrize("kind", ["parallel", "importance", "contour", "slices", "best"])
def test_each_kind_is_drawn(study, kind):
    drawn = plot.search(study, kind)
    if kind == "parallel":
        ticks = {text.get_text() for text in drawn.get_xticklabels()}
        assert ticks == {"rate", "kind", "momentum", "objective"}
        assert len(drawn.collections[0].get_segments()) == 8
    elif kind == "importance":
        assert len(drawn.patches) == len(plot.search_data(study).importance)
    elif kind == "contour":
        drawn = plot.search(study, kind, params=["rate", "kind"])
        assert (drawn.get_xlabel(), drawn.get_ylabel()) == ("rate", "kind")
        assert len(drawn.lines[0].get_xdata()) == 8
    elif kind == "slices":
        assert {ax.get_xlabel() for ax in drawn.axes} == {"rate", "kind", "momentum"}
        assert plot.search(study, kind, ax=(ax := drawn.axes[0])) is drawn
        assert len(ax.child_axes) == 3
    else:
        assert drawn.lines[1].get_ydata().tolist() == plot.search_data(study).best.tolist()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "pie"}, "parallel, importance, contour, slices, best. Received: 'pie'"),
        ({"params": ["units"]}, "hyperparameter .*: rate, kind, momentum"),
        ({"objective": 1}, "objective must be one of those there are: 0"),
        ({"kind": "contour", "params": ["rate"]}, "two hyperparameters"),
    ],
)
def test_bad_input(study, arguments, words):
    with pytest.raises(plot.PlotError, match=words):
        plot.search(study, **arguments)


def test_a_search_without_complete_trials():
    with pytest.raises(plot.PlotError, match="complete trial"):
        plot.search(Study(build))
