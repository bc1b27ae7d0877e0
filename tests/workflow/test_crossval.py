"""Cross-validation as one cohort."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import kohort as keras
from kohort.errors import KohortWarning
from kohort.train import programs
from kohort.workflow.crossval import cross_validate
from kohort.workflow.failure import WorkflowError


def classes(rows=60, seed=0):
    """A separable binary problem on badly scaled columns."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(rows, 3)) * [1, 50, 0.01] + [5, -100, 0]).astype("float32")
    y = (x[:, 0] + x[:, 1] / 50 + rng.normal(size=rows) > 3).astype("int32")
    return x, y


def logistic():
    """A scaler and one unit: logistic regression."""
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Normalization(), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile(keras.optimizers.SGD(2.0), "binary_crossentropy", metrics=["accuracy"])
    return model


def test_d_scalers_learn_inside_the_fold_as_in_a_pipeline():
    x, y = classes()
    splitter = StratifiedKFold(3, shuffle=True, random_state=1)
    found = cross_validate(logistic, x, y, splitter, epochs=900, batch_size=60)
    expected = np.zeros(len(x))
    for number, (train, validation) in enumerate(splitter.split(x, y)):
        pipeline = make_pipeline(StandardScaler(), LogisticRegression(C=np.inf, tol=1e-8))
        pipeline.fit(x[train], y[train])
        expected[validation] = pipeline.predict_proba(x[validation])[:, 1]
        scaler = found.model(number).layers[0]
        np.testing.assert_allclose(
            np.ravel(scaler.mean), pipeline[0].mean_.astype("float32"), rtol=1e-4, atol=1e-4
        )
    np.testing.assert_allclose(found.predictions[:, 0], expected, atol=0.02)


def test_scores_are_those_of_the_extracted_models():
    x, y = classes()
    found = cross_validate(logistic, x, y, folds=3, repeats=2, epochs=4, batch_size=16)
    assert len(found.histories) == 6
    assert found.scores["accuracy"].shape == (6,)
    for i in (0, 5):
        rows = found.folds[i].validation
        loss, accuracy = found.model(i).evaluate(x[rows], y[rows], verbose=0)
        assert found.scores["loss"][i] == pytest.approx(loss, rel=1e-5)
        assert found.scores["accuracy"][i] == pytest.approx(accuracy)
    assert np.isfinite(found.predictions).all()
    assert "accuracy" in str(found)
    first, second = found.folds[:3], found.folds[3:]
    assert not all(
        np.array_equal(a.validation, b.validation) for a, b in zip(first, second, strict=True)
    )


def test_a_member_is_replayed_alone():
    x, y = classes()
    found = cross_validate(logistic, x, y, folds=2, epochs=5, batch_size=16)
    for member in found.cohort.members:
        model = found.cohort.replay(member)
        for name, values in model.history.history.items():
            np.testing.assert_allclose(member.history.history[name], values, rtol=1e-5)
        assert member.record["seed"] == 0
        assert member.record["status"] == "finished"


def test_classes_keep_their_share_and_groups_stay_whole():
    x, y = classes()
    found = cross_validate(logistic, x, y, folds=3)
    shares = [y[fold.validation].mean() for fold in found.folds]
    assert max(shares) - min(shares) < 0.06
    groups = np.arange(60) // 4
    found = cross_validate(logistic, x, y, GroupKFold(3), groups=groups, stratify=None)
    for fold in found.folds:
        assert not set(groups[fold.train]) & set(groups[fold.validation])


def test_time_only_looks_back_and_unjudged_rows_are_nan():
    x, y = classes()
    found = cross_validate(logistic, x, y, folds=3, time=True)
    for fold in found.folds:
        assert fold.train.max() < fold.validation.min()
    assert np.isnan(found.predictions[: found.folds[0].validation[0]]).all()


def test_a_compiled_model_is_cloned_not_changed():
    x, y = classes()
    model = logistic()
    before = [w.copy() for w in model.get_weights()]
    first = cross_validate(model, x, y, folds=2, epochs=2)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    traces = programs.traces
    again = cross_validate(model, x, y, folds=2, epochs=2)
    assert programs.traces == traces
    np.testing.assert_allclose(first.scores["loss"], again.scores["loss"], rtol=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"folds": 99}, "folds"),
        ({"folds": 5, "y": np.r_[np.zeros(57), np.ones(3)].astype(int)}, "class"),
    ],
)
def test_bad_splits_are_told(arguments, message):
    x, y = classes()
    y = arguments.pop("y", y)
    with pytest.raises(WorkflowError, match=message):
        cross_validate(logistic, x, y, stratify=y, **arguments)


def test_batches_and_no_model_are_refused():
    x, y = classes()
    with pytest.raises(WorkflowError, match="rows from arrays"):
        cross_validate(logistic, iter([(x, y)]), None)
    with pytest.raises(WorkflowError, match="return a compiled model"):
        cross_validate(lambda: None, x, y)
    with pytest.raises(ValueError, match="compile"):
        cross_validate(lambda: keras.Sequential([keras.layers.Dense(1)]), x, y)


def softmax(hp=None):
    """Two classes with an output each."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, "softmax")])
    rate = hp.Float("rate", 0.01, 0.1) if hp is not None else 0.01
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: np.array(["no", "yes"])[y], "y must be numbers.*'(no|yes)'"),
        (lambda y: y + 1, "outputs knows the classes 0 to 1. Received: labels from 1 to 2"),
        (lambda y: y - 1, "labels from -1 to 0"),
    ],
)
def test_labels_that_no_loss_understands_are_refused(change, message):
    x, y = classes()
    with pytest.raises(WorkflowError, match=message):
        cross_validate(softmax, x, change(y), folds=2)


def test_a_build_function_that_needs_more_is_told():
    with pytest.raises(WorkflowError, match="needs hp, too"):
        cross_validate(lambda hp: softmax(hp), *classes(), folds=2)


def test_gaps_in_labels_are_named():
    x, y = classes()
    with pytest.warns(KohortWarning, match="2 of 2 members .* y holds NaN in 30 of 60 rows"):
        cross_validate(logistic, x, np.where(np.arange(60) % 2, y, np.nan), folds=2)


def test_a_vocabulary_without_a_fixed_width_is_told():
    texts = np.array([f"word{i} common" for i in range(12)], dtype=object)

    def build(adapted):
        vectorize = keras.layers.TextVectorization(output_mode="multi_hot")
        if adapted:
            vectorize.adapt(texts)
        text = keras.Input((), dtype="string")
        model = keras.Model(text, keras.layers.Dense(1)(vectorize(text)))
        model.compile("sgd", "mse")
        return model

    with pytest.raises(ValueError, match=r"shape \(None, 1\) for 'kernel'(.|\n)*pad_to_max_tokens"):
        cross_validate(lambda: build(False), texts, np.arange(12.0), folds=2)
    with pytest.raises(RuntimeError, match="pad_to_max_tokens"):
        cross_validate(lambda: build(True), texts, np.arange(12.0), folds=2)
