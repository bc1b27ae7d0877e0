"""The corrected t-test: against scipy, by hand, and its false alarms on noise."""

import numpy as np
import pytest
from scipy import stats

from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest import corrected_t_test, make_folds

FIRST = np.array([0.81, 0.84, 0.80, 0.83, 0.86])
SECOND = np.array([0.79, 0.83, 0.79, 0.80, 0.80])


def test_by_hand():
    d = FIRST - SECOND
    error = np.sqrt((1 / 5 + 1 / 4) * d.var(ddof=1))
    found = corrected_t_test(FIRST, SECOND, folds=5)
    assert found.t == pytest.approx(d.mean() / error)
    assert found.p_value == pytest.approx(2 * stats.t.sf(d.mean() / error, 4))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 4, d.mean(), error))


def test_without_the_correction_it_is_the_paired_test():
    plain = stats.ttest_rel(FIRST, SECOND)
    found = corrected_t_test(FIRST, SECOND, folds=5)
    assert found.t * np.sqrt((1 / 5 + 1 / 4) * 5) == pytest.approx(plain.statistic)
    assert found.p_value > plain.pvalue


def test_folds_as_rows_give_the_ratio():
    folds = make_folds(50, 5)
    assert corrected_t_test(FIRST, SECOND, folds) == corrected_t_test(FIRST, SECOND, 5)


def test_equal_scores_and_constant_differences():
    equal = corrected_t_test(FIRST, FIRST, 5)
    assert (equal.difference, equal.t, equal.p_value, equal.clear) == (0, 0, 1, False)
    always = corrected_t_test([2, 2, 2], [1, 1, 1], 3)
    assert (always.p_value, always.clear) == (0, True)
    assert str(always) == "+1 (95% interval 1 to 1, p = 0.000): clear"


def repeated_scores(generator, rows=40, repeats=5):
    """Accuracies of two equally useless learners on noise, in 5 times 4 folds."""
    x, y = generator.normal(size=(rows, 6)), np.arange(rows) % 2
    scores = []
    for train, validation in make_folds(rows, 4, repeats, seed=int(generator.integers(1 << 30))):
        pair = []
        for columns in (slice(0, 3), slice(3, 6)):
            centres = [x[train][y[train] == k][:, columns].mean(axis=0) for k in (0, 1)]
            distance = [((x[validation][:, columns] - c) ** 2).sum(axis=1) for c in centres]
            pair.append(np.mean((distance[1] < distance[0]) == y[validation]))
        scores.append(pair)
    return np.array(scores).T


def test_on_noise_it_cries_wolf_rarely_and_the_plain_test_often():
    generator = np.random.default_rng(0)
    corrected = plain = 0
    for _ in range(80):
        first, second = repeated_scores(generator)
        corrected += corrected_t_test(first, second, 4).p_value < 0.05
        plain += stats.ttest_rel(first, second).pvalue < 0.05
    assert corrected / 80 < 0.1
    assert plain / 80 > 0.2


@pytest.mark.parametrize(
    ("first", "folds", "message"),
    [
        ([0.1], 5, "two pairs of finite scores"),
        ([0.1, np.nan], 5, "two pairs of finite scores"),
        ([0.1, 0.2], 1, "folds must be at least 2"),
        ([0.1, 0.2], make_folds(9, 3), "a score for each fold"),
    ],
)
def test_messages(first, folds, message):
    with pytest.raises(WorkflowError, match=message):
        corrected_t_test(first, np.zeros(len(first)), folds)
