"""Diversity: identities, and textbook values."""

import numpy as np
import pytest

from kohort.workflow.ensembling import diversity
from kohort.workflow.failure import WorkflowError


def test_the_ambiguity_decomposition_is_exact():
    generator = np.random.default_rng(0)
    y = generator.normal(size=50)
    p = y + generator.normal(size=(4, 50))
    found = diversity(p, y)
    assert found.ensemble_error == pytest.approx(np.mean((p.mean(axis=0) - y) ** 2))
    assert found.ensemble_error == pytest.approx(found.member_error.mean() - found.ambiguity)
    assert found.disagreement is None and found.q_statistic is None
    assert found.error_correlation == pytest.approx(np.corrcoef(p - y))


def test_the_decomposition_of_probabilities():
    generator = np.random.default_rng(1)
    y, p = generator.integers(0, 3, 40), generator.dirichlet(np.ones(3), (5, 40))
    found = diversity(p, y)
    assert found.ensemble_error == pytest.approx(found.member_error.mean() - found.ambiguity)
    assert found.error_correlation == pytest.approx(np.corrcoef((p - np.eye(3)[y]).reshape(5, -1)))
    decided = p.argmax(axis=-1)
    assert found.disagreement[0, 1] == np.mean(decided[0] != decided[1])


def members(both, first, second, none):
    """Two members of a binary problem, of y = 1, right on so many rows."""
    a = np.repeat([1, 1, 0, 0], [both, first, second, none])
    b = np.repeat([1, 0, 1, 0], [both, first, second, none])
    return np.array([a, b], float), np.ones(both + first + second + none, int)


@pytest.mark.parametrize(
    ("counts", "q"),
    [
        ((4, 2, 2, 1), 0),  # independent: 4·1 = 2·2
        ((5, 0, 0, 5), 1),
        ((0, 5, 5, 0), -1),
        ((6, 1, 2, 3), (18 - 2) / (18 + 2)),
    ],
)
def test_q_statistic_and_disagreement(counts, q):
    found = diversity(*members(*counts))
    assert found.q_statistic[0, 1] == pytest.approx(q)
    assert found.disagreement[0, 1] == pytest.approx((counts[1] + counts[2]) / sum(counts))
    assert found.disagreement[0, 0] == 0


def test_q_is_unknown_where_both_are_always_right():
    found = diversity(*members(5, 0, 0, 0))
    assert np.isnan(found.q_statistic[0, 1])
    assert "nan" in found.table()


def test_binary_outputs_of_shape_rows_1_and_labels():
    p, y = members(6, 1, 2, 3)
    column = diversity(p[..., None], y[:, None])
    assert column.q_statistic == pytest.approx(diversity(p, y).q_statistic)
    labels = diversity(np.stack([p, p], axis=-1), np.stack([y, y], axis=-1))
    assert labels.disagreement == pytest.approx(diversity(p, y).disagreement)


def test_the_task_follows_from_y_or_is_given():
    p = np.array([[0.2, 0.9], [0.4, 0.7]])
    assert diversity(p, [0.0, 1.0]).disagreement is not None
    assert diversity(p, [0.0, 1.0], task="regression").disagreement is None
    assert diversity(p, [0.1, 1.0]).disagreement is None


def test_the_table():
    generator = np.random.default_rng(2)
    y = generator.integers(0, 2, 30)
    lines = str(diversity(generator.random((2, 30)), y, names=["forest", "network"])).splitlines()
    assert lines[0].split() == ["member", "error", "correlation", "disagreement", "Q"]
    assert [line.split()[0] for line in lines[1:3]] == ["forest", "network"]
    assert lines[3].startswith("ensemble error 0.")


def test_messages():
    with pytest.raises(WorkflowError, match="for each row of y"):
        diversity(np.ones((2, 3)), np.ones(4))
    with pytest.raises(WorkflowError, match="finite predictions"):
        diversity(np.full((2, 3), np.nan), np.ones(3))
