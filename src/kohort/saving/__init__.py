"""Saving and loading: `.keras`, `.weights.h5` and legacy `.h5` files, as Keras reads and writes."""

from kohort.core.registry import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.saving.api import load_model, save_model
from kohort.saving.file_editor import KerasFileEditor
from kohort.saving.weights import load_weights, save_weights

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
