"""Let the preprocessing layers of a model learn from data, each from what reaches it."""

from __future__ import annotations

from typing import Any

from kohort.core import tree
from kohort.layers import Layer


def adapt_layers(model: Any, x: Any) -> None:
    """Call `adapt` of every layer that has it, with the data that comes to it.

    A layer that was given its statistics keeps them. The layers of a Sequential or functional
    model are adapted in the order in which data flows, so that a later one sees what the earlier
    ones make of it. Validation that is honest calls this with the training rows alone.

    Args:
        model: a built Sequential or functional model.
        x: input rows, as `fit` takes them.

    Raises:
        ValueError: where a subclassed model has layers to adapt: its flow is not known.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Normalization()])
    >>> adapt_layers(model, np.array([[1.0], [3.0]]))
    >>> model(np.array([[2.0]])).tolist()
    [[0.0]]
    """
    found = model._flatten_layers(include_self=False)
    inner = {id(part) for layer in found if hasattr(layer, "adapt") for part in layer._layers}
    for layer in found:
        if is_adaptable(layer) and id(layer) not in inner:  # those inside learn with the outer one
            layer.adapt(_reaching(model, layer, x))


def is_adaptable(layer: Any) -> bool:
    """Whether a layer learns its state from data by `adapt`, and was not given it."""
    if not isinstance(layer, Layer) or not hasattr(layer, "adapt"):
        return False
    return all(
        getattr(layer, given, None) is None
        for given in ("input_mean", "input_variance", "input_vocabulary", "input_boundaries")
    )


def _reaching(model: Any, layer: Any, x: Any) -> Any:
    """What of `x` reaches `layer`."""
    from kohort.models.functional import Functional
    from kohort.models.sequential import Sequential

    if isinstance(model, Sequential) and model.layers[0] is layer:
        return x
    inputs = tree.flatten(getattr(model, "inputs", None) or [])
    if not inputs:
        raise ValueError(
            f"The model has a layer to adapt, '{layer.name}', but it is subclassed: what reaches "
            f"the layer is not known. Received: a {type(model).__name__}\n"
            "  1. Build the model with the functional API.\n"
            "  2. Or give the layer its statistics, or adapt it by hand on the training rows."
        )
    wanted = layer.input
    flat = tree.flatten(x if not isinstance(x, dict) else [x[i.name] for i in inputs])
    for symbol, values in zip(inputs, flat, strict=False):
        if wanted is symbol:
            return values
    part = Functional(inputs if len(inputs) > 1 else inputs[0], wanted)
    return part.predict(flat if len(flat) > 1 else flat[0], verbose=0)
