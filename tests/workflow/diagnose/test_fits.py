"""Real small fits that provoke each finding."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

import kohort as keras
from kohort.errors import KohortWarning
from kohort.workflow.diagnose import diagnose, idle_units


def cancer():
    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return x[order].astype("float32"), y[order]


def digits():
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y


def fit(x, y, rate=0.01, units=16, epochs=30, layers=None, optimizer="Adam", rows=None, **options):
    """Fits a small classifier; the last third of the rows validates."""
    keras.utils.set_random_seed(0)
    classes = int(y.max()) + 1
    hidden = [keras.layers.Dense(units, activation="relu")] if layers is None else layers
    model = keras.Sequential([*hidden, keras.layers.Dense(classes, activation="softmax")])
    model.compile(
        optimizer=getattr(keras.optimizers, optimizer)(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    cut = len(y) * 2 // 3
    history = model.fit(
        x[:cut][:rows],
        y[:cut][:rows],
        validation_data=(x[cut:], y[cut:]),
        epochs=epochs,
        verbose=0,
        **options,
    )
    return history, y[:cut][:rows]


def names(found):
    return [finding.name for finding in found if finding.severity >= 0.3]


def test_a_good_fit():
    history, y = fit(*cancer(), rate=0.0005, epochs=40)
    found = diagnose(history, y=y)
    assert names(found) == [] and "good_fit" in found, found


def test_overfitting():
    x, y = cancer()
    noisy = np.where(np.random.default_rng(1).random(len(y)) < 0.2, 1 - y, y)
    history, targets = fit(x, noisy, units=64, epochs=60)
    found = diagnose(history, y=targets)
    assert found.findings[0].name == "overfitting", found
    assert 2 <= found["overfitting"].epoch <= 30


def test_a_learning_rate_too_small():
    history, y = fit(*digits(), rate=1e-3, optimizer="SGD", epochs=15)
    assert "learning_rate_too_small" in names(diagnose(history, y=y))


def test_a_learning_rate_too_large():
    history, y = fit(*digits(), rate=0.5, epochs=15)
    found = diagnose(history, y=y)
    assert "learning_rate_too_large" in names(found), found
    assert "label_or_split_trouble" not in found


def test_divergence():
    x, y = cancer()
    model = keras.Sequential([keras.layers.Dense(16), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(5.0), loss="mse")
    history = model.fit(x, y.astype("float32"), epochs=10, verbose=0)
    assert diagnose(history).findings[0].name == "diverging"


def test_too_few_epochs():
    history, y = fit(*digits(), rate=0.001, epochs=6)
    found = diagnose(history, y=y)
    assert found.findings[0].name == "underfitting"
    assert "still falling" in found["underfitting"].evidence


def test_too_small_a_network():
    tight = [keras.layers.Dense(1, activation="relu")]
    history, y = fit(*digits(), layers=tight, epochs=25)
    found = diagnose(history, y=y)
    assert found["underfitting"].severity > 0.3, found
    assert any("larger network" in remedy for remedy in found["underfitting"].try_next)


def test_labels_without_meaning():
    x, y = cancer()
    history, targets = fit(x, np.random.default_rng(2).permutation(y), units=64, epochs=40)
    found = diagnose(history, y=targets)
    assert found["label_or_split_trouble"].severity == 0.9


def test_sorted_rows_cut_without_shuffling():
    x, y = cancer()
    order = np.argsort(y, kind="stable")
    history, targets = fit(x[order], y[order])
    found = diagnose(history, y=targets)
    assert found.findings[0].severity > 0.3


def test_constant_loss_of_softmax_over_one_unit():
    x, y = cancer()
    model = keras.Sequential([keras.layers.Dense(1, activation="softmax")])
    model.compile(loss="mse")
    with pytest.warns(KohortWarning, match="softmax over axis"):
        history = model.fit(x, y, epochs=6, verbose=0)
    assert diagnose(history).findings[0].name == "constant_loss"


def test_dropout_explains_a_better_validation():
    layers = [keras.layers.Dense(64, activation="relu"), keras.layers.Dropout(0.6)]
    history, y = fit(*digits(), rate=0.003, layers=layers, epochs=15)
    found = diagnose(history, y=y)
    assert "usual with dropout" in found["validation_better"].evidence
    assert found["validation_better"].severity < 0.2


@pytest.mark.parametrize("functional", [False, True])
def test_dead_units_of_a_model(functional):
    x, y = cancer()
    bias = keras.initializers.Constant(np.r_[-100 * np.ones(6), np.zeros(2)])
    inputs = keras.Input((30,))
    hidden = keras.layers.Dense(8, activation="relu", bias_initializer=bias, name="sick")(inputs)
    outputs = keras.layers.Dense(2, activation="softmax")(hidden)
    model = keras.Model(inputs, outputs)
    if not functional:
        model = keras.Sequential(model.layers[1:])
        model.build((None, 30))
    model.compile(loss="sparse_categorical_crossentropy")
    history = model.fit(x, y, epochs=5, verbose=0)
    found = diagnose(history, x=x)
    assert "6 of 8 units of sick" in found["dead_units"].evidence
    assert found["dead_units"].severity > 0.8


def test_dead_and_saturated_activations():
    values = np.random.default_rng(0).normal(size=(100, 4))
    assert idle_units({"fine": np.maximum(values, 0), "tanh": np.tanh(values)}) == []
    (finding,) = idle_units({"full": np.tanh(100 * values)})
    assert (finding.name, finding.evidence[:13]) == ("saturated_units", "4 of 4 units ")
    (finding,) = idle_units({"gate": 0.5 + 0.5 * np.tanh(200 * values)})
    assert finding.name == "saturated_units"
    found = diagnose({"loss": [1, 0.5, 0.4, 0.38]}, activations={"a": np.zeros((5, 2))})
    assert found["dead_units"].severity == 1


def test_folds_are_joined():
    x, y = digits()
    halves = (slice(None), slice(None, None, -1))
    fits = [fit(x[order], y[order], epochs=5, rate=0.001)[0] for order in halves]
    found = diagnose(fits, y=y)
    assert found["underfitting"].evidence.startswith("in 2 of 2 fits; in the middle one the ")
    assert "still falling" in found["underfitting"].evidence
    each = [diagnose(one, y=y)["underfitting"].severity for one in fits]
    assert found["underfitting"].severity == pytest.approx(np.mean(each))
