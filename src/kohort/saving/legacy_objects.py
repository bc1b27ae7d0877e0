"""Keras 2's way to write an object: `{"class_name": …, "config": …}`, a function as its name."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from kohort.core import registry

_INSIDE = "__passive_serialization__"  # marks an object that stands among the arguments


def serialize_keras_object(instance: Any) -> Any:
    """An object as `{"class_name": …, "config": …}`, a function or class as its name.

    >>> from kohort import initializers
    >>> serialize_keras_object(initializers.Constant(2.0))
    {'class_name': 'Constant', 'config': {'value': 2.0}}
    """
    if instance is None:
        return None
    instance = inspect.unwrap(instance)
    if hasattr(instance, "get_config") and not isinstance(instance, type):
        config = {key: _argument(value) for key, value in instance.get_config().items()}
        return {"class_name": registry.get_registered_name(type(instance)), "config": config}
    if hasattr(instance, "__name__"):
        return registry.get_registered_name(instance)
    raise ValueError(
        f"Only what has a `get_config()` or a `__name__` can be serialized. Received: {instance!r}"
    )


def _argument(value: Any) -> Any:
    if not (hasattr(value, "get_config") or inspect.isroutine(value) or inspect.isclass(value)):
        return value
    found = serialize_keras_object(value)
    return {**found, _INSIDE: True} if isinstance(found, dict) else found


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """The object that `serialize_keras_object` wrote.

    Args:
        identifier: what was written; a function is returned as it is.
        module_objects: name -> class or function, of the family that is meant.
        custom_objects: the same, of the user.
        printable_module_name: what errors call it.

    >>> from kohort import initializers
    >>> written = {"class_name": "Constant", "config": {"value": 2.0}}
    >>> deserialize_keras_object(written, {"Constant": initializers.Constant}).value
    2.0
    """
    if identifier is None or inspect.isfunction(identifier):
        return identifier
    if isinstance(identifier, str):
        found = _find(identifier, module_objects, custom_objects, printable_module_name)
        return found() if inspect.isclass(found) else found
    if not isinstance(identifier, dict) or not {"class_name", "config"} <= set(identifier):
        raise ValueError(
            f"A serialized {printable_module_name} is a name, or a dict with `class_name` and "
            f"`config`. Received: {identifier!r}"
        )
    cls = _find(identifier["class_name"], module_objects, custom_objects, printable_module_name)
    config = identifier["config"]
    if isinstance(config, dict):
        config = {
            key: _inner(key, value, module_objects, custom_objects) for key, value in config.items()
        }
    with registry.CustomObjectScope(custom_objects):
        return cls.from_config(config) if hasattr(cls, "from_config") else cls(**config)


def _inner(key: str, value: Any, known: Any, custom: Any) -> Any:
    """An argument: an object in its turn, a registered function's name, or a plain value."""
    if isinstance(value, dict) and _INSIDE in value:
        value = {k: v for k, v in value.items() if k != _INSIDE}
        return deserialize_keras_object(value, known, custom, "config_item")
    if isinstance(value, str) and key != "name":
        found = registry.get_registered_object(value, custom, known)
        return found if inspect.isfunction(found) else value
    return value


def _find(name: str, known: Any, custom: Any, what: str) -> Any:
    found = registry.get_registered_object(name, custom, known)
    if found is None:
        raise ValueError(
            f"Unknown {what}: '{name}'.\n"
            "  1. Pass it in `custom_objects` or `module_objects`, or open a `CustomObjectScope`."
        )
    return found
