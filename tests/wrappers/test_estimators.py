"""KohortClassifier and KohortRegressor: scikit-learn's own checks, and its tools around them."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import kohort as keras
from kohort import KohortClassifier, KohortRegressor
from kohort.train import programs

BEYOND = {
    "check_sample_weight_equivalence_on_dense_data": "a row of weight 2 is one row of a batch, two "
    "equal rows are two: training by batches sees other batches, and other steps",
}


def linear(n_features, n_outputs, task):
    """The least network, which compiles fast: the checks train some fifty of other shapes."""
    activation, loss = {
        "binary": ("sigmoid", "binary_crossentropy"),
        "multi-class": ("softmax", "sparse_categorical_crossentropy"),
        "regression": (None, "mse"),
    }[task]
    layers = [keras.Input((n_features,)), keras.layers.Dense(n_outputs, activation)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model


def checks():
    """Scikit-learn's checks for both estimators."""
    for estimator in (
        KohortClassifier(linear, epochs=20, random_state=0),
        KohortRegressor(linear, epochs=20, random_state=0, scale_target=True),
    ):
        yield from estimator_checks_generator(
            estimator, expected_failed_checks=BEYOND, mark="xfail"
        )


def name_of(value):
    """A name that is the same in every process: the estimators' own repr has an address."""
    function = getattr(value, "func", value)
    return getattr(function, "__name__", type(value).__name__)


@pytest.mark.parametrize("estimator, check", list(checks()), ids=name_of)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def rows(count=60, seed=0):
    """Two features, of which the first decides."""
    x = np.random.default_rng(seed).normal(size=(count, 2))
    return x, np.where(x[:, 0] > 0, "yes", "no")


def build(n_features, n_outputs, task, width=4, rate=0.05):
    """A network whose width and learning rate are parameters."""
    last, loss = ("sigmoid", "binary_crossentropy") if n_outputs == 1 else ("softmax", None)
    last, loss = (None, "mse") if task == "regression" else (last, loss)
    layers = [keras.layers.Dense(width, activation="tanh"), keras.layers.Dense(n_outputs, last)]
    model = keras.Sequential([keras.Input((n_features,)), *layers])
    model.compile(keras.optimizers.Adam(rate), loss or "categorical_crossentropy")
    return model


class TestTools:
    def test_pipeline_of_a_grid_search(self):
        x, y = rows()
        pipeline = make_pipeline(
            StandardScaler(), KohortClassifier(build, epochs=15, random_state=0)
        )
        grid = {"kohortclassifier__rate": [1e-6, 0.05], "kohortclassifier__width": [4]}
        found = GridSearchCV(pipeline, grid, cv=2).fit(x, y)
        assert found.best_params_["kohortclassifier__rate"] == 0.05
        assert found.score(x, y) > 0.9

    def test_second_fold_compiles_nothing(self):
        x, y = rows()
        estimator = KohortClassifier(build, epochs=1, random_state=0)
        cross_val_score(estimator, x, y, cv=2)
        before = programs.traces
        assert cross_val_score(estimator, x, y, cv=2).shape == (2,)
        assert programs.traces == before

    def test_clone_keeps_hyperparameters_and_forgets_the_fit(self):
        x, y = rows()
        estimator = KohortClassifier(build, epochs=1, width=5).fit(x, y)
        twin = clone(estimator)
        assert twin.get_params() == estimator.get_params()
        assert twin.get_params()["width"] == 5 and twin.get_params()["rate"] == 0.05
        assert "rate" not in repr(twin) and "width=5" in repr(twin)
        assert not hasattr(twin, "model_")
        assert twin.set_params(width=6).get_params()["width"] == 6
        assert estimator.get_params()["width"] == 5

    def test_pickle_predicts_the_same(self):
        x, y = rows()
        estimator = KohortClassifier(epochs=1, random_state=0).fit(x, y)
        again = pickle.loads(pickle.dumps(estimator))
        assert np.array_equal(again.predict_proba(x), estimator.predict_proba(x))

    def test_feature_names(self):
        pandas = pytest.importorskip("pandas")
        x, y = rows()
        frame = pandas.DataFrame(x, columns=["a", "b"])
        estimator = KohortClassifier(epochs=1).fit(frame, y)
        assert estimator.feature_names_in_.tolist() == ["a", "b"]
        with pytest.raises(ValueError, match="feature names"):
            estimator.predict(frame[["b", "a"]])

    def test_member_of_an_ensemble(self):
        x, y = rows()
        estimator = KohortClassifier(build, epochs=5, random_state=0).fit(x[:40], y[:40])
        found = keras.ensemble([estimator], x[40:], y[40:])
        assert found.predict(x) == pytest.approx(estimator.predict_proba(x), abs=1e-6)


