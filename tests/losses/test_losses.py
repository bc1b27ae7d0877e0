"""Every loss against Keras: values, gradients, reductions, configurations, signatures."""

import inspect

import jax
import keras
import numpy as np
import pytest

from kohort import losses
from tests.losses.cases import CASES, IDS, both, draw, keras_losses, same


@pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
def test_value_and_gradient_equal_keras(name, kind, settings):
    """The reduced loss, compiled and eager, and its gradient."""
    y_true, y_pred = draw(kind)
    ours, theirs = both(name, settings)
    value, gradient = jax.jit(jax.value_and_grad(lambda p: ours(y_true, p)))(y_pred)
    expected, expected_gradient = jax.jit(jax.value_and_grad(lambda p: theirs(y_true, p)))(y_pred)
    same(value, expected)
    same(gradient, expected_gradient, 1e-4, 1e-6)
    same(value, ours(y_true, y_pred), 1e-5, 1e-7)


@pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
def test_function_equals_keras(name, kind, settings):
    """The function behind the class, unreduced, with the same dtype and shape."""
    y_true, y_pred = draw(kind, 2)
    function = getattr(losses, name)(**settings).fn
    ours = function(y_true, y_pred, **settings)
    theirs = getattr(keras_losses, function.__name__)(y_true, y_pred, **settings)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    same(ours, theirs)


REDUCTIONS = ("none", None, "sum", "mean", "sum_over_batch_size", "mean_with_sample_weight")
# Every loss with one reduction, one loss with each.
REDUCED = [(*case, REDUCTIONS[i % 6]) for i, case in enumerate(CASES)]
REDUCED += [("Hinge", "signs", {}, reduction) for reduction in REDUCTIONS]


@pytest.mark.parametrize(("name", "kind", "settings", "reduction"), REDUCED)
def test_reductions_with_weights_equal_keras(name, kind, settings, reduction):
    """The reductions, with weights per sample and without."""
    y_true, y_pred = draw(kind, 3)
    ours, theirs = both(name, {**settings, "reduction": reduction})
    same(ours(y_true, y_pred), theirs(y_true, y_pred))
    weights = np.random.default_rng(0).random(len(y_pred)).astype("float32")
    if "axis" in settings or name in ("Dice", "Tversky"):
        weights = np.float32(0.5)  # the losses are not one per sample
    same(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights))


@pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
def test_half_precision_equals_keras(name, kind, settings):
    """In half precision the results have that dtype and Keras's values."""
    y_true, y_pred = draw(kind, 4)
    ours, theirs = both(name, {**settings, "dtype": "float16"})
    value, expected = ours(y_true, y_pred), theirs(y_true, y_pred)
    assert value.dtype == expected.dtype
    if np.isfinite(float(expected)):
        same(value.astype("float32"), expected.astype("float32"), 0.05, 0.02)


@pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
def test_configuration_round_trip(name, kind, settings):
    """`from_config` and `deserialize` give an equal loss; Keras reads the same configuration."""
    ours, theirs = both(name, {**settings, "name": "custom", "reduction": "sum"})
    assert ours.get_config() == {**theirs.get_config(), **ours.get_config()}
    y_true, y_pred = draw(kind, 5)
    again = type(ours).from_config(ours.get_config())
    assert again.get_config() == ours.get_config()
    same(again(y_true, y_pred), ours(y_true, y_pred), 0, 0)
    serialized = losses.serialize(ours)
    assert serialized == {**keras.losses.serialize(theirs), "config": serialized["config"]} or (
        name == "CategoricalGeneralizedCrossEntropy"
    )
    same(losses.deserialize(serialized)(y_true, y_pred), ours(y_true, y_pred), 0, 0)
    reread = getattr(keras_losses, name).from_config(theirs.get_config() | ours.get_config())
    same(reread(y_true, y_pred), ours(y_true, y_pred))


def test_every_class_and_function_is_tested():
    """The table above names all classes, and each function belongs to one."""
    tested = {name for name, _, _ in CASES}
    assert tested == {c.__name__ for c in losses.CLASSES} - {"Loss", "LossFunctionWrapper"}
    assert {getattr(losses, name)().fn for name in tested} == set(losses.FUNCTIONS)


@pytest.mark.parametrize("name", sorted({name for name, _, _ in CASES}))
def test_signature_equals_keras(name):
    """Names, order and defaults of the arguments are Keras's."""
    ours = inspect.signature(getattr(losses, name)).parameters.values()
    theirs = inspect.signature(getattr(keras_losses, name)).parameters.values()
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.parametrize("name", sorted(f.__name__ for f in losses.FUNCTIONS))
def test_function_signature_equals_keras(name):
    """Likewise for functions."""
    ours = inspect.signature(getattr(losses, name)).parameters.values()
    theirs = inspect.signature(getattr(keras_losses, name)).parameters.values()
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.parametrize("name", ["mse", "MAE", "mape", "MSLE", "kld", "BCE", "huber", "Huber",
                                  "binary_crossentropy", "cosine_similarity"])  # fmt: skip
def test_get_equals_keras(name):
    """Strings give the function or class of the same name as in Keras."""
    ours, theirs = losses.get(name), keras.losses.get(name)
    assert getattr(ours, "__name__", ours) == getattr(theirs, "__name__", ours)
    assert isinstance(ours, losses.Loss) == isinstance(theirs, keras.losses.Loss)


def test_get_refuses_unknown_names():
    """An unknown name is an error that lists what there is."""
    with pytest.raises(ValueError, match="Could not interpret loss identifier: typo.*huber"):
        losses.get("typo")
    assert losses.get(None) is None
