"""`clone_model`: equal networks with weights of their own."""

import numpy as np
import pytest

from kohort import layers, models
from kohort.models import clone_model

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def functional():
    inputs = layers.Input((3,), name="start")
    shared = layers.Dense(3, name="shared")
    return models.Model(inputs, layers.Dense(2)(shared(shared(inputs)) * 2.0), name="f")


def nested():
    inputs = layers.Input((3,))
    inner = models.Sequential([layers.Input((3,)), layers.Dense(4, name="deep")], name="inner")
    return models.Model(inputs, layers.Dense(2)(inner(inputs)))


def sequential():
    return models.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1)])


@pytest.mark.parametrize("build", [functional, nested, sequential])
def test_a_clone_is_equal_with_weights_of_its_own(build):
    model = build()
    clone = clone_model(model)
    assert not {id(v) for v in model.variables} & {id(v) for v in clone.variables}
    assert len(clone.layers) == len(model.layers)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(X), model(X))


def test_a_deferred_sequential_stays_deferred():
    clone = clone_model(models.Sequential([layers.Dense(2)]))
    assert not clone.built
    assert clone(X).shape == (4, 2)


def test_a_clone_is_compiled_as_the_model_was():
    model = functional()
    model.compile("sgd", "mse")
    clone = clone_model(model)
    assert clone.compiled and clone.optimizer is not model.optimizer
    assert clone.loss == "mse"


def test_layers_go_through_the_clone_function():
    def renamed(layer):
        return type(layer).from_config({**layer.get_config(), "name": layer.name + "_new"})

    clone = clone_model(sequential(), clone_function=renamed)
    assert all(layer.name.endswith("_new") for layer in clone.layers)


def test_calls_go_through_the_call_function():
    def with_dropout(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        return layers.Dropout(0.5)(outputs) if isinstance(layer, layers.Dense) else outputs

    model = functional()
    clone = clone_model(model, clone_function=lambda x: x, call_function=with_dropout)
    assert sum(isinstance(x, layers.Dropout) for x in clone.layers) == 3
    np.testing.assert_array_equal(clone(X), model(X))


def test_recursion_reaches_inner_models():
    seen = []

    def note(layer):
        seen.append(layer.name)
        return type(layer).from_config(layer.get_config())

    clone_model(nested(), clone_function=note)
    assert "deep" not in seen
    clone_model(nested(), clone_function=note, recursive=True)
    assert "deep" in seen


def test_given_inputs_are_used():
    start = layers.Input((3,), name="given")
    assert clone_model(functional(), input_tensors=start).inputs[0] is start
    assert clone_model(sequential(), input_tensors=[start]).inputs[0] is start
    with pytest.raises(ValueError, match="must have the same structure"):
        clone_model(functional(), input_tensors=[start, start])
    with pytest.raises(ValueError, match="must be a KerasTensor"):
        clone_model(sequential(), input_tensors=X)


def test_subclassed_models_clone_by_configuration():
    class Mine(models.Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units, self.dense = units, layers.Dense(units)

        def call(self, x):
            return self.dense(x)

    model = Mine(units=5)
    assert clone_model(model).units == 5
    with pytest.raises(ValueError, match="only supported for Sequential"):
        clone_model(model, clone_function=lambda x: x)
    with pytest.raises(ValueError, match="only supported for Functional"):
        clone_model(model, call_function=lambda layer, x: x)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="Unexpected keyword"):
        clone_model(sequential(), inputs=1)
    with pytest.raises(ValueError, match="not supported with Sequential"):
        clone_model(sequential(), call_function=lambda layer, x: x)
