"""The report's pictures of what the whole runs of the other tests do not come by."""

import base64
import io
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from PIL import Image

from kohort.workflow import pictures

ROWS = np.random.default_rng(0).normal(size=60)
YES = (ROWS > 0).astype(int)
SAID = 1 / (1 + np.exp(-3 * ROWS))
CLASSES = ["a", "b", "c"]


def size(picture):
    """Width and height in pixels."""
    head, data = picture.split(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return image.size


@pytest.fixture
def drawn(monkeypatch):
    """Which functions of `kohort.plot` were given what."""
    calls = []
    for name in ("roc", "precision_recall"):
        monkeypatch.setattr(
            pictures.plot, name, lambda y, p, names, ax, name=name: calls.append((name, y, names))
        )
    return calls


@pytest.mark.parametrize(
    ("columns", "names"),
    [((YES, 1 - YES, 0 * YES), ["a", "b"]), ((YES, 0 * YES, 0 * YES + 1), ["", "a"])],
)
def test_classes_that_the_test_part_lacks_have_no_curve(columns, names, drawn):
    problem = SimpleNamespace(task="multi-label", classes=CLASSES)
    test = SimpleNamespace(y=np.stack(columns, 1), prediction=np.stack([SAID] * 3, 1))
    width, height = size(pictures.rates_picture(test, problem))
    assert [name for name, *_ in drawn] == ["roc", "precision_recall"]
    assert drawn[0][2] == names and width == round(pictures.WIDTH * 160) > height


@pytest.mark.parametrize("task", ["multi-class", "binary", "regression"])
def test_what_cannot_be_told_apart_has_no_curves(task):
    prediction = np.full(9, 0.5) if task == "binary" else np.full((9, 3), 1 / 3)
    test = SimpleNamespace(y=np.zeros(9, int), prediction=prediction)
    assert pictures.rates_picture(test, SimpleNamespace(task=task, classes=CLASSES)) is None


def test_amounts_are_drawn_against_the_truth_and_letters_are_as_before():
    before = dict(matplotlib.rcParams)
    test = SimpleNamespace(y=ROWS, prediction=ROWS + 0.1)
    problem = SimpleNamespace(task="regression", target="price", classes=[])
    assert size(pictures.outcome_picture(test, problem))
    assert dict(matplotlib.rcParams) == before
    assert pictures.outcome_picture.__name__ == "outcome_picture"
    assert pictures.calibration_picture(test, problem) is None


def test_matrices_and_lines_that_cannot_be_read_are_left_out():
    many = SimpleNamespace(task="multi-class", classes=[str(i) for i in range(26)])
    assert pictures.outcome_picture(SimpleNamespace(), many) is None
    setting = SimpleNamespace(learning_rate=0.1, l1=0, l2=0, dropout=0, max_norm=0)
    trials = [SimpleNamespace(failed=False, score=0.5, setting=setting)] * 4
    tuning = SimpleNamespace(trials=trials, importance={"l2": 0.5})
    measure = SimpleNamespace(higher=True, name="accuracy")
    assert pictures.parallel_picture(tuning, measure) is None
    assert pictures.importance_picture(tuning, measure) is None
