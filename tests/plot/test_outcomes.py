"""Predictions against the truth: the numbers by hand, and what is drawn."""

import numpy as np
import pytest

from kohort import plot

ONE_HOT = np.eye(3)[[0, 1, 2, 2]]
GUESSED = np.array([[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.1, 0.2, 0.7], [0.0, 0.1, 0.9]])


@pytest.mark.parametrize("y", [[0, 1, 2, 2], ONE_HOT, [[0], [1], [2], [2]], [0.0, 1.0, 2.0, 2.0]])
def test_confusion_takes_every_form_of_labels(y):
    counts, names = plot.confusion_data(y, GUESSED)
    assert counts.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 2]] and names == [0, 1, 2]


def test_confusion_keeps_classes_that_did_not_come_and_takes_names():
    counts, names = plot.confusion_data([0, 0], [0, 1], labels=["a", "b", "c"])
    assert counts.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0]] and names == ["a", "b", "c"]
    counts, names = plot.confusion_data(["x", "y"], ["y", "y"])
    assert counts.tolist() == [[0, 1], [0, 1]] and names == ["x", "y"]


def test_confusion_is_drawn_with_counts():
    ax = plot.confusion([0, 1, 2, 2], GUESSED, ["a", "b", "c"])
    assert [text.get_text() for text in ax.texts] == list("100001002")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["a", "b", "c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")


def test_roc_by_hand():
    # Of 2 x 2 pairs (positive, negative) three are in order.
    rates = plot.roc_data([0, 1, 0, 1], [[0.1], [0.3], [0.5], [0.9]], ["no", "yes"])["yes"]
    assert rates.value == 0.75
    assert list(zip(rates.x, rates.y, strict=True)) == [
        (0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1),
    ]  # fmt: skip
    curves = plot.roc_data(ONE_HOT, GUESSED)
    assert [curve.value for curve in curves.values()] == [1, 1, 1]


def test_precision_recall_by_hand():
    rates = plot.precision_recall_data([0, 1, 0, 1], [0.1, 0.3, 0.5, 0.9])["1"]
    assert np.isclose(rates.value, 0.5 * 1 + 0.5 * 2 / 3)


def test_calibration_by_hand():
    rates = plot.calibration_data([0, 1, 1, 1], [0.2, 0.4, 0.6, 0.8], bins=2)["1"]
    assert np.allclose(rates.x, [0.3, 0.7]) and rates.y.tolist() == [0.5, 1]
    assert np.isclose(rates.value, (0.04 + 0.36 + 0.16 + 0.04) / 4)


@pytest.mark.parametrize("draw", [plot.roc, plot.precision_recall, plot.calibration])
def test_each_class_has_its_own_dashes(draw):
    ax = draw([0, 1, 2, 2], GUESSED, ["a", "b", "c"])
    curves = [line for line in ax.lines if line.get_label()[:2] in ("a:", "b:", "c:")]
    assert len({(line._dash_pattern[0], str(line._dash_pattern[1])) for line in curves}) == 3
    assert len(ax.get_legend().get_texts()) >= 3


def test_of_many_classes_the_worst_stand_out():
    y = np.arange(60) % 20  # of 21 classes, one has no rows
    p = np.random.default_rng(0).random((60, 21)) + np.eye(21)[y]
    curves, ax = plot.roc_data(y, p), plot.roc(y, p)
    assert len(curves) == 20 and "20" not in curves
    worst = sorted(curves, key=lambda name: curves[name].value)
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words[0].startswith("15 others: AUC ") and words[0].endswith(" to 1.000")
    assert [text.split(":")[0] for text in words[1:]] == worst[:5]
    assert len(ax.lines) == 21


def test_residuals():
    found = plot.residuals_data([[1.0], [2.0], [3.0]], [1.0, 2.0, 5.0])
    assert found["residual"].tolist() == [0, 0, -2]
    assert np.isclose(found["rmse"], np.sqrt(4 / 3)) and np.isclose(found["r2"], -1)
    ax = plot.residuals([1.0, 2.0, 3.0], [1.0, 2.0, 5.0])
    assert ax.collections[0].get_offsets().tolist() == [[1, 0], [2, 0], [5, -2]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plot.confusion([0, 1], [0]), r"same rows.*shapes \(2,\) and \(1,\)"),
        (lambda: plot.confusion([0, 2], [0, 1], ["a", "b"]), "2 labels for class numbers up to 2"),
        (lambda: plot.confusion(np.ones((2, 2, 2)), [0, 1]), r"shape \(2, 2, 2\)"),
        (lambda: plot.roc(ONE_HOT, GUESSED[:, :2]), r"\(4, 3\) and \(4, 2\)"),
        (lambda: plot.roc([0, 1, 2, 2], GUESSED, ["a"]), "1 labels for 3 classes"),
        (lambda: plot.roc(["a", "b"], [0.1, 0.9]), "class numbers"),
        (lambda: plot.roc([1, 1], [0.1, 0.9]), "rows of a class, and others"),
        (lambda: plot.roc([0, 1], [0.1, np.nan]), "Predictions must be finite.*1 of 2"),
        (lambda: plot.residuals([1.0, np.inf], [1.0, 2.0]), "prediction must be finite.*1 of 4"),
        (lambda: plot.calibration([0, 1], [-2.0, 3.0]), "values from -2 to 3"),
        (lambda: plot.residuals([], []), "at least one"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(plot.PlotError, match=words):
        call()
