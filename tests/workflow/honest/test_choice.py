"""The one-standard-error rule, and the jackknife against textbook formulas."""

import numpy as np
import pytest

from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest import jackknife_error, one_standard_error
from kohort.workflow.scores import roc_auc


def test_simplest_within_one_error_of_the_best():
    scores, sizes = [0.70, 0.88, 0.90, 0.91], [1, 2, 3, 4]
    assert one_standard_error(scores, [0.5, 0.5, 0.5, 0.02], sizes) == 2
    assert one_standard_error(scores, 0.03, sizes) == 1
    assert one_standard_error(scores, 0.0, sizes) == 3


def test_losses_ties_and_failures():
    assert one_standard_error([1.0, 1.05, 3.0], 0.1, [2, 1, 0], higher=False) == 1
    assert one_standard_error([0.8, 0.9], 0.2, [5, 5]) == 1
    assert one_standard_error([np.nan, 0.9, 0.5], 0.1, [0, 2, 1]) == 1
    assert one_standard_error([0.9, 0.5], np.nan, [2, 1]) == 0
    with pytest.raises(WorkflowError, match="finite score"):
        one_standard_error([np.nan, np.nan], 0.1, [0, 1])


def test_jackknife_equals_the_standard_error_of_fold_means():
    values = np.random.default_rng(0).normal(size=60)
    folds = np.arange(60) % 6
    means = [values[folds == k].mean() for k in range(6)]
    error = jackknife_error(lambda y, p: p.mean(), values, values, folds)
    assert error == pytest.approx(np.std(means, ddof=1) / np.sqrt(6))


def test_jackknife_of_the_auc_comes_near_its_sampling_spread():
    generator = np.random.default_rng(1)
    errors, values = [], []
    for _ in range(40):
        y = generator.integers(0, 2, 100)
        p = y + generator.normal(size=100)
        values.append(roc_auc(y, p))
        errors.append(jackknife_error(roc_auc, y, p, np.arange(100) % 20))
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


def test_jackknife_without_two_scores():
    assert np.isnan(jackknife_error(roc_auc, np.ones(4), np.ones(4), np.arange(4)))
