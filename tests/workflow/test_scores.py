"""The measures against scikit-learn, and the bootstrap on cases with a known answer."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from kohort.workflow import scores
from kohort.workflow.measure import bootstrap, bootstrap_difference

RNG = np.random.default_rng(1)
Y = RNG.integers(0, 2, 200)
P = np.round(np.clip(0.3 * Y + RNG.random(200) * 0.7, 0, 1), 2)  # rounded, so that ties occur
CLASSES = RNG.integers(0, 4, 200)
P_CLASSES = RNG.dirichlet(np.ones(4), 200)
LABELS = RNG.integers(0, 2, (200, 3))
P_LABELS = RNG.random((200, 3))
AMOUNTS, P_AMOUNTS = RNG.normal(size=200), RNG.normal(size=200)


def auc_one_against_rest(y, p):
    return oracle.roc_auc_score(y, p, multi_class="ovr")


@pytest.mark.parametrize(
    ("ours", "theirs", "y", "p"),
    [
        (scores.roc_auc, oracle.roc_auc_score, Y, P),
        (scores.average_precision, oracle.average_precision_score, Y, P),
        (scores.log_loss, oracle.log_loss, Y, np.clip(P, 1e-7, 1 - 1e-7)),
        (scores.roc_auc, auc_one_against_rest, CLASSES, P_CLASSES),
        (scores.log_loss, oracle.log_loss, CLASSES, P_CLASSES),
        (scores.average_precision, oracle.average_precision_score, LABELS, P_LABELS),
        (scores.roc_auc, oracle.roc_auc_score, LABELS, P_LABELS),
        (scores.mean_absolute_error, oracle.mean_absolute_error, AMOUNTS, P_AMOUNTS),
        (scores.root_mean_squared_error, oracle.root_mean_squared_error, AMOUNTS, P_AMOUNTS),
        (scores.r_squared, oracle.r2_score, AMOUNTS, P_AMOUNTS),
    ],
)
def test_equal_to_scikit_learn(ours, theirs, y, p):
    assert ours(y, p) == pytest.approx(theirs(y, p), rel=1e-6)


def test_accuracy_decides_first():
    assert scores.accuracy(Y, P) == oracle.accuracy_score(Y, P > 0.5)
    assert scores.accuracy(CLASSES, P_CLASSES) == np.mean(CLASSES == P_CLASSES.argmax(axis=1))
    assert scores.accuracy(LABELS, P_LABELS) == np.mean(LABELS == (P_LABELS > 0.5))


def test_class_that_does_not_occur_is_left_out():
    few = CLASSES < 3
    y, p = CLASSES[few], P_CLASSES[few]
    parts = [oracle.roc_auc_score(y == k, p[:, k]) for k in range(3)]
    assert scores.roc_auc(y, p) == pytest.approx(np.mean(parts))


def test_one_class_gives_nan():
    assert np.isnan(scores.roc_auc(np.ones(5), np.arange(5.0)))
    assert np.isnan(scores.average_precision(np.zeros(5), np.arange(5.0)))


def test_bootstrap_agrees_with_the_normal_interval():
    y = (np.arange(2000) < 1600).astype(int)  # 80 % right
    interval = bootstrap(scores.accuracy, y, np.ones(2000))
    half = 1.96 * np.sqrt(0.8 * 0.2 / 2000)
    assert interval.value == 0.8
    assert interval.low == pytest.approx(0.8 - half, abs=0.004)
    assert interval.high == pytest.approx(0.8 + half, abs=0.004)


def test_difference_of_equal_predictions_is_zero():
    interval = bootstrap_difference(scores.roc_auc, Y, P, P)
    assert (interval.low, interval.value, interval.high) == (0, 0, 0)


def test_pairs_make_the_difference_narrower():
    worse = np.clip(P + RNG.normal(0, 0.02, 200), 0, 1)
    single = bootstrap(scores.roc_auc, Y, P)
    difference = bootstrap_difference(scores.roc_auc, Y, P, worse)
    assert difference.high - difference.low < 0.5 * (single.high - single.low)