class TestBuilding:
    def test_equals_fit_by_hand(self):
        x, y = rows()
        estimator = KohortClassifier(build, epochs=3, batch_size=16, random_state=7).fit(x, y)
        seed = np.random.RandomState(7).randint(2**31 - 1)
        keras.utils.set_random_seed(seed)
        model = build(2, 1, "binary")
        model.fit(x, (y == "yes").astype("float32")[:, None], epochs=3, batch_size=16, verbose=0)
        assert estimator.predict_proba(x)[:, 1:] == pytest.approx(
            model.predict(x, verbose=0), abs=1e-6
        )

    def test_seed_leaves_the_global_generators_alone(self):
        x, y = rows()
        np.random.seed(3)
        expected = np.random.rand()
        np.random.seed(3)
        KohortClassifier(build, epochs=1, random_state=0).fit(x, y)
        assert np.random.rand() == expected

    @pytest.mark.parametrize(
        "loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"]
    )
    @pytest.mark.parametrize("logits", [True, False])
    def test_losses_of_many_classes(self, loss, logits):
        x, _ = rows()
        y = np.digitize(x[:, 0], [-0.5, 0.5]) * 10  # 0, 10, 20

        def own(n_outputs):
            activation = None if logits else "softmax"
            layer = keras.layers.Dense(n_outputs, activation=activation)
            model = keras.Sequential([keras.Input((2,)), layer])
            kind = "".join(part.title() for part in loss.split("_"))
            model.compile("adam", getattr(keras.losses, kind)(from_logits=logits))
            return model

        estimator = KohortClassifier(own, epochs=1, random_state=0).fit(x, y)
        outputs = estimator.model_.predict(x, verbose=0)
        p = np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True) if logits else outputs
        assert estimator.predict_proba(x) == pytest.approx(p, abs=1e-5)
        assert estimator.predict(x).tolist() == [[0, 10, 20][i] for i in outputs.argmax(1)]

    def test_binary_logits(self):
        x, y = rows()
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
        estimator = KohortClassifier(model, epochs=1, random_state=0).fit(x, y)
        outputs = estimator.model_.predict(x, verbose=0)[:, 0]
        assert estimator.predict_proba(x)[:, 1] == pytest.approx(
            1 / (1 + np.exp(-outputs)), rel=1e-5
        )

    def test_compiled_model_is_copied_with_new_weights(self):
        x, y = rows()
        model = build(2, 1, "binary")
        weights = [w.copy() for w in model.get_weights()]
        estimator = KohortClassifier(model, epochs=1, random_state=0).fit(x, y)
        assert estimator.model_ is not model
        for before, after in zip(weights, model.get_weights(), strict=True):
            assert np.array_equal(before, after)

    def test_build_function_of_a_search(self):
        def with_hp(hp):
            model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, "sigmoid")])
            rate = hp.Float("rate", 1e-3, 1, sampling="log", default=0.01)
            model.compile(keras.optimizers.SGD(rate), "binary_crossentropy")
            return model

        x, y = rows()
        fitted = KohortClassifier(with_hp, epochs=1, rate=0.25).fit(x, y)
        assert float(fitted.model_.optimizer.learning_rate) == 0.25
        with pytest.raises(ValueError, match=r"no hyperparameter \['width'\]"):
            KohortClassifier(with_hp, epochs=1, width=3).fit(x, y)

    def test_meta_has_the_facts(self):
        seen = {}

        def own(meta):
            seen.update(meta)
            return build(meta["n_features"], meta["n_outputs"], meta["task"])

        x, _ = rows()
        KohortRegressor(own, epochs=1).fit(x, x)
        assert seen == {"input_shape": (2,), "n_features": 2, "n_outputs": 2, "task": "regression"}

    def test_images(self):
        x = np.random.default_rng(0).normal(size=(12, 4, 4, 1))
        y = np.arange(12) % 3
        fitted = KohortClassifier(epochs=1, units=(2,), dropout=0.1).fit(x, y)
        assert fitted.predict_proba(x).shape == (12, 3)

    def test_what_does_not_fit(self):
        x, y = rows()
        with pytest.raises(ValueError, match="must have 2 outputs"):
            KohortClassifier(lambda: build(2, 3, "multi-class")).fit(x, y)
        with pytest.raises(ValueError, match=r"each of the 1 target\(s\)"):
            KohortRegressor(lambda: build(2, 3, "regression")).fit(x, x[:, 0])
        with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
            KohortClassifier(build).set_params(depth=3)
        with pytest.raises(ValueError, match="function that returns one"):
            KohortClassifier(build=3).fit(x, y)


class TestTraining:
    def test_validation_rows_and_callbacks(self):
        x, y = rows()
        stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1, min_delta=10)
        estimator = KohortClassifier(
            build, epochs=9, validation_fraction=0.25, callbacks=[stop], random_state=0
        ).fit(x, y)
        assert len(estimator.history_["val_loss"]) == 2
        assert stop.stopped_epoch == 0  # a copy of it was used

    def test_weights_count(self):
        x, y = rows()
        assert (
            KohortClassifier(build, epochs=60, random_state=0).fit(x, y).predict(x) == y
        ).mean() > 0.9
        weight = np.where(y == "yes", 1.0, 0.0)
        fitted = KohortClassifier(build, epochs=60, random_state=0).fit(x, y, sample_weight=weight)
        assert (fitted.predict(x) == "yes").mean() > 0.8

    def test_target_in_its_own_unit(self):
        x, _ = rows()
        y = 5000 + 100 * x[:, 0]
        fitted = KohortRegressor(epochs=40, random_state=0, learning_rate=0.02).fit(x, y)
        assert fitted.score(x, y) > 0.9
        plain = KohortRegressor(epochs=1, random_state=0, scale_target=False).fit(x, y)
        assert abs(plain.predict(x)).max() < 100

    def test_several_targets(self):
        x, _ = rows()
        fitted = KohortRegressor(epochs=60, random_state=0, learning_rate=0.02).fit(x, 3 * x + 7)
        assert fitted.predict(x).shape == (60, 2)
        assert fitted.score(x, 3 * x + 7) > 0.9

    def test_scaler_of_the_network_learns_from_training_rows(self):
        x, y = rows()
        fitted = KohortClassifier(epochs=1, random_state=0).fit(x + 50, y)
        scaler = next(
            la for la in fitted.model_.layers if isinstance(la, keras.layers.Normalization)
        )
        assert np.asarray(scaler.mean).reshape(-1) == pytest.approx((x + 50).mean(0), rel=1e-5)
