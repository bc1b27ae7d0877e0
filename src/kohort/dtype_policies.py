"""Keras's `dtype_policies`: float policies (quantised ones do not exist here)."""

from typing import Any

from kohort.core.dtype_map import DTypePolicyMap
from kohort.core.dtypes import DTypePolicy, FloatDTypePolicy, get_policy
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object

get = get_policy


def serialize(dtype_policy: Any) -> Any:
    """The policy's configuration."""
    return serialize_keras_object(dtype_policy)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """A policy from its configuration."""
    return deserialize_keras_object(config, custom_objects=custom_objects)


__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "deserialize",
    "get",
    "serialize",
]
