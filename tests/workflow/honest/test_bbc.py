"""BBC-CV: at chance on noise, right where the answer is known, and following the rule stated."""

import numpy as np
import pytest

from kohort.workflow import scores
from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest import bbc_cv, make_folds, nested, per_row
from kohort.workflow.scores import accuracy, mean_absolute_error, roc_auc


def noise(seed, candidates=40, rows=80, features=30):
    """Inputs of each candidate, five noise features, shape (candidates, rows, 5), and labels."""
    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(rows, features)), generator.permutation(np.arange(rows) % 2)
    return np.stack([x[:, generator.permutation(features)[:5]] for _ in range(candidates)]), y


def least_squares(x, y, train, validation):
    """Predictions of each candidate's linear classifier, shape (candidates, validation rows)."""
    a = x[:, train].swapaxes(1, 2)
    weights = np.linalg.solve(a @ x[:, train], (a @ (y[train] - 0.5))[..., None])
    return (x[:, validation] @ weights)[..., 0] + 0.5


def test_e_on_pure_noise_the_corrected_estimate_is_at_chance_and_the_naive_best_is_not():
    estimates = []
    for seed in range(40):
        x, y = noise(seed)
        predictions = np.empty((len(x), len(y)))
        for train, validation in make_folds(len(y), 5, stratify=y, seed=seed):
            predictions[:, validation] = least_squares(x, y, train, validation)
        estimates.append(bbc_cv(y, predictions, per_row.accuracy, samples=60, seed=seed))
    corrected = np.mean([estimate.value for estimate in estimates])
    naive = np.mean([estimate.naive for estimate in estimates])
    assert naive > 0.6
    assert np.mean([estimate.low < 0.5 < estimate.high for estimate in estimates]) >= 0.95
    # Not nearer: rows left out have trained the models of the rows drawn, see bbc_cv.
    assert abs(corrected - 0.5) < (naive - 0.5) / 3


def test_e_on_pure_noise_nested_cross_validation_is_at_chance():
    values = []
    for seed in range(40):
        x, y = noise(seed)

        def select(rows, folds, x=x, y=y):
            def marks(a, b):
                return ((least_squares(x, y, a, b) > 0.5) == y[b]).mean(axis=1)

            return int(np.mean([marks(a, b) for a, b in folds], axis=0).argmax()), rows

        def judge(model, rows, x=x, y=y):
            chosen, train = model
            return per_row.accuracy(y[rows], least_squares(x[[chosen]], y, train, rows)[0])

        outer = make_folds(len(y), 5, stratify=y, seed=seed)
        found = nested(outer, lambda rows, y=y: make_folds(len(rows), 4), select, judge)
        values.append(found.value)
    assert abs(np.mean(values) - 0.5) < 0.03


@pytest.mark.parametrize(
    ("score", "choose", "seeds"),
    [
        (per_row.accuracy, "best", 80),
        (per_row.accuracy, "one_standard_error", 40),
        (roc_auc, "best", 30),
    ],
)
def test_e_on_random_guesses_for_either_rule_and_score(score, choose, seeds):
    values, naive = [], []
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        y, guesses = generator.integers(0, 2, 80), generator.random((15, 80))
        estimate = bbc_cv(
            y, guesses, score, choose=choose, complexity=np.arange(15), samples=12, seed=seed
        )
        values.append(estimate.value)
        naive.append(estimate.naive)
    assert abs(np.mean(values) - 0.5) < 0.02
    assert np.mean(naive) > (0.57 if choose == "best" else 0.53)


@pytest.mark.parametrize("name", ["accuracy", "mean_absolute_error", "root_mean_squared_error"])
def test_scores_per_row_are_only_faster(name):
    generator = np.random.default_rng(5)
    y, p = generator.integers(0, 2, 40), generator.random((5, 2, 40))
    arguments = {"repeats": 2, "samples": 20, "higher": name == "accuracy"}
    slow, fast = (bbc_cv(y, p, getattr(m, name), **arguments) for m in (scores, per_row))
    assert fast.chosen == slow.chosen
    assert (fast.value, fast.low) == pytest.approx((slow.value, slow.low))


def test_log_loss_per_row():
    generator = np.random.default_rng(6)
    y, p = generator.integers(0, 3, 20), generator.dirichlet(np.ones(3), 20)
    assert per_row.log_loss(y, p) == pytest.approx(scores.log_loss(y, p))
    assert per_row.log_loss(y % 2, p[:, 0]) == pytest.approx(scores.log_loss(y % 2, p[:, 0]))


def test_a_single_candidate_is_estimated_without_bias():
    generator = np.random.default_rng(0)
    y = generator.normal(size=200)
    prediction = y + generator.normal(size=200)
    estimate = bbc_cv(y, prediction[None], mean_absolute_error, higher=False)
    assert estimate.naive == mean_absolute_error(y, prediction)
    assert estimate.value == pytest.approx(estimate.naive, rel=0.01)
    assert estimate.low < estimate.value < estimate.high


def test_a_clear_winner_pays_no_price():
    y = np.arange(100) % 2
    good, bad = y.copy(), 1 - y
    good[:10] = 1 - good[:10]
    estimate = bbc_cv(y, [bad, good, bad], accuracy)
    assert estimate.chosen == 1
    assert estimate.naive == 0.9
    assert estimate.value == pytest.approx(0.9, abs=0.01)
    assert abs(estimate.optimism) < 0.01


