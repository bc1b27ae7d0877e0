"""Estimators of scikit-learn as networks of Keras's own layers: for files, and to export."""

from __future__ import annotations

from typing import Any

from kohort import layers
from kohort.models import Model
from kohort.workflow.ensembling import kernels, linear, neighbours, steps, trees
from kohort.workflow.ensembling.frozen import NoLayers

_SUPPORT = ("SVC", "NuSVC", "SVR", "NuSVR")


def as_model(member: Any) -> Model:
    """A model that says what a fitted estimator says.

    Known are trees, forests and gradient boosting; linear models; support vector machines; nearest
    neighbours; Gaussian naive Bayes; perceptrons; and pipelines of one of them behind scalers,
    `SimpleImputer`, `OneHotEncoder` of numbers, `PCA` or a selection of columns. A classifier's
    model gives a probability for each class, or its one vote where it knows none.

    Raises:
        NoLayers: where `member` is of another kind; it says which.

    >>> from sklearn.linear_model import LinearRegression
    >>> line = LinearRegression().fit([[0.0], [1.0]], [3.0, 5.0])
    >>> as_model(line).predict(np.array([[0.5]]), verbose=0).tolist()
    [[4.0]]
    """
    if not type(member).__module__.startswith("sklearn."):
        raise NoLayers(f"{type(member).__name__} is not of scikit-learn")
    if not hasattr(member, "n_features_in_"):
        raise NoLayers("not fitted, or told no number of columns")
    x = layers.Input((member.n_features_in_,))
    return Model(x, _say(member, x))


def _say(member: Any, x: Any) -> Any:
    kind = type(member).__name__
    if kind == "Pipeline":
        for _, fitted in member.steps[:-1]:
            x = steps.step(fitted, x)
        return _say(member.steps[-1][1], x)
    if hasattr(member, "best_estimator_"):  # of a search
        return _say(member.best_estimator_, x)
    if kind in _SUPPORT:
        return kernels.support_vectors(member, x)
    if kind in ("KNeighborsClassifier", "KNeighborsRegressor"):
        return neighbours.nearest(member, x)
    if kind == "GaussianNB":
        return linear.naive_bayes(member, x)
    if kind in ("MLPClassifier", "MLPRegressor"):
        return linear.perceptron(member, x)
    if linear.is_linear(member):
        return linear.linear(member, x)
    return trees.say(member, x)
