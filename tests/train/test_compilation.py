"""One structure, one compilation: hyperparameters, new models and second calls cost none."""

import numpy as np
import pytest

from kohort import layers, losses, optimizers, regularizers
from kohort.models import Sequential
from kohort.train import programs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 6)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def build(rate=0.2, l1=1e-4, l2=1e-3, learning_rate=0.01, momentum=0.5, smoothing=0.1):
    model = Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, "relu", kernel_regularizer=regularizers.L1L2(l1, l2)),
            layers.Dropout(rate),
            layers.GaussianNoise(0.1),
            layers.BatchNormalization(),
            layers.Dense(1, "sigmoid", kernel_constraint="max_norm"),
        ]
    )
    model.compile(
        optimizers.SGD(learning_rate, momentum=momentum),
        losses.BinaryCrossentropy(label_smoothing=smoothing),
        metrics=["accuracy"],
    )
    return model


@pytest.fixture
def count():
    def traced():
        return programs.traces

    return traced


def fit(model, **kwargs):
    return model.fit(X, Y, batch_size=8, epochs=2, verbose=0, **kwargs)


def test_second_calls_compile_nothing(count):
    model = build()
    fit(model), model.evaluate(X, Y, verbose=0), model.predict(X, verbose=0)
    before = count()
    fit(model), model.evaluate(X, Y, verbose=0), model.predict(X, verbose=0)
    assert count() == before


def test_a_new_model_of_the_same_structure_compiles_nothing(count):
    fit(build())
    before = count()
    fit(build())
    assert count() == before


def test_other_hyperparameters_compile_nothing(count):
    fit(build())
    before = count()
    others = [
        {"rate": 0.4},
        {"l1": 2e-4},
        {"l2": 5e-3},
        {"learning_rate": 0.1},
        {"momentum": 0.9},
        {"smoothing": 0.2},
    ]
    for other in others:
        fit(build(**other))
    assert count() == before


def test_changing_hyperparameters_between_and_during_fits_compiles_nothing(count):
    from kohort.callbacks import LambdaCallback

    model = build()
    fit(model)
    before = count()
    model.optimizer.learning_rate = 0.5
    model.optimizer.momentum = 0.25
    model.layers[0].kernel_regularizer.l2 = 0.5
    fit(model)

    def change(epoch, logs):
        model.layers[1].rate = 0.1 + 0.1 * epoch
        model.layers[2].stddev = 0.2
        model.layers[3].momentum = 0.9
        model.optimizer.learning_rate = 0.01 / (epoch + 1)

    fit(model, callbacks=[LambdaCallback(on_epoch_begin=change)])
    assert count() == before


def test_changed_hyperparameters_take_effect():
    still, model = build(), build()
    for m in (still, model):
        m.set_weights([np.full(w.shape, 0.1, "float32") for w in m.get_weights()])
    model.optimizer.learning_rate = 0.0
    kernel = model.get_weights()[0]
    fit(model), fit(still)
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    assert not np.array_equal(still.get_weights()[0], kernel)


def test_another_structure_compiles_anew(count):
    fit(build())
    before = count()
    fit(build(rate=0.0))  # a neutral value is compiled in
    assert count() > before


def test_freezing_a_layer_is_another_structure_and_is_respected():
    model = build()
    fit(model)
    model.layers[0].trainable = False
    model.compile(optimizers.SGD(0.1), "binary_crossentropy")
    kernel = model.layers[0].get_weights()[0]
    fit(model)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], kernel)


def test_recompiling_trains_on_the_new_loss():
    model = build()
    model.compile("sgd", "mse")
    first = model.evaluate(X, Y, verbose=0)
    model.compile("sgd", "mae")
    assert model.evaluate(X, Y, verbose=0) != pytest.approx(first)


def test_lambdas_made_anew_are_the_same_structure(count):
    def with_lambda(factor):
        model = Sequential(
            [layers.Input((6,)), layers.Lambda(lambda x: x * factor), layers.Dense(1)]
        )
        model.compile("sgd", "mse")
        return model

    fit(with_lambda(2.0))
    before = count()
    fit(with_lambda(2.0))
    assert count() == before
    fit(with_lambda(3.0))
    assert count() > before
