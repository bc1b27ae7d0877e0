"""Optimisers and learning-rate schedules. `get` makes one from a name or a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kohort.core import registry
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.optimizers import experimental, legacy, schedules
from kohort.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from kohort.optimizers.loss_scale import LossScaleOptimizer
from kohort.optimizers.matrices import Adafactor, Muon
from kohort.optimizers.moments import Adam, Adamax, AdamW, Lamb, Nadam, ScheduleFreeAdamW
from kohort.optimizers.momentum import SGD, Lion
from kohort.optimizers.multi import MultiOptimizer, OptimizerMap
from kohort.optimizers.optax import (
    OPTAX_UNSAVED,
    OptaxOptimizer,
    is_optax_config,
    is_transformation,
)
from kohort.optimizers.optimizer import Optimizer

_CLASSES = (
    Optimizer, SGD, RMSprop, Adam, AdamW, Adadelta, Adagrad, Adamax, Adafactor, Nadam, Ftrl, Lion,
    Lamb, Muon, ScheduleFreeAdamW, LossScaleOptimizer, MultiOptimizer, OptimizerMap,
    OptaxOptimizer,
)  # fmt: skip
ALL_OBJECTS: dict[str, Any] = {cls.__name__.lower(): cls for cls in _CLASSES}
for _name, _cls in ALL_OBJECTS.items():
    registry.add_alias("keras.optimizers", _name, _cls)

# The lower-case names of Keras 2.
sgd, rmsprop, adam, adadelta = SGD, RMSprop, Adam, Adadelta
adagrad, adamax, nadam, ftrl = Adagrad, Adamax, Nadam, Ftrl


def serialize(optimizer: Any) -> Any:
    """Return the configuration of an optimiser."""
    return serialize_keras_object(optimizer)


def deserialize(config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make an optimiser from its configuration; built-in names in any case."""
    if config["class_name"].lower() in ALL_OBJECTS:
        config = {**config, "class_name": config["class_name"].lower()}
    return deserialize_keras_object(
        config, module_objects=ALL_OBJECTS, custom_objects=custom_objects
    )


def get(identifier: Any) -> Any:
    """Return an optimiser for a name, configuration, optimiser or Optax transformation.

    >>> get("adam").get_config()["beta_1"]
    0.9
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        found = deserialize({"class_name": identifier, "config": {}})
    elif isinstance(identifier, type) and issubclass(identifier, Optimizer):
        found = identifier()
    elif is_transformation(identifier):
        found = OptaxOptimizer(identifier)
    if isinstance(found, Optimizer):
        return found
    raise ValueError(f"Could not interpret optimizer identifier: {identifier}")
