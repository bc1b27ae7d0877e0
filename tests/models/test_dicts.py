"""Models whose inputs and outputs are dicts: orders and pairs as in Keras (by sorted keys)."""

from collections import OrderedDict

import keras
import numpy as np
import pytest

import kohort


def _model(k, kind=dict):
    k.utils.set_random_seed(0)
    inputs = kind([("za", k.Input((2,), name="za")), ("ab", k.Input((3,), name="ab"))])
    hidden = {name: k.layers.Dense(2, name=f"h_{name}")(x) for name, x in inputs.items()}
    outputs = [
        (name, k.layers.Dense(1, name=name)(h))
        for name, h in zip("zo", hidden.values(), strict=True)
    ]
    return k.Model(inputs, kind(outputs))


def _data():
    rng = np.random.default_rng(0)
    x = {"za": rng.normal(size=(8, 2)), "ab": rng.normal(size=(8, 3))}
    return x, {"z": rng.normal(size=(8, 1)), "o": rng.normal(size=(8, 1))}


def test_orders_and_numbers_are_those_of_keras():
    x, y = _data()
    found = []
    for k in (kohort, keras):
        model = _model(k)
        orders = [[t.name for t in model.inputs], model.output_names]
        orders += [[v.path for v in model.weights], [layer.name for layer in model.layers]]
        model.compile("sgd", {"z": "mse", "o": "mae"}, metrics={"z": ["mae"], "o": ["mse"]})
        history = model.fit(x, y, epochs=1, shuffle=False, verbose=0).history
        found.append((orders, history))
    (ours, mine), (theirs, reference) = found
    assert ours == theirs
    assert list(mine) == list(reference)
    for name, values in mine.items():
        assert values == pytest.approx(reference[name], rel=1e-5)


def test_an_ordered_dict_keeps_its_order():
    x, _ = _data()
    model = _model(kohort, OrderedDict)
    assert [t.name for t in model.inputs] == ["za", "ab"]
    plain = _model(kohort)
    plain.set_weights([model.get_layer(v.path.split("/")[0]).get_weights()[i % 2]
                       for i, v in enumerate(plain.weights)])  # fmt: skip
    ours, expected = model.predict(x, verbose=0), plain.predict(x, verbose=0)
    for name in expected:
        np.testing.assert_allclose(ours[name], expected[name], rtol=1e-6)
