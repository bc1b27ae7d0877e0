"""Distillation against Keras: losses, trainings, files both ways, refusals."""

import keras as reference
import numpy as np
import pytest

import kohort
from kohort.errors import KohortWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.integers(0, 3, 12)
TEACHER, STUDENT = RNG.normal(size=(2, 5, 3)).astype("float32")


def _models(keras):
    """A teacher and a student, with weights that are the same in both packages."""
    made = []
    for units in (5, 3):
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(units, activation="relu", name="hidden"),
                keras.layers.Dense(3, name="features"),
                keras.layers.Activation("softmax"),
            ]
        )
        rng = np.random.default_rng(units)
        model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
        made.append(model)
    return made


def _distiller(keras):
    parts = [
        keras.distillation.LogitsDistillation(2.0, keras.losses.KLDivergence()),
        keras.distillation.FeatureDistillation("mae", "features", "features"),
    ]
    distiller = keras.distillation.Distiller(*_models(keras), parts, [1.0, 0.5], 0.3)
    distiller.compile(
        keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return distiller


@pytest.mark.parametrize("make", [
    lambda k: k.distillation.LogitsDistillation(2.0, k.losses.KLDivergence()),
    lambda k: k.distillation.LogitsDistillation(4.0, "mse"),
    lambda k: k.distillation.FeatureDistillation(),
    lambda k: k.distillation.FeatureDistillation("cosine_similarity"),
])  # fmt: skip
def test_losses_are_keras_s(make):
    ours, theirs = make(kohort), make(reference)
    expected = float(theirs.compute_loss(TEACHER, STUDENT))
    assert float(ours.compute_loss(TEACHER, STUDENT)) == pytest.approx(expected, rel=1e-5)
    again = type(ours).from_config(ours.get_config())
    assert float(again.compute_loss(TEACHER, STUDENT)) == pytest.approx(expected, rel=1e-5)
    read = kohort.saving.deserialize_keras_object(reference.saving.serialize_keras_object(theirs))
    assert type(read) is type(ours) and read.get_config() == ours.get_config()


def test_the_default_divergence_is_one_of_probabilities():
    by_name, by_object = (
        kohort.distillation.LogitsDistillation(2.0, loss)
        for loss in ("kl_divergence", kohort.losses.KLDivergence())
    )
    found = [float(loss.compute_loss(TEACHER, STUDENT)) for loss in (by_name, by_object)]
    assert found[0] == pytest.approx(found[1], rel=1e-5) and found[0] > 0


def test_outputs_in_a_structure():
    loss = kohort.distillation.LogitsDistillation(1.0, {"a": "mse", "b": None})
    outputs = {"a": TEACHER, "b": TEACHER}, {"a": STUDENT, "b": STUDENT}
    loss.validate_outputs(*outputs)
    expected = ((TEACHER - STUDENT) ** 2).mean()
    assert float(loss.compute_loss(*outputs)) == pytest.approx(expected, rel=1e-5)
    again = kohort.distillation.LogitsDistillation.from_config(loss.get_config())
    assert again.loss == loss.loss


def test_a_training_is_keras_s_and_the_teacher_stays():
    ours, theirs = _distiller(kohort), _distiller(reference)
    before = ours.teacher.get_weights()
    histories = [d.fit(X, Y, epochs=2, batch_size=6, shuffle=False, verbose=0).history
                 for d in (ours, theirs)]  # fmt: skip
    assert sorted(histories[0]) == sorted(histories[1])
    for name, values in histories[1].items():
        np.testing.assert_allclose(histories[0][name], values, rtol=1e-4, err_msg=name)
    for a, b in zip(ours.student.get_weights(), theirs.student.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(ours.teacher.get_weights()[0], before[0])
    assert not ours.teacher.trainable


def test_files_go_both_ways(tmp_path):
    ours, theirs = _distiller(kohort), _distiller(reference)
    ours.student.set_weights([w + 1 for w in ours.student.get_weights()])
    expected = ours.predict(X, verbose=0)
    ours.save(tmp_path / "ours.keras")
    again = kohort.models.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), expected, rtol=1e-5)
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(ours.evaluate(X, Y, verbose=0))
    there = reference.models.load_model(tmp_path / "ours.keras", compile=False)
    np.testing.assert_allclose(there.predict(X, verbose=0), expected, rtol=1e-5)
    expected = theirs.predict(X, verbose=0)  # it builds the model
    theirs.save(tmp_path / "theirs.keras")
    with pytest.warns(KohortWarning, match="without the student's loss"):
        here = kohort.models.load_model(tmp_path / "theirs.keras")
    np.testing.assert_allclose(here.predict(X, verbose=0), expected, rtol=1e-5)
    assert here.student_loss_weight == 0.3 and here.distillation_loss_weights == [1.0, 0.5]


def _wrong(**options):
    teacher, student = _models(kohort)
    parts = kohort.distillation.LogitsDistillation()
    given = {"teacher": teacher, "student": student, "distillation_losses": parts, **options}
    return kohort.distillation.Distiller(**given)


class _Subclassed(kohort.Model):
    def call(self, x):
        return x


@pytest.mark.parametrize("make, message", [
    (lambda: _wrong(teacher="model"), "Teacher must be a Model"),
    (lambda: _wrong(student_loss_weight=2), "between 0.0 and 1.0"),
    (lambda: _wrong(distillation_losses=None), "cannot be `None`"),
    (lambda: _wrong(distillation_losses=[kohort.distillation.FeatureDistillation()],
                    distillation_loss_weights=[1, 2]), "must match"),
    (lambda: _wrong(distillation_losses=kohort.distillation.FeatureDistillation(
        teacher_layer_name="nowhere")), "In teacher model.*nowhere"),
    (lambda: _wrong(student=_Subclassed(), distillation_losses=kohort.distillation
                    .FeatureDistillation(student_layer_name="x")), "subclassed student"),
    (lambda: _wrong(student=kohort.Sequential([kohort.Input((7,)), kohort.layers.Dense(3)])),
     "input shapes are incompatible"),
    (lambda: _wrong().compile(), "'loss' cannot be `None`"),
    (lambda: kohort.distillation.LogitsDistillation(0), "above 0"),
    (lambda: kohort.distillation.FeatureDistillation([None]), "non-`None`"),
])  # fmt: skip
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()
