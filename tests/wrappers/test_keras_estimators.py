"""`keras.wrappers`, beside Keras's own."""

import keras as real
import numpy as np
import pytest
from sklearn.base import clone

import kohort as keras
from kohort.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer


def data(seed=0):
    x = np.random.default_rng(seed).normal(size=(30, 3))
    return x, np.array(["a", "b", "c"])[np.digitize(x[:, 0], [-0.5, 0.5])]


def model_of(framework, outputs, loss="mse", activation=None):
    """A linear model, its weights all one tenth."""

    def make(X, y, rate=0.1):
        one = framework.initializers.Constant(0.1)
        layer = framework.layers.Dense(outputs, activation, kernel_initializer=one)
        model = framework.Sequential([framework.Input((X.shape[1],)), layer])
        model.compile(framework.optimizers.SGD(rate), loss)
        return model

    return make


FIT = {"epochs": 3, "shuffle": False, "verbose": 0}


def test_classifier():
    x, y = data()
    ours, theirs = (
        kind(
            model_of(framework, 3, "categorical_crossentropy", "softmax"),
            model_kwargs={"rate": 0.5},
            fit_kwargs=FIT,
        ).fit(x, y)
        for kind, framework in (
            (SKLearnClassifier, keras),
            (real.wrappers.SKLearnClassifier, real),
        )
    )
    assert ours.decision_function(x) == pytest.approx(theirs.decision_function(x), abs=1e-5)
    assert ours.classes_.tolist() == ["a", "b", "c"]
    assert np.array_equal(ours.predict(x), theirs.predict(x).reshape(-1))
    assert ours.score(x, y) > 0.5


def test_regressor():
    x, _ = data()
    ours, theirs = (
        kind(model_of(framework, 1)).fit(x, x[:, 0], **FIT)
        for kind, framework in ((SKLearnRegressor, keras), (real.wrappers.SKLearnRegressor, real))
    )
    assert ours.predict(x).shape == (30,)
    assert ours.predict(x) == pytest.approx(theirs.predict(x), abs=1e-5)


def test_transformer():
    x, _ = data()
    fitted = SKLearnTransformer(model_of(keras, 1), fit_kwargs=FIT).fit(x, x[:, 0])
    assert np.array_equal(fitted.transform(x), fitted.model_.predict(x, verbose=0))


def test_model_is_copied_unless_warm():
    x, _ = data()
    model = model_of(keras, 1)(x, None)
    cold = SKLearnRegressor(model, fit_kwargs=FIT).fit(x, x[:, 0])
    assert cold.model_ is not model
    warm = SKLearnRegressor(model, warm_start=True, fit_kwargs=FIT).fit(x, x[:, 0])
    before = warm.model_.get_weights()[0].copy()
    assert warm.model_ is model and warm.fit(x, x[:, 0]).model_ is model
    assert np.abs(model.get_weights()[0] - before).max() > 0


def test_clone_keeps_all_parameters():
    x, _ = data()
    twin = clone(SKLearnRegressor(model_of(keras, 1)(x, None), fit_kwargs=FIT))
    assert twin.fit_kwargs == FIT
    assert len(twin.fit(x, x[:, 0]).history_.epoch) == 3


def test_bad_input():
    x, y = data()
    build = model_of(keras, 1)
    with pytest.raises(ValueError, match="only one class"):
        SKLearnClassifier(build).fit(x, np.zeros(30))
    with pytest.raises(ValueError, match="Unknown label type"):
        SKLearnClassifier(build).fit(x, np.array([object() for _ in x]))
    with pytest.raises(ValueError, match="binary and multiclass"):
        SKLearnClassifier(build).fit(x, x[:, 0])
    with pytest.raises(RuntimeError, match="needs to be compiled"):
        plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        SKLearnRegressor(lambda X, y: plain).fit(x, x[:, 0])
