"""Nested cross-validation: what each call sees, and chance on noise."""

import numpy as np
import pytest

from kohort.workflow.honest import corrected_t_test, make_folds, nested


def test_choice_and_fit_see_training_rows_only():
    outer = make_folds(20, 4)
    seen = []

    def select(rows, folds):
        inner = np.concatenate([np.concatenate(fold) for fold in folds])
        assert set(inner) == set(rows)
        seen.append(set(rows))
        return len(seen)

    def judge(model, rows):
        assert not seen[model - 1] & set(rows)
        return float(model)

    found = nested(outer, lambda rows: make_folds(len(rows), 3), select, judge)
    assert found.chosen == [1, 2, 3, 4]
    assert found.value == 2.5
    reference = corrected_t_test(found.scores, np.zeros(4), 4)
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high))
    assert str(found).endswith("4 outer folds")


def test_on_noise_the_nested_score_is_at_chance_and_the_inner_best_is_not():
    naive, honest = [], []
    for seed in range(40):
        generator = np.random.default_rng(seed)
        y, guesses = generator.integers(0, 2, 60), generator.integers(0, 2, (40, 60))

        def accuracy(candidate, rows, y=y, guesses=guesses):
            return float(np.mean(guesses[candidate][rows] == y[rows]))

        def select(rows, folds, accuracy=accuracy):
            means = [np.mean([accuracy(c, v) for _, v in folds]) for c in range(40)]
            naive.append(max(means))
            return int(np.argmax(means))

        outer = make_folds(60, 5, seed=seed)
        honest.append(nested(outer, lambda rows: make_folds(len(rows), 4), select, accuracy).value)
    assert abs(np.mean(honest) - 0.5) < 0.02
    assert np.mean(naive) > 0.6


def test_one_outer_fold_has_no_interval():
    found = nested(make_folds(10, hold_out=0.3), lambda rows: [], lambda *_: None, lambda *_: 1.0)
    assert (found.value, np.isnan(found.low)) == (1, True)
