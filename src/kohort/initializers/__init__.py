"""Initialisers: how a weight starts. `get` makes one from a name, a configuration or an array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from kohort.core import registry
from kohort.core.dtypes import standardize_dtype
from kohort.core.naming import to_snake_case
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.variable import Variable, convert_to_tensor, standardize_shape
from kohort.initializers.constant import STFT, Constant, Identity, Ones, Zeros
from kohort.initializers.initializer import Initializer
from kohort.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomInitializer,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
    compute_fans,
)

_CLASSES = (
    Initializer, Constant, Identity, Ones, STFT, Zeros, GlorotNormal, GlorotUniform, HeNormal,
    HeUniform, LecunNormal, LecunUniform, Orthogonal, RandomNormal, RandomUniform,
    TruncatedNormal, VarianceScaling,
)  # fmt: skip
ALL_OBJECTS: dict[str, Any] = {cls.__name__: cls for cls in _CLASSES}
ALL_OBJECTS |= {to_snake_case(cls.__name__): cls for cls in _CLASSES}
ALL_OBJECTS |= {
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "STFTInitializer": STFT,
    "normal": RandomNormal,
    "uniform": RandomUniform,
    "one": Ones,
    "zero": Zeros,
}
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
constant, identity, ones, stft, zeros = Constant, Identity, Ones, STFT, Zeros
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform = HeNormal, HeUniform
lecun_normal, lecun_uniform = LecunNormal, LecunUniform
random_normal, random_uniform = RandomNormal, RandomUniform
orthogonal, truncated_normal, variance_scaling = Orthogonal, TruncatedNormal, VarianceScaling

for _name, _cls in ALL_OBJECTS.items():
    registry.add_alias("keras.initializers", _name, _cls)


def serialize(initializer: Any) -> Any:
    """Return the configuration of an initialiser."""
    return serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make an initialiser from its configuration."""
    return deserialize_keras_object(
        config, module_objects=ALL_OBJECTS, custom_objects=custom_objects
    )


def get(identifier: Any) -> Any:
    """Return an initialiser for a name, class, configuration, function or array.

    An array is returned as it is, for the shape that it has.

    >>> get("he_normal")((2, 3)).shape
    (2, 3)
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        found = deserialize({"class_name": identifier, "config": {}})
    elif isinstance(identifier, (np.ndarray, np.generic, jax.Array, Variable)):
        found = _from_array(identifier)
    if not callable(found):
        raise ValueError(f"Could not interpret initializer identifier: {identifier}")
    return found() if isinstance(found, type) else found


def _from_array(array: Any) -> Any:
    def initialize(shape: Sequence[int], dtype: Any = None) -> jax.Array:
        if standardize_shape(shape) != tuple(array.shape):
            raise ValueError(
                f"Expected `shape` to be {array.shape} for direct tensor as initializer. "
                f"Received shape={shape}"
            )
        return convert_to_tensor(array, standardize_dtype(dtype))

    return initialize
