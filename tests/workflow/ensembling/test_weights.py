"""Averages, votes, greedy and optimal weights: known answers, and no worse than the parts."""

import numpy as np
import pytest
from scipy.optimize import nnls

from kohort.workflow.ensembling import average, greedy, majority_vote, simplex
from kohort.workflow.failure import WorkflowError
from kohort.workflow.scores import accuracy, log_loss, mean_absolute_error, roc_auc


def squared(y, p):
    return float(np.mean((y - p) ** 2))


def regression(members=5, rows=60, seed=0):
    generator = np.random.default_rng(seed)
    y = generator.normal(size=rows)
    spread = np.linspace(0.5, 2, members)[:, None]
    return y + spread * generator.normal(size=(members, rows)), y


def classification(members=6, rows=80, seed=1):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 3, rows)
    logits = np.eye(3)[y] + generator.normal(size=(members, rows, 3))
    return np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True), y


def test_average_is_numpys():
    p, _ = classification()
    w = np.array([1, 2, 0, 3, 1, 1])
    assert average(p) == pytest.approx(p.mean(axis=0))
    assert average(p, w) == pytest.approx(np.average(p, axis=0, weights=w))
    p[2] = np.nan
    assert np.isfinite(average(p, w)).all()


@pytest.mark.parametrize("weights", [[1, 2], [0, 0, 0], [1, -1, 1], [1, np.nan, 1]])
def test_impossible_weights(weights):
    with pytest.raises(WorkflowError, match="weights must be 3 numbers"):
        average(np.ones((3, 4)), weights)


def test_votes():
    p = np.array([[[0.9, 0.1], [0.4, 0.6]], [[0.2, 0.8], [0.1, 0.9]], [[0.6, 0.4], [0.8, 0.2]]])
    assert majority_vote(p) == pytest.approx(np.array([[2, 1], [1, 2]]) / 3)
    assert majority_vote(p[..., 1]) == pytest.approx([1 / 3, 2 / 3])
    assert majority_vote(p[..., 1:]).shape == (2, 1)
    assert majority_vote(p, [1, 5, 1]).argmax(axis=1).tolist() == [1, 1]
    assert majority_vote(p[..., 1], threshold=0.85) == pytest.approx([0, 1 / 3])


def test_what_is_no_stack():
    for call in (average, majority_vote, lambda p: greedy(p, p, accuracy)):
        with pytest.raises(WorkflowError, match="shape \\(members, rows"):
            call(np.ones(3))


def test_greedy_takes_the_best_first_and_is_never_worse():
    p, y = regression()
    found = greedy(p, y, squared, higher=False)
    single = [squared(y, member) for member in p]
    assert found.order[0] == np.argmin(single)
    assert found.path[0] == min(single)
    assert found.path[-1] == min(found.path) <= min(single)
    assert squared(y, average(p, found.weights)) == pytest.approx(found.path[-1])
    assert found.weights == pytest.approx(np.bincount(found.order, minlength=5) / len(found.order))


def test_greedy_comes_near_the_optimum():
    p, y = regression()
    best = squared(y, average(p, simplex(p, y)))
    assert squared(y, average(p, greedy(p, y, squared, higher=False).weights)) < 1.02 * best


def test_each_greedy_pick_is_the_best_one():
    p, y = regression(5)
    found = greedy(p, y, squared, higher=False, picks=3)
    pairs = [squared(y, (p[found.order[0]] + member) / 2) for member in p]
    assert found.order[1] == np.argmin(pairs)


@pytest.mark.parametrize("score", [accuracy, roc_auc])
def test_greedy_for_any_score(score):
    p, y = classification()
    found = greedy(p, y, score, picks=15)
    assert score(y, average(p, found.weights)) >= max(score(y, member) for member in p)


def test_greedy_stops_where_the_path_is_best():
    y = np.array([0.0, 1.0, 2.0])
    found = greedy([y + 5, y], y, mean_absolute_error, higher=False, picks=10)
    assert (found.weights.tolist(), found.order) == ([0, 1], [1])


def test_greedy_with_a_start_and_with_bags():
    p, y = regression()
    started = greedy(p, y, squared, higher=False, start=3)
    assert sorted(started.order[:3]) == sorted(np.argsort([squared(y, m) for m in p])[:3])
    bagged = greedy(p, y, squared, higher=False, bags=8, seed=3)
    assert bagged.weights.sum() == pytest.approx(1)
    assert np.count_nonzero(bagged.weights) >= 4
    again = greedy(p, y, squared, higher=False, bags=8, seed=3)
    assert (again.weights == bagged.weights).all()


def test_a_member_that_failed_gets_no_weight():
    p, y = regression()
    p[0, 3] = np.nan
    assert greedy(p, y, squared, higher=False).weights[0] == 0
    assert simplex(p, y)[0] == 0
    with pytest.raises(WorkflowError, match="0 members without NaN"):
        greedy(p * np.nan, y, squared)
    with pytest.raises(WorkflowError, match="finite predictions"):
        simplex(p * np.nan, y)


def test_simplex_against_nonnegative_least_squares():
    p, y = regression()
    # The constraint "sum 1" as one heavy row of the least-squares problem.
    heavy = 1e5
    reference, _ = nnls(np.vstack([p.T, np.full(5, heavy)]), np.append(y, heavy))
    assert simplex(p, y) == pytest.approx(reference, abs=1e-3)


def test_simplex_of_independent_errors_is_one_over_variance():
    generator = np.random.default_rng(0)
    y = generator.normal(size=20000)
    p = y + np.array([[1.0], [2.0], [4.0]]) * generator.normal(size=(3, 20000))
    variances = np.array([1, 4, 16])
    assert simplex(p, y) == pytest.approx(1 / variances / (1 / variances).sum(), abs=0.02)


def test_simplex_ignores_the_unit_of_the_target():
    p, y = regression()
    assert simplex(p * 1e6, y * 1e6) == pytest.approx(simplex(p, y), abs=1e-6)
    assert simplex(p * 1e-6, y * 1e-6) == pytest.approx(simplex(p, y), abs=1e-6)


@pytest.mark.parametrize("binary", [True, False])
def test_log_loss_weights_meet_the_optimality_conditions(binary):
    p, y = classification()
    if binary:
        p, y = p[..., 1], (y == 1).astype(int)
    w = simplex(p, y, "log_loss")
    assert w.sum() == pytest.approx(1) and (w >= 0).all()
    best = log_loss(y, average(p, w))
    assert best <= min(log_loss(y, average(p)), *(log_loss(y, member) for member in p))
    for member in p:  # no direction on the simplex leads down
        assert log_loss(y, 0.99 * average(p, w) + 0.01 * member) >= best - 1e-7


def test_a_loss_of_ones_own_gives_the_same_weights():
    p, y = classification()
    assert simplex(p, y, log_loss) == pytest.approx(simplex(p, y, "log_loss"), abs=1e-3)


def test_perfect_and_equal_members():
    y = np.array([0.0, 1.0, 2.0])
    assert simplex([y, y + 1], y) == pytest.approx([1, 0])
    assert simplex([y + 1, y + 1], y) == pytest.approx([0.5, 0.5])
    assert simplex([y, y], y) == pytest.approx([0.5, 0.5])


def test_an_unknown_loss():
    with pytest.raises(WorkflowError, match="loss must be"):
        simplex(np.ones((2, 3)), np.ones(3), "hinge")
