"""Estimators of scikit-learn as layers: each says what it said."""

import warnings

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
)
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, SVR, LinearSVC

from kohort.workflow.ensembling.estimators import as_model
from kohort.workflow.ensembling.frozen import NoLayers

GENERATOR = np.random.default_rng(0)
X = (GENERATOR.normal(size=(60, 3)) * [1, 5, 0.2] + [0, 3, 10]).astype("float32")
NEW = np.concatenate([X[:16] + 0.1, X[:16]])
GAPS = np.where(np.arange(60)[:, None] % 5 == [0, 1, 9], np.nan, X)
CODES = GENERATOR.integers(0, 3, (60, 3)).astype("float32")
AMOUNT = X[:, 0] + (X[:, 1] / 5) ** 2
CLASSES = np.digitize(AMOUNT, [0.5, 1.5])
TWO = np.array(["no", "yes"])[(CLASSES > 0).astype(int)]
BOTH = np.stack([AMOUNT, -AMOUNT], axis=1)


def told_by(member, x):
    """What an estimator says, in the form of a network's outputs."""
    if hasattr(member, "predict_proba"):
        return member.predict_proba(x)
    told = member.predict(x)
    if hasattr(member, "classes_"):
        return (told[:, None] == member.classes_).astype(float)
    return told.reshape(len(x), -1)


@pytest.mark.parametrize(
    ("member", "x", "y"),
    [
        (LogisticRegression(), X, CLASSES),
        (SGDClassifier(loss="log_loss"), X / 10, CLASSES),
        (SGDClassifier(), X, TWO),
        (LinearSVC(), X, CLASSES),
        (LinearRegression(), X, BOTH),
        (PoissonRegressor(), X, abs(AMOUNT)),
        (SVC(), X, CLASSES),
        (SVC(kernel="poly", degree=2, coef0=1), X, TWO),
        (SVR(), X, AMOUNT),
        (KNeighborsClassifier(weights="distance"), X, CLASSES),
        (KNeighborsRegressor(p=1), X, BOTH),
        (GaussianNB(), X, CLASSES),
        (MLPClassifier(3, max_iter=1000, tol=0.1), X, TWO),
        (make_pipeline(SimpleImputer(), MinMaxScaler(), PCA(whiten=True), Ridge()), GAPS, AMOUNT),
        (make_pipeline(OneHotEncoder(drop="first"), LogisticRegression()), CODES, TWO),
        (ensemble.ExtraTreesRegressor(3, max_depth=3, random_state=0), X, AMOUNT),
        (ensemble.GradientBoostingClassifier(n_estimators=2, max_depth=1), X, CLASSES),
        (ensemble.GradientBoostingClassifier(n_estimators=2, max_depth=1), X, CLASSES > 0),
        (ensemble.GradientBoostingRegressor(n_estimators=2, max_depth=1), X, AMOUNT),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)  # fmt: skip
def test_layers_say_what_the_estimator_says(member, x, y):
    member.fit(x, y)
    new = NEW if x is X else x[:32]
    told = told_by(member, new)
    assert as_model(member).predict(new, verbose=0) == pytest.approx(told, rel=1e-5, abs=1e-5)


def test_pairwise_coupling_and_a_scaler_of_large_numbers():
    x, new = 1000 * X + 1e5, 1000 * NEW + 1e5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scikit-learn would have another class
        member = make_pipeline(StandardScaler(), SVC(probability=True)).fit(x, CLASSES)
        told = member.predict_proba(new)
    assert as_model(member).predict(new, verbose=0) == pytest.approx(told, abs=3e-5)


@pytest.mark.parametrize(
    ("member", "y", "reason"),
    [
        (BernoulliNB(), CLASSES, "no layers that say the same"),
        (tree.DecisionTreeRegressor(), BOTH, "several targets"),
        (SVC(kernel=lambda a, b: a @ b.T), TWO, "told no number of columns"),
        (KNeighborsRegressor(metric="cosine"), AMOUNT, "metric='cosine'"),
        (KNeighborsRegressor(weights=lambda d: d + 1), AMOUNT, "a function"),
        (SGDClassifier(loss="modified_huber"), TWO, "modified_huber"),
        (make_pipeline(SimpleImputer(add_indicator=True), Ridge()), AMOUNT, "a mark for gaps"),
        (make_pipeline(FunctionTransformer(np.sin), Ridge()), AMOUNT, "FunctionTransformer of"),
        (make_pipeline(QuantileTransformer(n_quantiles=5), Ridge()), AMOUNT, "the step Quantile"),
    ],
)
def test_what_cannot_become_layers(member, y, reason):
    with pytest.raises(NoLayers, match=reason):
        as_model(member.fit(X, y))


def test_what_is_no_fitted_estimator():
    for member in (ensemble.RandomForestClassifier(), object()):
        with pytest.raises(NoLayers):
            as_model(member)
