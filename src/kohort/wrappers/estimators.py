"""`KohortClassifier` and `KohortRegressor`: networks as scikit-learn estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from kohort.models.adapting import adapt_layers, is_adaptable
from kohort.random.seed import seeded
from kohort.workflow.trainings import Training
from kohort.wrappers.building import FACTS, built, hyperparameters
from kohort.wrappers.targets import Codes, Scale


class _Estimator(BaseEstimator):
    """What both estimators share: parameters, and the training."""

    def __init__(
        self,
        build: Any = None,
        *,
        epochs: int = 50,
        batch_size: int = 32,
        random_state: Any = None,
        validation_fraction: float = 0,
        callbacks: Any = None,
        verbose: Any = 0,
        **hp: Any,
    ):
        self.build = build
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
        self.validation_fraction = validation_fraction
        self.callbacks = callbacks
        self.verbose = verbose
        self._hp = hp

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters: the estimator's and the hyperparameters that were set.

        Args:
            deep: whether to tell the other hyperparameters of the build function, too, at their
                defaults.
        """
        defaults, _ = hyperparameters(self.build) if deep else ({}, False)
        own = {k: v for k, v in defaults.items() if k not in FACTS} | self._hp
        return {**own, **super().get_params(deep)}

    def set_params(self, **params: Any) -> Any:
        """Set parameters of the estimator or of its build function; returns the estimator.

        Args:
            params: name -> value.
        """
        own = set(self._get_param_names())
        if "build" in params:
            self.build = params["build"]
        known, takes_more = hyperparameters(self.build)
        given = {k: v for k, v in params.items() if k.partition("__")[0] not in own}
        unknown = [] if takes_more else [k for k in given if k not in known]
        if unknown:
            raise ValueError(
                f"Invalid parameter {unknown[0]!r} for estimator {type(self).__name__}. "
                f"Valid parameters are: {sorted(self.get_params())}"
            )
        self._hp = {**self._hp, **given}
        return super().set_params(**{k: v for k, v in params.items() if k not in given})

    def _train(self, X: np.ndarray, y: Any, target: Codes | Scale, sample_weight: Any) -> None:
        """Build the network and train it on rows that are already checked."""
        facts = {
            "input_shape": X.shape[1:],
            "n_features": X.shape[1],
            "n_outputs": target.outputs,
            "task": target.task,
        }
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with seeded(seed):
            model = built(self.build, facts, self._hp)
            if not model.built:
                model.build((None, *X.shape[1:]))
            train, validation = self._split((X, target.encode(y, model), sample_weight), y, seed)
            if any(is_adaptable(layer) for layer in model._flatten_layers()):
                model._symbolic_build(tuple(None if a is None else a[:1] for a in train))
                adapt_layers(model, train[0])
            history = model.fit(
                train[0], train[1], sample_weight=train[2], validation_data=validation,
                epochs=self.epochs, batch_size=self.batch_size, verbose=self.verbose,
                callbacks=Training(callbacks=self.callbacks or ()).own_callbacks(),
            )  # fmt: skip
        self.model_ = model
        self.history_ = history.history
        self._target: Any = target

    def _split(self, rows: tuple[Any, ...], y: Any, seed: int) -> tuple[Any, Any]:
        """Rows to train on, and rows to validate on where the estimator is to keep some."""
        if not self.validation_fraction:
            return rows, None
        numbers = train_test_split(
            np.arange(len(y)),
            test_size=self.validation_fraction,
            random_state=seed,
            stratify=y if isinstance(self, ClassifierMixin) else None,
        )
        train, validation = ([None if a is None else a[n] for a in rows] for n in numbers)
        return tuple(train), tuple(validation)

    def _checked(self, X: Any, y: Any, sample_weight: Any, **checks: Any) -> tuple[Any, Any, Any]:
        X, y = validate_data(self, X, y, allow_nd=True, **checks)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
            if not sample_weight.any():
                raise ValueError(
                    "The sample weights must not all be zero: sample_weight=0 for every row."
                )
        return X, y, sample_weight

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        X = validate_data(self, X, reset=False, allow_nd=True)
        return self.model_.predict(X, batch_size=self.batch_size, verbose=0)


