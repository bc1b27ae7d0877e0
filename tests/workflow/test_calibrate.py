"""Probabilities are mended where they were wrong, and left alone where they were right."""

import json

import keras
import numpy as np
import pytest

import kohort
from kohort.workflow.calibrate import Calibration, calibrate, f1, fit_map, logit, threshold
from kohort.workflow.calibration_layers import calibrated
from kohort.workflow.honest import per_row
from kohort.workflow.network import Goal

BINARY, CLASSES = Goal("binary", 1), Goal("multi-class", 3)


def drawn(rows, sharpness, seed=0):
    """Labels, and probabilities that are too sure of themselves by a factor in the logit."""
    generator = np.random.default_rng(seed)
    p = generator.uniform(0.02, 0.98, rows)
    y = (generator.random(rows) < p).astype(int)
    return y, 1 / (1 + np.exp(-sharpness * logit(p)))


class TestBinary:
    def test_honest_probabilities_are_left_alone(self):
        y, p = drawn(800, 1.0)
        found, text = calibrate(y, p, BINARY)
        assert found.kind == "none" and found.apply(p) is p
        assert "as they are" in text[0]

    @pytest.mark.parametrize(("rows", "kind"), [(400, "sigmoid"), (3000, "sigmoid")])
    def test_too_sure_ones_are_mended(self, rows, kind):
        y, p = drawn(rows, 4.0)
        found, _ = calibrate(y, p, BINARY)
        fresh_y, fresh = drawn(2000, 4.0, seed=1)
        assert found.kind == kind
        assert found.maps[0][0][0] == pytest.approx(0.25, abs=0.06)
        mended = per_row.log_loss(fresh_y, found.apply(fresh))
        assert mended < 0.7 * per_row.log_loss(fresh_y, fresh)

    def test_isotonic_is_that_of_scikit_learn(self):
        from sklearn.isotonic import IsotonicRegression

        y, p = drawn(1500, 3.0)
        found = fit_map("isotonic", y, p)
        edge = 1 / 1502
        expected = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(p, y)
        at = np.linspace(0, 1, 50)
        np.testing.assert_allclose(found.apply(at), expected.predict(at), atol=1e-6)

    def test_strange_shape_asks_for_isotonic(self):
        generator = np.random.default_rng(0)
        p = generator.random(4000)
        y = (generator.random(4000) < np.where(p < 0.5, 0.02, 0.98) * 0.6 + 0.2).astype(int)
        assert calibrate(y, p, BINARY)[0].kind == "isotonic"


class TestClasses:
    def test_shares_sum_to_one(self):
        generator = np.random.default_rng(0)
        p = generator.dirichlet([1, 1, 1], 900)
        y = np.array([generator.choice(3, p=row) for row in p])
        sharp = p**3 / (p**3).sum(axis=1, keepdims=True)
        found, _ = calibrate(y, sharp, CLASSES)
        mended = found.apply(sharp)
        assert found.kind == "sigmoid"
        np.testing.assert_allclose(mended.sum(axis=1), 1)
        assert per_row.log_loss(y, mended) < per_row.log_loss(y, sharp)

    def test_survives_json(self):
        y, p = drawn(400, 4.0)
        found = fit_map("isotonic", y, p)
        again = Calibration(**json.loads(json.dumps(found.to_json())))
        np.testing.assert_array_equal(again.apply(p), found.apply(p))

    def test_regression_has_none(self):
        assert calibrate(np.zeros(9), np.zeros(9), Goal("regression", 1)) == (Calibration(), [])


class TestThreshold:
    def test_rare_class_is_found_where_f1_is_best(self):
        generator = np.random.default_rng(0)
        y = (np.arange(1000) % 10 == 0).astype(int)
        p = np.clip(0.15 + 0.15 * y + 0.05 * generator.normal(size=1000), 0, 1)
        line, text = threshold(y, p, BINARY)
        assert 0.18 < line < 0.3
        assert f1(y, (p > line).astype(int)) > 0.8 > f1(y, (p > 0.5).astype(int))
        assert "instead of 0.5" in text[0]

    def test_rare_class_may_be_the_first(self):
        y = (np.arange(500) % 10 > 0).astype(int)
        p = np.where(y, 0.9, 0.7)
        assert 0.7 <= threshold(y, p, BINARY)[0] < 0.9

    def test_equal_classes_need_none(self):
        y, p = drawn(300, 1.0)
        assert threshold(y, p, BINARY) == (0.5, [])

    def test_f1_is_that_of_scikit_learn(self):
        from sklearn.metrics import f1_score

        y, p = drawn(300, 1.0)
        decided = (p > 0.4).astype(int)
        for which in (0, 1):
            assert f1(y, decided, which) == pytest.approx(f1_score(y, decided, pos_label=which))


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_layers_compute_what_the_map_does_here_and_in_keras(kind, outputs, tmp_path):
    generator = np.random.default_rng(outputs)
    y, p = drawn(600, 2.0)
    if outputs > 1:
        p = generator.dirichlet(np.ones(outputs), 600)
        y = np.minimum((p.cumsum(axis=1) < generator.random((600, 1))).sum(axis=1), 2)
    found = fit_map(kind, y, p)
    inputs = kohort.Input((outputs,))
    model = kohort.Model(inputs, calibrated(inputs, found))
    x = p.reshape(600, outputs).astype("float32")
    expected = found.apply(x[:, 0] if outputs == 1 else x).reshape(600, outputs)
    close = 2e-5 if kind == "sigmoid" else 1e-3  # float32 stands elsewhere on a steep step
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=close)
    assert not model.trainable_weights
    model.save(tmp_path / "m.keras")
    for load in (kohort.models.load_model, keras.models.load_model):
        again = load(tmp_path / "m.keras").predict(x, verbose=0)
        np.testing.assert_allclose(again, expected, atol=close)
