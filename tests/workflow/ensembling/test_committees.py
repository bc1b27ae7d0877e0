"""Estimators that hold others, and gradient boosting by histograms: predicted, saved, exported."""

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

import kohort as keras
from kohort.workflow.ensembling.estimators import as_model
from kohort.workflow.ensembling.frozen import NoLayers
from kohort.workflow.ensembling.steps import step
from tests.workflow.ensembling.test_estimators import AMOUNT, CLASSES, CODES, TWO, X, told_by

GAPS = np.where(np.arange(60)[:, None] % 5 == [0, 1, 9], np.nan, X)
MIXED = np.concatenate([3 * CODES[:, :1], X[:, 1:2], GAPS[:, 1:2], CODES[:, 1:2]], axis=1)
EFFECT = AMOUNT + 2 * (CODES[:, 0] == 1) - 3 * (CODES[:, 1] > 0)
UNKNOWN = np.where(np.arange(60)[:, None] % 9 == [0, -1, -1, 1], 99, MIXED)
STUMP = tree.DecisionTreeClassifier(max_depth=2, random_state=0)
YES = (TWO == "yes").astype(int)
FEW = {"n_estimators": 2, "random_state": 0}
BINS = {"max_iter": 1, "max_leaf_nodes": 3, "min_samples_leaf": 3}
LINE = LogisticRegression()
NAMED = [("line", LINE), ("gone", "drop"), ("bayes", GaussianNB())]

CLASSIFIERS = [
    ensemble.AdaBoostClassifier(STUMP, **FEW),
    ensemble.HistGradientBoostingClassifier(**BINS),
    ensemble.VotingClassifier(NAMED, weights=[2, 9, 1]),
    ensemble.BaggingClassifier(STUMP, max_features=2, max_samples=4, **FEW),
    ensemble.StackingClassifier([*NAMED, ("machine", SVC())], STUMP, passthrough=True, cv=2),
    CalibratedClassifierCV(LinearSVC(), ensemble=False, cv=2),
]
OF_TWO = [
    ensemble.AdaBoostClassifier(LINE, **FEW),
    ensemble.VotingClassifier(NAMED, voting="soft", weights=[3, 9, 1]),
    ensemble.StackingClassifier(NAMED, LinearSVC(), stack_method="predict", cv=2),
    CalibratedClassifierCV(FrozenEstimator(clone(STUMP).fit(X, YES)), method="isotonic"),
    CalibratedClassifierCV(LINE, method="temperature", cv=2),
]
BY_KIND = ColumnTransformer(
    [
        ("codes", OneHotEncoder(handle_unknown="ignore"), [True, False, False, False]),
        ("filled", make_pipeline(SimpleImputer(), StandardScaler()), slice(2, 3)),
        ("gone", "drop", [1]),
        ("none", StandardScaler(), []),
    ],
    remainder="passthrough", transformer_weights={"filled": 2.0},
)  # fmt: skip
REGRESSORS = [
    ensemble.AdaBoostRegressor(Ridge(), n_estimators=3, random_state=0),
    ensemble.VotingRegressor([("line", Ridge()), ("gone", "drop")], weights=[1, 2]),
    ensemble.BaggingRegressor(Ridge(), max_features=2, bootstrap_features=True, **FEW),
    GridSearchCV(ensemble.StackingRegressor([("line", Ridge())], cv=2), {"passthrough": [True]}),
]
OF_GAPS = [
    ensemble.HistGradientBoostingRegressor(categorical_features=[0, 3], **BINS),
    make_pipeline(BY_KIND, Ridge()),
    make_pipeline(SimpleImputer(), FunctionTransformer(np.square), Ridge()),
    tree.DecisionTreeRegressor(max_depth=1),
]


@pytest.mark.parametrize(
    ("asked", "x", "new"),
    [
        ([(CLASSIFIERS, CLASSES), (OF_TWO, YES), (REGRESSORS, AMOUNT)], X, X[:32]),
        ([(OF_GAPS, EFFECT)], MIXED, UNKNOWN[:32]),
    ],
    ids=["whole", "gaps"],
)
def test_from_the_file_and_exported_they_say_the_same(asked, x, new, tmp_path):
    """All in one model; what runs is the export of what was loaded."""
    members = [member.fit(x, y) for several, y in asked for member in several]
    inputs = keras.Input((x.shape[1],))
    model = keras.Model(inputs, [as_model(member)(inputs) for member in members])
    model.save(tmp_path / "model.keras")
    keras.models.load_model(tmp_path / "model.keras").export(tmp_path / "program", verbose=False)
    said = keras.export.load(tmp_path / "program").serve(new)
    for member, one in zip(members, said, strict=True):
        told, message = told_by(member, new), str(member)
        np.testing.assert_allclose(one, told, rtol=1e-5, atol=1e-5, err_msg=message)


def test_thresholds_between_two_float32():
    """Rows whose value is the threshold's next float32 go where scikit-learn sends them."""
    x = np.float32([1, np.nextafter(np.float32(1), 2), 3, 4]).repeat(8)[:, None]
    member = ensemble.HistGradientBoostingRegressor(max_iter=1, min_samples_leaf=1)
    member.fit(x, np.arange(32) // 8 % 2)
    assert as_model(member).predict(x, verbose=0)[:, 0] == pytest.approx(member.predict(x))


LETTERS = np.array(list("abcd"))[np.digitize(AMOUNT, [-0.5, 0.5, 1.5])]


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (ensemble.GradientBoostingClassifier(init=GaussianNB(), n_estimators=1), "with init="),
        (CalibratedClassifierCV(SVC(decision_function_shape="ovo"), cv=2), "ovo"),
    ],
)
def test_what_cannot_become_layers(member, reason):
    with pytest.raises(NoLayers, match=reason):
        as_model(member.fit(X, LETTERS))


def test_columns_that_are_all_dropped():
    with pytest.raises(NoLayers, match="drops all"):
        step(ColumnTransformer([("gone", "drop", [0])]).fit(X), keras.Input((3,)))
