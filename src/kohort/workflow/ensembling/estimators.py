"""Estimators of scikit-learn as networks of Keras's own layers: for files, and to export."""

from __future__ import annotations

from typing import Any

from kohort import layers
from kohort.models import Model

# Each of these modules registers what it knows.
from kohort.workflow.ensembling import (  # noqa: F401
    boosting,
    committees,
    kernels,
    linear,
    neighbours,
    nested,
    trees,
)
from kohort.workflow.ensembling.ask import say
from kohort.workflow.ensembling.frozen import NoLayers


def as_model(member: Any) -> Model:
    """A model that says what a fitted estimator says.

    Known are linear models; support vector machines; nearest neighbours; Gaussian naive Bayes;
    perceptrons; trees, forests and gradient boosting (by histograms, too); votes, bags, AdaBoost,
    stacks and calibrated classifiers of known ones; and pipelines of one of them behind scalers,
    `SimpleImputer`, `OneHotEncoder` of numbers, `PCA`, a selection of columns, or a
    `ColumnTransformer` of these. A classifier's model gives a probability for each class, or its
    one vote where it knows none.

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
    return Model(x, say(member, x))