class KohortClassifier(ClassifierMixin, _Estimator):
    """A network as a scikit-learn classifier.

    Labels may be of any kind; binary and multi-class. Layers with an `adapt` method learn from the
    training rows, inside each fold of a cross-validation.

    Args:
        build: a function that returns a new compiled model, or a compiled model, of which each
            `fit` trains a new copy, or None: a dense network (parameters `units`, `activation`,
            `dropout`, `learning_rate`). The function gets what it has parameters for: `input_shape`
            (of a row), `n_features`, `n_outputs`, `task` ("binary", "multi-class"), or `meta`,
            a dict of these; its other parameters are hyperparameters, and parameters of the
            estimator. With a parameter `hp` it is a function as `kohort.search` takes it.
        epochs, batch_size, verbose: as for `fit`.
        random_state: of first weights, dropout masks, row orders and the validation rows.
        validation_fraction: the share of rows that callbacks may look at (`val_loss`).
        callbacks: Keras callbacks, of which each `fit` gets copies, or a function that returns
            them.
        hp: hyperparameters of `build`.

    After `fit`: `classes_`, `n_features_in_`, `model_` (the network), `history_` (its curves).

    >>> from sklearn.model_selection import cross_val_score
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> y = np.where(x[:, 0] > 0, "yes", "no")
    >>> estimator = KohortClassifier(epochs=30, units=(8,), learning_rate=0.03, random_state=0)
    >>> bool(cross_val_score(estimator, x, y, cv=2).mean() > 0.8)
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KohortClassifier:
        """Train on rows `X` with labels `y`.

        Args:
            X: shape `(rows, features)`, or `(rows, height, width, …)`.
            y: shape `(rows,)`.
            sample_weight: shape `(rows,)`.
        """
        X, y, sample_weight = self._checked(X, y, sample_weight)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                "A classifier needs rows of at least two classes. "
                f"Received: one class, {self.classes_[0]!r}"
            )
        self._train(X, codes, Codes(len(self.classes_)), sample_weight)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, shape `(rows, classes)`.

        Args:
            X: rows as for `fit`.
        """
        outputs = self._outputs(X)
        return self._target.probabilities(outputs, self.model_)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of each row, shape `(rows,)`.

        Args:
            X: rows as for `fit`.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]


class KohortRegressor(RegressorMixin, _Estimator):
    """A network as a scikit-learn regressor, for one target or several.

    Args:
        build: as for `KohortClassifier`; `task` is "regression".
        epochs, batch_size, random_state, validation_fraction, callbacks, verbose, hp: as for
            `KohortClassifier`.
        scale_target: whether the network learns `(y - mean) / deviation` of the training rows;
            predictions are in the unit of `y` in any case. "auto": where `build` is None.

    >>> x = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> estimator = KohortRegressor(epochs=60, batch_size=16, random_state=0)
    >>> bool(estimator.fit(x, 100 + 30 * x[:, 0]).score(x, 100 + 30 * x[:, 0]) > 0.9)
    True
    """

    def __init__(
        self,
        build: Any = None,
        *,
        epochs: int = 50,
        batch_size: int = 32,
        random_state: Any = None,
        validation_fraction: float = 0,
        callbacks: Any = None,
        verbose: Any = 0,
        scale_target: Any = "auto",
        **hp: Any,
    ):
        super().__init__(
            build, epochs=epochs, batch_size=batch_size, random_state=random_state,
            validation_fraction=validation_fraction, callbacks=callbacks, verbose=verbose, **hp,
        )  # fmt: skip
        self.scale_target = scale_target

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> KohortRegressor:
        """Train on rows `X` with targets `y`.

        Args:
            X: shape `(rows, features)`, or `(rows, height, width, …)`.
            y: shape `(rows,)` or `(rows, targets)`.
            sample_weight: shape `(rows,)`.
        """
        X, y, sample_weight = self._checked(X, y, sample_weight, multi_output=True, y_numeric=True)
        scaled = self.build is None if self.scale_target == "auto" else bool(self.scale_target)
        self._train(X, y, Scale.of(np.asarray(y, "float64"), scaled), sample_weight)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The target of each row, of the shape that `fit` was given.

        Args:
            X: rows as for `fit`.
        """
        outputs = self._outputs(X)
        return self._target.decode(outputs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
