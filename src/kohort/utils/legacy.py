"""The second of Keras's public names for Keras 2's way to write objects."""

from kohort.saving.legacy_objects import deserialize_keras_object, serialize_keras_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]
