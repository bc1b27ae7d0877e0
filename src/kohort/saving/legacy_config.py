"""Configurations of legacy `.h5` files: those of Keras 2, and Keras 3's way of writing them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from kohort import losses, metrics, optimizers
from kohort.core import registry
from kohort.layers import Layer

_FAMILIES = (
    "keras.layers", "keras", "keras.models", "keras.initializers", "keras.regularizers",
    "keras.constraints", "keras.optimizers.schedules", "keras.optimizers", "keras.losses",
    "keras.metrics",
)  # fmt: skip
_ANY_LAYER = {
    "name", "trainable", "dtype", "activity_regularizer", "batch_input_shape", "input_shape",
    "input_dim", "input_length", "batch_size", "weights",
}  # fmt: skip


# ---- reading


def decode_json(text: str | bytes) -> Any:
    """JSON with Keras 2's tuples."""
    return json.loads(text, object_hook=_decode_special)


def _decode_special(obj: dict[str, Any]) -> Any:
    kind = obj.get("class_name")
    if kind in ("__tuple__", "TensorShape") and "items" in obj:
        return tuple(obj["items"] or ())
    if kind == "__ellipsis__" and "config" not in obj:
        return Ellipsis
    return obj


def from_legacy(config: Any, custom: Mapping[str, Any]) -> Any:
    """A configuration as Keras 3 writes it, from one that names classes without their modules."""
    if isinstance(config, (list, tuple)):
        return type(config)(from_legacy(item, custom) for item in config)
    if not isinstance(config, dict):
        return config
    if not ("class_name" in config and "config" in config) or "module" in config:
        return {key: from_legacy(value, custom) for key, value in config.items()}
    name, inner = str(config["class_name"]), config["config"]
    if name in ("Policy", "DTypePolicy"):
        return inner["name"]
    if name.startswith("__"):
        return config
    rest = {k: v for k, v in config.items() if k not in ("class_name", "config")}
    if isinstance(inner, list):  # Keras 2.0: a bare list of layers
        inner = {"name": "sequential", "layers": inner}
    found = registry.get_registered_object(name, custom)
    if found is not None:
        rest |= {"class_name": name.rsplit(">", 1)[-1], "registered_name": name}
        return {**rest, "module": None, "config": from_legacy(inner, custom)}
    module = next((m for m in _FAMILIES if (m, name) in registry._public), "keras")
    cls = registry._public.get((module, name))
    if isinstance(inner, dict):
        inner = {key: from_legacy(value, custom) for key, value in _renamed(name, inner).items()}
        inner = _accepted(cls, inner)
    return {**rest, "module": module, "class_name": name, "config": inner, "registered_name": None}


def _renamed(name: str, inner: Mapping[str, Any]) -> dict[str, Any]:
    """The fields under the names that they have today."""
    inner = dict(inner)
    if name == "InputLayer" and "batch_input_shape" in inner:
        inner["batch_shape"] = inner.pop("batch_input_shape")
    axis = inner.get("axis")
    if name in ("BatchNormalization", "LayerNormalization") and isinstance(axis, (list, tuple)):
        inner["axis"] = axis[0] if len(axis) == 1 else axis
    if name == "Lambda":
        for key in ("module", "function_type", "output_shape_type", "output_shape_module"):
            inner.pop(key, None)
        function = inner.get("function")
        if isinstance(function, (list, tuple)) and len(function) == 3:
            parts = dict(zip(("code", "defaults", "closure"), function, strict=True))
            inner["function"] = {"class_name": "__lambda__", "config": parts}
    return inner


def _accepted(cls: Any, inner: dict[str, Any]) -> dict[str, Any]:
    """The fields that a built-in class still has."""
    if cls is None or not getattr(cls.__init__, "from_fields", False):
        return inner
    known = set(cls.fields) | (_ANY_LAYER if issubclass(cls, Layer) else set())
    return {key: value for key, value in inner.items() if key in known}


def compile_arguments(config: Mapping[str, Any], custom: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `compile` from the `training_config` of a file."""
    with registry.CustomObjectScope(custom):
        return {
            "optimizer": _optimizer(config["optimizer_config"], custom),
            "loss": _each(config.get("loss"), lambda c: _object(c, losses.deserialize, custom)),
            "metrics": _metrics(config.get("metrics"), custom),
            "weighted_metrics": _metrics(config.get("weighted_metrics"), custom),
            "loss_weights": config.get("loss_weights"),
        }


def _optimizer(config: Mapping[str, Any], custom: Mapping[str, Any]) -> Any:
    name = str(config["class_name"])
    if registry.get_registered_object(name, custom) is None:
        name = name.removeprefix("Custom>")
    inner = from_legacy(dict(config["config"]), custom)
    if "lr" in inner:
        inner["learning_rate"] = inner.pop("lr")
    cls = registry.find_public("keras.optimizers", name)
    if cls is not None:
        known = inspect.signature(cls.__init__).parameters
        inner = {key: value for key, value in inner.items() if key in known}
    return optimizers.deserialize({"class_name": name, "config": inner})


def _metrics(config: Any, custom: Mapping[str, Any]) -> Any:
    return _each(config, lambda c: _object(c, metrics.deserialize, custom))


def _each(config: Any, make: Callable[[Any], Any]) -> Any:
    """`make` applied to each object in lists and dicts of configurations."""
    if (
        config is None
        or isinstance(config, str)
        or (isinstance(config, dict) and "class_name" in config)
    ):
        return None if config is None else make(config)
    if isinstance(config, dict):
        return {key: _each(value, make) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [_each(value, make) for value in config]
    raise ValueError(
        "Saved configuration not understood. Configuration should be a dictionary, string, tuple "
        f"or list. Received: config={config}."
    )


def _object(config: Any, deserialize: Callable[[Any], Any], custom: Mapping[str, Any]) -> Any:
    if isinstance(config, str):  # "accuracy" and its kind: `compile` knows what they mean
        return registry.get_registered_object(config, custom) or config
    inner = config["config"]
    if isinstance(inner, dict):
        if config["class_name"] == "MeanMetricWrapper":
            return inner["fn"]
        inner = {k: v for k, v in inner.items() if k != "fn"}
        if inner.get("reduction") == "auto":
            inner["reduction"] = "sum_over_batch_size"
    return deserialize({**config, "config": inner})


# ---- writing


def to_legacy(config: Any) -> Any:
    """A model's configuration with its layers named by class alone."""
    if not isinstance(config, dict) or "layers" not in config:
        return config
    return {**config, "layers": [_legacy_layer(layer) for layer in config["layers"]]}


def _legacy_layer(layer: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: layer[key] for key in ("name", "inbound_nodes") if key in layer}
    if str(layer.get("module")).startswith("keras.src"):  # a function of `ops`: no layer
        return dict(layer)
    name = layer.get("registered_name") or layer["class_name"]
    return {"class_name": name, "config": to_legacy(layer["config"]), **kept}


def legacy_objects(config: Any) -> Any:
    """Losses, metrics and optimisers named by class alone, functions by name."""
    if isinstance(config, (list, tuple)):
        return [legacy_objects(item) for item in config]
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {key: legacy_objects(value) for key, value in config.items()}
    if config["class_name"] == "function":
        return config["config"]
    name = config.get("registered_name") or config["class_name"]
    return {"class_name": name, "config": config["config"]}
