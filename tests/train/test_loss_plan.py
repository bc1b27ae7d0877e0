"""What `compile(loss=…)` means for nested outputs: names, sums and weights, beside Keras's own."""

from __future__ import annotations

import numpy as np
import pytest
from keras.src.trainers.compile_utils import CompileLoss as KerasCompileLoss

from kohort import ops
from kohort.train.compiled import CompileLoss, CompileMetrics
from kohort.train.loss_plan import nest_labels, nest_weights

RNG = np.random.default_rng(0)
A, B, TA, TB = (RNG.random((4, 1)).astype("float32") for _ in range(4))
WEIGHTS = np.array([0.0, 1.0, 2.0, 3.0], "float32")
NAMES = ["out_a", "out_b"]

CASES = {
    "one for all": ("mse", None, [A, B], [TA, TB]),
    "list": (["mse", "mae"], None, [A, B], [TA, TB]),
    "weighted list": (["mse", "mae"], [0.5, 2.0], [A, B], [TA, TB]),
    "nested list": (["mse", ["mae"]], [0.5, 2.0], [A, B], (TA, TB)),
    "two on one output": (["mse", ["mse", "mae"]], None, [A, B], [TA, TB]),
    "one left out": (["mse", None], None, [A, B], [TA, TB]),
    "names for a list": ({"out_b": "mae", "out_a": "mse"}, None, [A, B], [TA, TB]),
    "labels by name": (["mse", "mae"], None, [A, B], {"out_b": TB, "out_a": TA}),
    "dict": (
        {"out_a": "mse", "out_b": ["mae"]}, None, {"out_a": A, "out_b": B},
        {"out_a": TA, "out_b": TB},
    ),
    "deep": (
        {"x": [None, "mae"], "y": "mse"}, None, {"x": (A, B), "y": A}, {"x": (TA, TB), "y": TA}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["plain", "weighted"])
def test_totals_and_names_are_those_of_keras(case, sample_weight):
    loss, weights, y_pred, y_true = CASES[case]
    names = NAMES if case != "deep" else ["a", "b", "c"]
    ours = CompileLoss(loss, weights, names)
    theirs = KerasCompileLoss(loss, weights, output_names=names)
    found = ours(y_true, y_pred, sample_weight)
    expected = theirs(y_true, y_pred, sample_weight)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert [m.name for m in ours.metrics] == [m.name for m in theirs.metrics]
    for m, k in zip(ours.metrics, theirs.metrics, strict=True):
        np.testing.assert_allclose(m.result(), np.asarray(k.result()), rtol=1e-6)


def test_a_loss_may_see_a_nest_of_outputs():
    def both(y_true, y_pred):
        return ops.mean(y_pred["x"]) + ops.mean(y_pred["y"])

    ours = CompileLoss([both, {"x": "mse"}], None, None)
    value = ours({"x": TA, "y": TB}, {"x": A, "y": B})
    np.testing.assert_allclose(value, A.mean() + B.mean() + ((TA - A) ** 2).mean(), rtol=1e-6)
    assert [m.name for m in ours.metrics] == ["x_y_loss", "x_loss"]


@pytest.mark.parametrize(
    ("loss", "weights", "y_pred", "error", "message"),
    [
        ({"out_a": "mse", "typo": "mse"}, None, [A, B], ValueError, "Expected keys .*typo"),
        (
            {"out_a": "mse", "typo": "mse"}, None, {"out_a": A, "out_b": B}, KeyError,
            "typo.*can't be found",
        ),
        (["mse", "mse"], [1.0], [A, B], ValueError, "got 2 losses and 1 weights"),
        (["mse", "mse"], [1.0, "x"], [A, B], ValueError, "must be a number"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(loss, weights, y_pred, error, message):
    y_true = [TA, TB] if isinstance(y_pred, list) else {"out_a": TA, "out_b": TB}
    with pytest.raises(error, match=message):
        CompileLoss(loss, weights, NAMES)(y_true, y_pred)


def test_loss_weights_of_a_wrong_type():
    with pytest.raises(ValueError, match="Expected `loss_weights` argument to be a float"):
        CompileLoss("mse", "half", NAMES)


class TestLabels:
    def test_labels_of_outputs_without_a_loss_may_be_left_out(self):
        assert nest_labels([TB], [A, B], NAMES, [None, "mse"]) == [None, TB]

    def test_mismatch_says_both_structures(self):
        with pytest.raises(ValueError, match="different structures"):
            nest_labels([TA, TB, TA], [A, B], NAMES, "mse")

    def test_weights_by_name(self):
        assert nest_weights({"out_b": WEIGHTS}, [A, B], NAMES) == [None, WEIGHTS]
        assert nest_weights(WEIGHTS, [A, B], NAMES) is WEIGHTS


def test_weighted_metrics_are_told_from_plain_ones():
    metrics = CompileMetrics(
        {"out_a": ["mse"], "out_b": ["mse", "mse"]}, {"out_a": ["mse"], "out_b": ["mae"]}, NAMES
    )
    metrics.build([TA, TB], [A, B])
    names = [name for name, _ in metrics.named()]
    assert names == ["out_a_mse", "out_b_mse", "out_b_mse_1", "out_a_weighted_mse", "out_b_mae"]
