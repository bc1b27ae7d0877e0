"""What the preprocessing layers must do, checked over all of them: configurations, shapes."""

import json

import keras
import numpy as np
import pytest

from kohort import layers
from kohort.core.symbolic import KerasTensor
from tests.layers.preprocessing.cases import ALL, DRAWN, HOST, IMAGES, MIXED, TABLES

IN_KERAS = [c for c in ALL if c not in HOST]
each = pytest.mark.parametrize("case", ALL, ids=repr)


def _plain(config):
    return json.loads(json.dumps(config, sort_keys=True))


def test_every_layer_has_a_case():
    assert {c.name for c in ALL} == set(layers.preprocessing.__all__)


@each
def test_config_round_trip(case):
    layer = case.layer()
    again = layers.deserialize(_plain(layers.serialize(layer)))
    assert type(again) is type(layer)
    assert _plain(again.get_config()) == _plain(layer.get_config())


@pytest.mark.parametrize("case", IN_KERAS, ids=repr)
def test_config_is_keras_config(case):
    theirs = case.layer(keras.layers, name="x")
    ours = _plain(case.layer(name="x").get_config())
    assert ours == _plain(theirs.get_config())
    loaded = layers.deserialize(_plain(keras.layers.serialize(theirs)))
    assert _plain(loaded.get_config()) == ours


@pytest.mark.parametrize("case", [*IMAGES, *DRAWN, *MIXED, *TABLES], ids=repr)
def test_symbolic_shape(case):
    theirs = case.layer(keras.layers).compute_output_shape(case.shapes[0])
    assert case.layer().compute_output_shape(case.shapes[0]) == tuple(theirs)
    spec = case.layer()(KerasTensor((None, *case.shapes[0][1:])))
    assert spec.shape[1:] == tuple(theirs)[1:]
    assert spec.dtype == ("int32" if case.kwargs.get("bin_boundaries", [0])[1:] else "float32")


@pytest.mark.parametrize("case", [*IMAGES, *DRAWN, *MIXED], ids=repr)
def test_outside_training_images_stay(case):
    layer, x = case.layer(), np.ones(case.shapes[0], "float32")
    if layer._always:
        pytest.skip("this layer is not for training only")
    np.testing.assert_array_equal(layer(x, training=False), x)
