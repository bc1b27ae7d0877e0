"""A layer here and in Keras, with equal weights and seeds, called with any arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kohort import layers
from kohort.core import tree


def pair(make: Callable[[Any], Any], *inputs: Any, **call: Any) -> tuple[Any, Any]:
    """Make the layer in both, built by a call, with equal weights that no initialiser makes."""
    ours, theirs = make(layers), make(keras.layers)
    ours(*inputs, **call), theirs(*inputs, **call)
    assert [v.name for v in ours.weights] == [v.name for v in theirs.weights]
    rng = np.random.default_rng(5)
    values = [rng.uniform(-0.8, 0.8, w.shape).astype(w.dtype) for w in theirs.get_weights()]
    ours.set_weights(values)
    theirs.set_weights(values)
    for a, b in zip(_seeds(ours), _seeds(theirs), strict=True):
        a.assign(np.asarray(b.value))
    return ours, theirs


def _seeds(layer: Any) -> list[Any]:
    return [v for v in layer.variables if v.dtype == "uint32"]


def same(make: Callable[[Any], Any], *inputs: Any, **call: Any) -> None:
    """Both give the same outputs and go on to the same seeds."""
    ours, theirs = pair(make, *inputs, **call)
    mine, reference = tree.flatten(ours(*inputs, **call)), tree.flatten(theirs(*inputs, **call))
    assert len(mine) == len(reference)
    for a, b in zip(mine, reference, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    for a, b in zip(_seeds(ours), _seeds(theirs), strict=True):
        np.testing.assert_array_equal(a.numpy(), np.asarray(b.value))
