"""What saving must know of models: which attributes hold state. And models out of JSON."""

from __future__ import annotations

from typing import Any

from kohort.core.serialization import deserialize_keras_object
from kohort.models.functional import Functional
from kohort.models.model import Model
from kohort.models.sequential import Sequential
from kohort.saving import walk
from kohort.saving.archive import model_from_text

_STATE = ("layers", "loss", "optimizer")
_COMPILED = ("_compile_config", "_callback_list")
_GRAPH = ("_graph", "_functional_layers", "_manual_input_spec", "input_names", "output_names")

walk.add_family(Model, lambda: [*dir(Model(name="reference")), *_COMPILED], keep=_STATE)
walk.add_family(
    Functional,
    lambda: [*dir(Model(name="reference")), *dir(Functional), *_GRAPH, *_COMPILED],
    keep=_STATE,
    first=("layers",),
)
walk.add_family(
    Sequential,
    lambda: [*dir(Sequential(name="reference")), *_COMPILED],
    keep=_STATE,
    first=("layers",),
)


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """Make a model from what `model.to_json()` returned.

    >>> from kohort import layers
    >>> model = Sequential([layers.Input((3,)), layers.Dense(2)])
    >>> model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    return model_from_text(json_string, custom_objects)


def model_from_config(config: dict[str, Any], custom_objects: Any = None) -> Any:
    """Make a model from the configuration of its class and fields."""
    return deserialize_keras_object(config, custom_objects)
