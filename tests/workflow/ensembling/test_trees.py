"""Trees of scikit-learn as layers."""

import numpy as np
import pytest
from sklearn import ensemble, tree

from kohort.workflow.ensembling.trees import as_model

X = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
AMOUNT = X[:, 0] + X[:, 1] ** 2
CLASSES = np.digitize(AMOUNT, [0, 1.5])


@pytest.mark.parametrize(
    ("member", "y"),
    [
        (ensemble.ExtraTreesRegressor(3, max_depth=3, random_state=0), AMOUNT),
        (ensemble.GradientBoostingClassifier(n_estimators=2, max_depth=1), CLASSES),
        (ensemble.GradientBoostingClassifier(n_estimators=2, max_depth=1), CLASSES > 0),
        (ensemble.GradientBoostingRegressor(n_estimators=2, max_depth=1), AMOUNT),
    ],
)
def test_layers_say_what_the_trees_say(member, y):
    member.fit(X, y)
    told = member.predict_proba(X) if hasattr(member, "classes_") else member.predict(X)[:, None]
    assert as_model(member).predict(X, verbose=0) == pytest.approx(told, abs=1e-6)


def test_what_is_no_tree():
    several = tree.DecisionTreeRegressor().fit(X, np.stack([AMOUNT, AMOUNT], axis=1))
    for member in (ensemble.RandomForestClassifier(), several, object()):
        assert as_model(member) is None
