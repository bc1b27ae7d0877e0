"""Objects to configurations and back, in Keras's form.

Nothing in a file is executed: names are looked up in the registry, never imported; a lambda
is refused unless `safe_mode=False`.
"""

from __future__ import annotations

import threading
import types
import warnings
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from kohort.core import registry
from kohort.core.bytecode import func_dump, func_load
from kohort.core.safe_mode import SafeModeScope, in_safe_mode

PLAIN_TYPES = (str, int, float, bool)
_local = threading.local()


class ObjectSharingScope:
    """Inside, an object that is met twice is written once and comes back as one object."""

    def __enter__(self) -> None:
        _local.shared_configs, _local.shared_objects = {}, {}

    def __exit__(self, *exc: object) -> None:
        _local.shared_configs = _local.shared_objects = None


def _record_config(obj: Any, config: dict) -> None:
    seen = getattr(_local, "shared_configs", None)
    if seen is None:
        return
    if id(obj) in seen:
        config["shared_object_id"] = seen[id(obj)]["shared_object_id"] = id(obj)
    else:
        seen[id(obj)] = config


def serialize_keras_object(obj: Any) -> Any:
    """Return the configuration of any object: plain values, arrays, functions, components.

    >>> serialize_keras_object(slice(1, None))
    {'class_name': '__slice__', 'config': {'start': 1, 'stop': None, 'step': None}}
    """
    if obj is None or isinstance(obj, PLAIN_TYPES):
        return obj
    if isinstance(obj, (list, tuple)):
        return (
            type(obj)([serialize_keras_object(x) for x in obj])
            if type(obj) in (list, tuple)
            else [serialize_keras_object(x) for x in obj]
        )
    if isinstance(obj, Mapping) and not hasattr(obj, "get_config"):
        return serialize_dict(obj)
    special = _serialize_special(obj)
    return special if special is not None else _serialize_object(obj)


def serialize_dict(obj: Mapping) -> dict:
    """Serialise the values of a dict."""
    return {key: serialize_keras_object(value) for key, value in obj.items()}


def _serialize_special(obj: Any) -> Any:
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        parts = {k: serialize_keras_object(getattr(obj, k)) for k in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if hasattr(obj, "keras_tensor_config"):
        return {"class_name": "__keras_tensor__", "config": obj.keras_tensor_config()}
    if isinstance(obj, jax.Array):
        config = {"value": np.asarray(obj).tolist(), "dtype": str(obj.dtype)}
        return {"class_name": "__tensor__", "config": config}
    if isinstance(obj, np.generic) or (isinstance(obj, np.ndarray) and obj.ndim == 0):
        return obj.item()
    if isinstance(obj, np.ndarray):
        config = {"value": obj.tolist(), "dtype": str(obj.dtype)}
        return {"class_name": "__numpy__", "config": config}
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, types.FunctionType) and obj.__name__ == "<lambda>":
        warnings.warn(
            "The object being serialized includes a `lambda`. This is unsafe. In order to reload "
            "the object, you will have to pass `safe_mode=False` to the loading function. "
            "Please avoid using `lambda` in the future, and use named Python functions instead.",
            stacklevel=4,
        )
        return {"class_name": "__lambda__", "config": {"value": func_dump(obj)}}
    return None


def _serialize_object(obj: Any) -> dict:
    named = obj if isinstance(obj, (types.FunctionType, type)) else type(obj)
    named = getattr(named, "_user_class", named)  # a subclass that became functional
    public = registry.public_name(named)
    inner = _inner_config(obj)
    is_function = isinstance(obj, types.FunctionType)
    if public is not None and named not in registry._custom_names:
        module, name = public
        config: dict[str, Any] = {
            "module": "builtins" if is_function else module,
            "class_name": "function" if is_function else name,
            "config": name if is_function else inner,
            "registered_name": name if is_function else None,
        }
    else:
        module_name = None if named in registry._custom_names else named.__module__
        config = {
            "module": module_name,
            "class_name": "function" if is_function else named.__name__,
            "config": inner,
            "registered_name": registry.get_registered_name(named),
        }
        if not is_function and module_name is not None and named.__module__ == "builtins":
            config["registered_name"] = None
    for part in ("build_config", "compile_config"):
        getter = getattr(obj, f"get_{part}", None)
        found = getter() if getter is not None and not isinstance(obj, type) else None
        if found is not None:
            config[part] = serialize_dict(found)
    _record_config(obj, config)
    return config


