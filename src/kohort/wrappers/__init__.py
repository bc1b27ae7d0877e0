"""scikit-learn estimators: Kohort's own, and those that Keras 3 offers."""

from kohort.wrappers.estimators import KohortClassifier, KohortRegressor
from kohort.wrappers.keras_estimators import (
    SKLearnClassifier,
    SKLearnRegressor,
    SKLearnTransformer,
)

__all__ = [
    "KohortClassifier",
    "KohortRegressor",
    "SKLearnClassifier",
    "SKLearnRegressor",
    "SKLearnTransformer",
]
