"""Fitted members of ensembles."""

import pytest
from sklearn.ensemble import RandomForestClassifier

from tests.workflow.ensembling.helpers import network, problem


@pytest.fixture(scope="module")
def three():
    """Networks of one structure: seeds, learning rates and dropout rates differ."""
    return [network(rate=r, dropout=d) for r, d in ((0.05, 0.1), (0.2, 0.2), (0.5, 0.3))]


@pytest.fixture(scope="module")
def held_out():
    x, y = problem()
    return x[45:], y[45:]


@pytest.fixture(scope="module")
def forest():
    x, y = problem()
    return RandomForestClassifier(10, random_state=0).fit(x[:45], y[:45])