def _inner_config(obj: Any) -> Any:
    if isinstance(obj, types.FunctionType):
        return registry.get_registered_name(obj)
    if hasattr(obj, "get_config") and not isinstance(obj, type):
        config = obj.get_config()
        if not isinstance(config, dict):
            raise TypeError(
                f"The `get_config()` method of {obj} should return a dict. It returned: {config}"
            )
        return serialize_dict(config)
    if hasattr(obj, "__name__"):
        return registry.get_registered_name(obj)
    raise TypeError(
        f"Cannot serialize object {obj} of type {type(obj)}. "
        "To be serializable, a class must implement the `get_config()` method."
    )


def deserialize_nested(config: Any) -> Any:
    """Deserialise the values of a configuration that are themselves configurations."""
    if isinstance(config, dict):
        if "class_name" in config and "config" in config:
            return deserialize_keras_object(config)
        return {key: deserialize_nested(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize_nested(x) for x in config)
    return config


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    **kwargs: Any,
) -> Any:
    """Make the object that a configuration describes.

    Args:
        config: what `serialize_keras_object` returned.
        custom_objects: name -> class or function, for names that are not registered.
        safe_mode: refuse lambdas (True).
        module_objects: name -> class or function, for a bare name or short configuration.
    """
    scope = in_safe_mode()
    safe_mode = safe_mode if scope is None else scope
    module_objects = kwargs.pop("module_objects", None)
    custom = {
        **(custom_objects or {}),
        **registry.scoped_objects(),
        **registry.get_custom_objects(),
    }
    if config is None:
        return None
    if isinstance(config, str) and custom.get(config) is not None:
        return custom[config]
    if isinstance(config, (list, tuple)):
        return [deserialize_keras_object(x, custom, safe_mode) for x in config]
    if module_objects is not None:
        return _from_module_objects(config, custom, safe_mode, module_objects)
    if isinstance(config, PLAIN_TYPES):
        return config
    if not isinstance(config, dict):
        raise TypeError(f"Could not parse config: {config}")
    if "class_name" not in config or "config" not in config:
        return {k: deserialize_keras_object(v, custom, safe_mode) for k, v in config.items()}
    name = str(config["class_name"])
    if name.startswith("__"):
        return _deserialize_special(name, config["config"] or {}, safe_mode, custom)
    if name == "function":
        return _find_function(config, custom)
    return _make_object(config, custom, safe_mode)


def _from_module_objects(config: Any, custom: dict, safe_mode: bool, known: Mapping) -> Any:
    """Resolve a bare name, or a short configuration, within one family."""
    if isinstance(config, dict):
        if "class_name" not in config:
            raise ValueError(f"Unknown `config` as a `dict`, config={config}")
        inner = config.get("config")
        names = [config["class_name"], config.get("registered_name")]
        if any(n in custom for n in names) or (isinstance(inner, str) and inner in custom):
            return deserialize_keras_object(config, custom, safe_mode)
        if config["class_name"] == "function":
            target = inner if config.get("module") == "builtins" else config["registered_name"]
            return known.get(target, target)
        if config.get("module", "_") is None:
            raise TypeError(
                f"Cannot deserialize object of type `{config['class_name']}`. If "
                f"`{config['class_name']}` is a custom class, please register it using the "
                "`@keras.saving.register_keras_serializable()` decorator."
            )
        if config["class_name"] in known:
            target = known[config["class_name"]]
            return (
                target
                if isinstance(target, types.FunctionType)
                else _instantiate(target, {**config, "config": inner or {}}, custom, safe_mode)
            )
        return config["class_name"]
    target = known.get(config) if isinstance(config, str) else None
    if target is None:
        return config
    return target() if isinstance(target, type) else target


def _deserialize_special(name: str, inner: dict, safe_mode: bool, custom: dict) -> Any:
    if name == "__keras_tensor__":
        from kohort.core.symbolic import KerasTensor

        tensor = KerasTensor(inner["shape"], dtype=inner["dtype"])
        tensor._pre_serialization_keras_history = inner["keras_history"]
        return tensor
    if name == "__tensor__":
        return jax.numpy.asarray(np.array(inner["value"], dtype=inner["dtype"]))
    if name == "__numpy__":
        return np.array(inner["value"], dtype=inner["dtype"])
    if name == "__bytes__":
        return inner["value"].encode("utf-8")
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__slice__":
        parts = (deserialize_keras_object(inner[k], custom) for k in ("start", "stop", "step"))
        return slice(*parts)
    if name == "__lambda__":
        if safe_mode:
            raise ValueError(
                "Requested the deserialization of a Python lambda. This carries a potential risk "
                "of arbitrary code execution and thus it is disallowed by default. If you trust "
                "the source of the artifact, you can override this error by passing "
                "`safe_mode=False` to the loading function, or calling "
                "`keras.config.enable_unsafe_deserialization()."
            )
        return func_load(inner["value"])
    if name == "__typespec__" and not isinstance(inner, (list, tuple)):
        raise TypeError(
            "Expected 'config' to be a list or a tuple for a __typespec__ class name,\n"
            f"instead got {type(inner)}"
        )
    raise TypeError(f"Unknown class name in a configuration: {name}")


