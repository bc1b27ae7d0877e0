"""Every metric against Keras: streaming, compiled, vmapped, configurations."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import metrics
from tests.metrics.cases import CASES, IDS, both, draw, same, weights

all_cases = pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
# For each class the settings that are furthest from the defaults: the last ones.
one_case_each = pytest.mark.parametrize(
    ("name", "kind", "settings"), {case[0]: case for case in CASES}.values(), ids=lambda x: str(x)
)
# Keras's confusion matrices ask for int64.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")


@all_cases
def test_streaming_equals_keras(name, kind, settings):
    """Three batches, the last one weighted, then a reset: results, dtypes and shapes."""
    ours, theirs = both(name, settings)
    for seed in range(3):
        batch = draw(kind, seed)
        weight = None
        if seed == 2 and settings.get("axis") != 0:
            weight = weights(kind, seed, name)
        for metric in (ours, theirs):
            metric.update_state(*batch, sample_weight=weight)
    result, expected = ours.result(), theirs.result()
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    same(result, expected)
    assert [v.shape for v in ours.variables] == [v.shape for v in theirs.variables]
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    for variable, reference in zip(ours.variables, theirs.variables, strict=True):
        same(variable, reference)
    ours.reset_state()
    assert all(not np.asarray(v).any() for v in ours.variables)


@one_case_each
def test_compiled_equals_eager(name, kind, settings):
    """Stateless updates, compiled and vmapped over members, equal eager ones and write nothing."""
    metric = getattr(metrics, name)(**settings)
    batch = draw(kind, 0)
    metrics.create_variables(metric, *batch)
    before = [np.asarray(v) for v in metric.variables]
    start = metric.stateless_reset_state()

    def run(state, *batch):
        state = metric.stateless_update_state(state, *batch)
        return state, metric.stateless_result(state)

    members = [jnp.stack([x, x]) for x in start]
    state, results = jax.jit(jax.vmap(run, in_axes=(0, *[None] * len(batch))))(members, *batch)
    for variable, value in zip(metric.variables, before, strict=True):
        same(variable, value, 0, 0)
    metric.update_state(*batch)
    for variable, value in zip(metric.variables, state, strict=True):
        same(value[0], variable)
        same(value[0], value[1], 0, 0)
    same(results[1], metric.result())


@all_cases
def test_configuration_round_trip(name, kind, settings):
    """`from_config` and `deserialize` give an equal metric; Keras reads the same configuration."""
    ours, theirs = both(name, {**settings, "name": "custom"})
    again = type(ours).from_config(ours.get_config())
    serialized = metrics.serialize(ours)
    copy = metrics.deserialize(serialized)
    reference = getattr(keras.metrics, name).from_config(ours.get_config())
    assert reference.name == again.name == copy.name == "custom"
    config = theirs.get_config()
    for key in config.keys() - {"label_weights"}:
        assert ours.get_config()[key] == config[key], key
    assert serialized["module"] == "keras.metrics" and serialized["class_name"] == name
    batch = draw(kind, 0)
    same(copy(*batch), ours(*batch), 0, 0)


def test_every_class_is_tested():
    """The table above names all classes but the bases."""
    bases = {"Metric", "MeanMetricWrapper"}
    assert {name for name, _, _ in CASES} == {c.__name__ for c in metrics.CLASSES} - bases


@pytest.mark.parametrize("name", sorted(c.__name__ for c in metrics.CLASSES))
def test_signature_and_direction_equal_keras(name):
    """Names, order and defaults of the arguments are Keras's, and so is what is better."""
    ours, theirs = getattr(metrics, name), getattr(keras.metrics, name)
    assert [(p.name, p.default) for p in inspect.signature(ours).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(theirs).parameters.values()
    ]
    settings = next((s for n, _, s in CASES if n == name), None)
    if settings is not None:
        direction = getattr(theirs(**settings), "_direction", None)
        assert getattr(ours(**settings), "_direction", None) == direction
