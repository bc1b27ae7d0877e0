"""What every layer must do, checked over all classes."""

import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import layers
from kohort.core import tree
from kohort.core.symbolic import KerasTensor
from tests.layers import cases
from tests.layers.cases import CASES, COMPOSED

ABSTRACT = {"Layer", "InputLayer", "Wrapper"}
# Called with states or several tensors: tests/layers/rnn and tests/layers/attention.
OTHER_CALLS = {"GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells", "MultiHeadAttention",
               "GroupedQueryAttention",
               # Around functions and files: test_jax_layer.py, tests/export.
               "JaxLayer", "FlaxLayer", "TFSMLayer"}  # fmt: skip
_WITH_WEIGHTS = (
    "Conv1D",
    "Conv2D",
    "Normalization",
    "Dense",
    "Embedding",
    "LSTM",
    "PReLU",
    "TimeDistributed",
)
WEIGHTED = [
    c
    for c in CASES
    if c.name.endswith(_WITH_WEIGHTS) and c.name[:4] != "Unit" and "invert" not in c.kwargs
]
each = pytest.mark.parametrize("case", CASES, ids=repr)


def _plain(config):
    """A configuration as it stands in a file."""
    return json.loads(json.dumps(config, sort_keys=True))


def _shapes(case):
    return list(case.shapes) if len(case.shapes) > 1 else case.shapes[0]


def _numpy(structure):
    return [np.asarray(x, "float32") for x in tree.flatten(structure)]


def test_every_layer_class_has_a_case():
    exported = {name: getattr(layers, name) for name in layers.__all__}
    classes = {
        thing.__name__
        for thing in exported.values()
        if isinstance(thing, type) and issubclass(thing, layers.Layer)
    }
    own_tests = OTHER_CALLS | set(layers.preprocessing.__all__)  # tests/layers/preprocessing
    assert classes - ABSTRACT - own_tests == {case.name for case in CASES}


def test_all_names_exist_in_keras():
    missing = {name for name in layers.__all__ if not hasattr(keras.layers, name)}
    assert not missing


@each
def test_config_round_trip(case):
    layer = case.layer()
    again = layers.deserialize(_plain(layers.serialize(layer)))
    assert type(again) is type(layer)
    assert _plain(again.get_config()) == _plain(layer.get_config())


@each
def test_config_is_keras_config(case):
    ours, theirs = (case.layer(m, name="x").get_config() for m in (layers, keras.layers))
    for config in (ours, theirs):
        config.pop("quantization_config", None)  # always None: there is no quantisation here
        config.pop("function", None)  # the test's own function has no public name
        if "layer" in config:
            config["layer"]["config"].pop("quantization_config", None)
        if case.name == "SimpleRNN":  # Keras forgets the seed
            config.pop("seed", None)
    assert _plain(ours) == _plain(theirs)


@each
def test_keras_config_loads(case):
    theirs = case.layer(keras.layers, name="x")
    loaded = layers.deserialize(_plain(keras.layers.serialize(theirs)), {"_square": cases._square})
    ours = case.layer(name="x")
    if case.name not in ("TimeDistributed", "SimpleRNN"):
        assert _plain(loaded.get_config()) == _plain(ours.get_config())


@each
def test_symbolic_shape_is_real_shape(case):
    real = case.layer()(case.inputs())
    dtype = "int32" if case.whole_numbers else "float32"
    known = [KerasTensor(shape, dtype=dtype) for shape in case.shapes]
    anysize = [KerasTensor((None, *shape[1:]), dtype=dtype) for shape in case.shapes]
    for tensors in (known, anysize):
        spec = case.layer()(tensors if len(tensors) > 1 else tensors[0])
        assert tuple(spec.shape[1:]) == real.shape[1:]
        assert spec.dtype == str(real.dtype)
    assert tuple(case.layer().compute_output_shape(_shapes(case))) == real.shape


@pytest.mark.parametrize(
    ("case", "training"),
    [(c, t) for c in CASES for t in (False, True) if t or c.name not in COMPOSED],
    ids=repr,
)
def test_compiled_is_eager(case, training):
    layer, x = case.layer(), case.inputs()
    layer(x)
    given = (
        [v.value for v in layer.trainable_variables],
        [v.value for v in layer.non_trainable_variables],
    )
    asks = "training" in layers.layer.calls.signature_of(layer.call).parameters
    kwargs = {"training": training} if asks else {}

    def run(trainable, fixed, x):
        return layer.stateless_call(trainable, fixed, x, **kwargs)

    compiled = jax.jit(run)(*given, x)
    for a, b in zip(_numpy(run(*given, x)), _numpy(compiled), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    eager = layer(x, **kwargs)
    np.testing.assert_allclose(_numpy(eager)[0], _numpy(compiled)[0], rtol=1e-5, atol=1e-6)
    for v, new in zip(layer.non_trainable_variables, compiled[1], strict=True):
        np.testing.assert_allclose(v.numpy(), new, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", [c for c in CASES if c.name not in COMPOSED], ids=repr)
@pytest.mark.parametrize("policy", ["float16", "mixed_bfloat16"])
def test_half_precision(case, policy):
    layer = case.layer(dtype=policy)
    y = layer(case.inputs())
    assert str(y.dtype) == policy.removeprefix("mixed_")
    expected = case.layer()
    expected(case.inputs())
    expected.set_weights(layer.get_weights())
    close = np.testing.assert_allclose
    close(_numpy(y)[0], _numpy(expected(case.inputs()))[0], rtol=0.05, atol=0.05)


@pytest.mark.parametrize("case", WEIGHTED, ids=repr)
def test_weights_set_and_get(case):
    layer, rng = case.layer(), np.random.default_rng(1)
    layer(case.inputs())
    new = [rng.uniform(0.5, 1.5, w.shape).astype(w.dtype) for w in layer.get_weights()]
    layer.set_weights(new)
    for a, b in zip(layer.get_weights(), new, strict=True):
        np.testing.assert_array_equal(a, b)
    other = layers.deserialize(_plain(layers.serialize(layer)))
    other(case.inputs())
    other.set_weights(new)
    a, b = layer(case.inputs()), other(case.inputs())
    np.testing.assert_array_equal(_numpy(a)[0], _numpy(b)[0])


@pytest.mark.parametrize("case", WEIGHTED, ids=repr)
def test_vmap_over_weights(case):
    """A cohort stacks the weights of its members: each computes as if alone."""
    layer, x = case.layer(), jnp.asarray(case.inputs()) if len(case.shapes) == 1 else case.inputs()
    dtype = "int32" if case.whole_numbers else "float32"
    known = [KerasTensor(shape, dtype=dtype) for shape in case.shapes]
    layer(known if len(known) > 1 else known[0])  # builds, and compiles nothing
    state = [v.value for v in layer.variables]
    count = len(layer.trainable_variables)
    stacked = [jnp.stack([v, v * 2 + 1]) for v in state]

    def run(values):
        return layer.stateless_call(values[:count], values[count:], x)[0]

    both, one = jax.jit(jax.vmap(run))(stacked), jax.jit(run)
    for i in range(2):
        alone = one([v[i] for v in stacked])
        np.testing.assert_allclose(both[i], alone, rtol=1e-5, atol=1e-6)