def _find_function(config: dict, custom: dict) -> Any:
    name = config["config"]
    if not isinstance(name, str):
        raise TypeError(
            "Expected 'config' to be a non-null str for a function classname,\n"
            f"instead got {type(name)}\nFull config: {config}"
        )
    found = registry.get_registered_object(name, custom)
    if found is None:
        found = registry.get_registered_object(config.get("registered_name") or name, custom)
    if found is None:
        found = _find_public_function(config, name)
    if found is None and ">" not in name:  # Keras 3.6 left the package out
        ends = (value for key, value in custom.items() if key.endswith(f">{name}"))
        found = next(ends, None)
    if found is None:
        raise TypeError(
            f"Could not locate function '{name}'. Make sure custom functions are decorated with "
            f"`@keras.saving.register_keras_serializable()`. Full object config: {config}"
        )
    return found


def _find_public_function(config: dict, name: str) -> Any:
    found = registry.find_public(config.get("module"), name)
    if found is None and config.get("module") == "builtins":
        found = registry.find_public(None, name)
    if found is not None:
        _check_not_renamed(config, name, "function")
    return found


def _check_not_renamed(config: dict, *names: str) -> None:
    """A built-in has no registered name: a file that gives it one is not what it seems."""
    registered = config.get("registered_name")
    if registered and registered not in names:
        raise ValueError(
            f"`registered_name={registered!r}` was provided in the config, but '{names[0]}' "
            "resolved to a Keras built-in and does not use registered names. Remove the "
            f"`registered_name` field from the config. Full object config: {config}"
        )


def _make_object(config: dict, custom: dict, safe_mode: bool) -> Any:
    inner = config["config"] if config["config"] is not None else {}
    if not isinstance(inner, dict):
        raise TypeError(
            f"Expected 'config' to be a dict for {config['class_name']},\n"
            f"instead got {type(inner)}\nFull config: {config}"
        )
    shared = getattr(_local, "shared_objects", None)
    shared_id = config.get("shared_object_id")
    if shared is not None and shared_id in shared:
        return shared[shared_id]
    cls = _find_class(config, custom)
    if isinstance(cls, types.FunctionType):
        return cls
    instance = _instantiate(cls, {**config, "config": inner}, custom, safe_mode)
    if shared is not None and shared_id is not None:
        shared[shared_id] = instance
    return instance


def _find_class(config: dict, custom: dict) -> Any:
    name = config["class_name"]
    registered = config.get("registered_name", name)
    found = registry.get_registered_object(registered, custom) if registered else None
    if (
        found is None
        and config.get("module") is None
        or (config.get("module") or "")[:5] != "keras"
    ):
        found = found or custom.get(name)
    if found is None:
        found = registry.find_public(config.get("module"), name)
        if found is not None:
            _check_not_renamed(config, name)
    if found is None:
        raise TypeError(
            f"Could not locate class '{name}'. Make sure custom classes are decorated with "
            "`@keras.saving.register_keras_serializable()`, or pass them as `custom_objects`. "
            f"Full object config: {config}"
        )
    return found


def _instantiate(cls: Any, config: dict, custom: dict, safe_mode: bool) -> Any:
    inner = config["config"]
    if not hasattr(cls, "from_config"):
        raise TypeError(
            f"Unable to reconstruct an instance of '{config['class_name']}' because the class is "
            f"missing a `from_config()` method. Full object config: {config}"
        )
    with registry.CustomObjectScope(custom), SafeModeScope(safe_mode):
        try:
            instance = cls.from_config(inner)
        except TypeError as error:
            raise TypeError(
                f"{cls} could not be deserialized properly. Please ensure that components that "
                "are Python object instances (layers, models, etc.) returned by `get_config()` "
                "are explicitly deserialized in the model's `from_config()` method."
                f"\n\nconfig={config}.\n\nException encountered: {error}"
            ) from error
        if config.get("build_config") and not getattr(instance, "built", True):
            instance.build_from_config(config["build_config"])
            instance.built = True
        if config.get("compile_config"):
            instance.compile_from_config(config["compile_config"])
    return instance