def test_a_loss_is_minimised_and_the_optimism_is_negative():
    generator = np.random.default_rng(1)
    y, guesses = generator.normal(size=80), generator.normal(size=(30, 80))
    estimate = bbc_cv(y, guesses, mean_absolute_error, higher=False)
    naive = [mean_absolute_error(y, guess) for guess in guesses]
    assert estimate.chosen == np.argmin(naive)
    assert estimate.naive == min(naive)
    assert estimate.optimism < 0


def test_failed_candidates_and_rows_without_judge_stay_out():
    generator = np.random.default_rng(2)
    y = generator.integers(0, 2, 50)
    p = generator.random((3, 50))
    p[:, :20] = np.nan  # trained in every fold, say
    p[1, 30] = np.nan  # diverged in one fold
    rule = {"choose": "one_standard_error", "samples": 30}
    estimate = bbc_cv(y, p, accuracy, complexity=[3, 2, 1], **rule)
    assert estimate.failed == (1,)
    assert estimate.chosen in (0, 2)
    alone = bbc_cv(y[20:], p[[0, 2], 20:], accuracy, complexity=[3, 1], **rule)
    assert estimate.value == alone.value


def test_repeats_are_averaged():
    generator = np.random.default_rng(3)
    y = generator.integers(0, 2, 60)
    p = generator.random((4, 3, 60))
    estimate = bbc_cv(y, p, per_row.accuracy, repeats=3)
    means = [np.mean([accuracy(y, repeat) for repeat in candidate]) for candidate in p]
    assert estimate.naive == pytest.approx(max(means))
    same = bbc_cv(y, np.repeat(p[:, :1], 3, axis=1), per_row.accuracy, repeats=3)
    assert same.value == pytest.approx(bbc_cv(y, p[:, 0], per_row.accuracy).value)


def test_probabilities_of_several_classes():
    y = np.arange(30) % 3
    right = np.eye(3)[y]
    assert bbc_cv(y, [right, right[::-1]], accuracy).value == 1


def test_groups_widen_the_interval_of_rows_that_are_alike():
    generator = np.random.default_rng(4)
    group = np.repeat(np.arange(20), 10)
    y = np.ones(200, int)
    p = (generator.random(20) < 0.7)[group].astype(float)  # all rows of a group are right, or none
    single, grouped = (bbc_cv(y, p[None], accuracy, groups=g) for g in (None, group))
    blocks = bbc_cv(y, p[None], accuracy, block=10)
    assert grouped.high - grouped.low > 2 * (single.high - single.low)
    assert blocks == grouped  # the groups are consecutive


def test_the_one_standard_error_rule_is_the_one_that_is_estimated():
    y = np.arange(200) % 2
    flip = np.zeros((2, 200), bool)
    flip[0, :42] = flip[1, :40] = True  # 79 % and 80 %
    p = np.where(flip, 1 - y, y)
    sizes = [10, 1000]
    best = bbc_cv(y, p, accuracy, samples=60)
    simple = bbc_cv(y, p, accuracy, complexity=sizes, samples=60, choose="one_standard_error")
    assert (best.chosen, simple.chosen) == (1, 0)
    assert simple.naive == 0.79
    assert simple.value < best.value


def test_given_folds_are_left_out_one_at_a_time():
    y = np.zeros(40, int)
    fold = np.repeat(np.arange(4), 10)
    better, simple = np.zeros(40), np.zeros(40)
    better[30:] = 1  # one bad fold: a large error between folds
    simple[:15] = 1
    rule = {"choose": "one_standard_error", "complexity": [2, 1], "samples": 20}
    assert bbc_cv(y, [better, simple], accuracy, folds=fold, **rule).chosen == 1
    assert bbc_cv(y, [better, simple], accuracy, folds=np.arange(40), **rule).chosen == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"choose": "luckiest"}, "choose must be"),
        ({"choose": "one_standard_error"}, "needs complexity="),
        ({"repeats": 2}, "predictions must have shape"),
        ({"groups": np.zeros(4), "block": 2}, "by group or by block"),
        ({"groups": np.zeros(4)}, "at least two units"),
        ({"block": 3}, "block must lie"),
    ],
)
def test_messages(arguments, message):
    with pytest.raises(WorkflowError, match=message):
        bbc_cv(np.array([0, 1, 0, 1]), np.ones((2, 4)), accuracy, **arguments)


@pytest.mark.parametrize("choose", ["best", "one_standard_error"])
def test_samples_without_the_rare_class_do_not_count(choose):
    y, generator = np.zeros(40), np.random.default_rng(0)
    y[[3, 17, 29]] = 1
    p = y + generator.normal(size=(2, 40)) * [[0.1], [9]]
    found = bbc_cv(y, p, scores.average_precision, choose=choose, complexity=[2, 1], samples=100)
    assert found.chosen == 0 and 0.6 < found.value <= 1


def test_no_candidate_or_no_score():
    with pytest.raises(WorkflowError, match="finite out-of-fold predictions"):
        bbc_cv(np.ones(4), np.full((2, 4), np.nan), accuracy)
    with pytest.raises(WorkflowError, match="defined on most bootstrap samples"):
        bbc_cv(np.ones(4), np.ones((2, 4)), roc_auc)
