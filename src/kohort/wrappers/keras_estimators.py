"""`keras.wrappers`: the scikit-learn estimators that Keras 3 offers."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from kohort.models import Model, clone_model


class _Wrapper(BaseEstimator):
    def __init__(
        self,
        model: Any,
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ):
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Any:
        """Train on `X` and `y`; `kwargs` go to the model's `fit`, before `fit_kwargs`.

        Args:
            X: shape `(rows, features)`.
            y: shape `(rows,)`.
            kwargs: arguments of the model's `fit`.
        """
        X, y = validate_data(self, X, y, allow_nd=True)
        y = self._encoded(y)
        model = self._new_model(X, y)
        if not model.compiled or not model.loss or not model.optimizer:
            raise RuntimeError(
                "Given model needs to be compiled, and have a loss and an optimizer."
            )
        self.history_ = model.fit(X, y, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _new_model(self, X: Any, y: Any) -> Any:
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        if isinstance(self.model, Model):
            return self.model if self.warm_start else clone_model(self.model)
        return self.model(X=X, y=y, **(self.model_kwargs or {}))

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        """The targets as the model learns them: two axes."""
        _kind(y)
        return y.reshape(-1, 1)

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        return self.model_.predict(validate_data(self, X, reset=False, allow_nd=True))

    def __sklearn_clone__(self) -> Any:
        """A new estimator; a model given is copied with its weights."""
        model = copy.deepcopy(self.model) if isinstance(self.model, Model) else self.model
        return type(self)(model, self.warm_start, self.model_kwargs, self.fit_kwargs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags


class SKLearnClassifier(ClassifierMixin, _Wrapper):
    """A scikit-learn classifier around a model that ends with one output a class.

    Labels reach the model as one column a class.

    Args:
        model: a compiled model, of which each `fit` trains a copy with new weights, or a function
            `model(X, y, **model_kwargs)` that returns a compiled one.
        warm_start: go on with the weights of the last `fit`.
        model_kwargs: arguments of the function.
        fit_kwargs: arguments of the model's `fit`.

    Source: `keras.wrappers.SKLearnClassifier`. `KohortClassifier` also takes seeds, sample weights
    and hyperparameters.
    """

    def predict(self, X: Any) -> np.ndarray:
        """The label with the largest output, shape `(rows,)`.

        Args:
            X: rows as for `fit`.
        """
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def decision_function(self, X: Any) -> np.ndarray:
        """The outputs of the model.

        Args:
            X: rows as for `fit`.
        """
        return self._outputs(X)

    def _encoded(self, y: np.ndarray) -> np.ndarray:
        kind = _kind(y)
        if kind not in ("binary", "multiclass"):
            raise ValueError(
                f"Only binary and multiclass target types are supported. Target type: {kind}"
            )
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) == 1:
            raise ValueError("Classifier can't train when only one class is present.")
        return np.eye(len(self.classes_))[codes.reshape(-1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, _Wrapper):
    """A scikit-learn regressor around a model.

    Args:
        model, warm_start, model_kwargs, fit_kwargs: as for `SKLearnClassifier`.

    Source: `keras.wrappers.SKLearnRegressor`.
    """

    def predict(self, X: Any) -> np.ndarray:
        """The output of the model for each row, shape `(rows,)`.

        Args:
            X: rows as for `fit`.
        """
        outputs = self._outputs(X)
        return np.squeeze(outputs, axis=1) if outputs.ndim == 2 else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, _Wrapper):
    """A scikit-learn transformer: the outputs of a model are new features.

    Args:
        model, warm_start, model_kwargs, fit_kwargs: as for `SKLearnClassifier`.

    Source: `keras.wrappers.SKLearnTransformer`.
    """

    def transform(self, X: Any) -> np.ndarray:
        """The outputs of the model.

        Args:
            X: rows as for `fit`.
        """
        return self._outputs(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


def _kind(y: np.ndarray) -> str:
    """What the targets are, in scikit-learn's words."""
    kind = type_of_target(y)
    if kind == "unknown":
        raise ValueError(f"Unknown label type for data: {y!r}")
    return kind
