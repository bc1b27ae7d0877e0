"""Legacy `.h5` files: whole models and weights, by layer name and variable path."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from kohort.core import registry
from kohort.core.frame import Frame
from kohort.core.serialization import SafeModeScope, deserialize_keras_object
from kohort.core.variable import Variable
from kohort.errors import KohortWarning
from kohort.optimizers.optax import OPTAX_UNSAVED, is_optax_config
from kohort.saving.archive import FORMAT_VERSION, plain_errors
from kohort.saving.atomic import atomic_file
from kohort.saving.h5 import new_h5, open_h5, read_dataset, safe_get_h5_group
from kohort.saving.legacy_config import (
    compile_arguments,
    decode_json,
    from_legacy,
    legacy_objects,
    to_legacy,
)

ATTRIBUTE_LIMIT = 64512  # bytes that HDF5 can keep in one attribute
TOP = "top_level_model_weights"
_log = logging.getLogger("kohort")


# ---- writing


def save_model(model: Any, filepath: Any, include_optimizer: bool = True) -> None:
    """Write a model: configuration, weights and, where it is compiled, the optimiser."""
    config = {"class_name": type(model).__name__, "config": to_legacy(model.get_config())}
    optimizer = getattr(model, "optimizer", None) if include_optimizer else None
    training = _training_config(model) if optimizer is not None else None
    with atomic_file(filepath) as draft, new_h5(draft) as file:
        file.attrs["keras_version"], file.attrs["backend"] = FORMAT_VERSION, "jax"
        file.attrs["model_config"] = json.dumps(config).encode()
        if training is not None:
            file.attrs["training_config"] = json.dumps(training).encode()
        _write_layers(file.create_group("model_weights"), model)
        if optimizer is not None and optimizer.variables:
            _write_variables(file.create_group("optimizer_weights"), optimizer.variables)


def _training_config(model: Any) -> dict[str, Any] | None:
    config = model.get_compile_config()
    if config is None:
        return None
    optimizer = legacy_objects(config.pop("optimizer"))
    return {**legacy_objects(config), "optimizer_config": optimizer}


def _write_layers(group: Any, model: Any) -> None:
    write_names(group, "layer_names", [layer.name for layer in model.layers])
    group.attrs["backend"], group.attrs["keras_version"] = b"jax", FORMAT_VERSION.encode()
    # In the order of names, so that no group comes after one that its name begins with.
    for layer in sorted(model.layers, key=lambda x: x.name):
        _write_variables(group.create_group(layer.name), _legacy_weights(layer))
    _write_variables(group.create_group(TOP), _top_level(model))


def _legacy_weights(layer: Any) -> list[Variable]:
    return layer.trainable_weights + layer.non_trainable_weights


def _top_level(model: Any) -> list[Variable]:
    own = model._own_variables()
    return [v for v in own if v.trainable] + [v for v in own if not v.trainable]


def _write_variables(group: Any, variables: Sequence[Variable]) -> None:
    names: list[str] = []
    for variable in variables:
        name, count = variable.path, 0
        while name in names:
            count += 1
            name = f"{variable.path}_{count}"
        names.append(name)
    write_names(group, "weight_names", names)
    for name, variable in zip(names, variables, strict=True):
        group.create_dataset(name, data=variable.numpy())


def write_names(group: Any, attribute: str, names: Sequence[str]) -> None:
    """Write a list of names as an attribute, in parts where it is too long for one.

    Raises:
        RuntimeError: where a single name is too long.
    """
    encoded = [name.encode() for name in names]
    too_long = [name for name in encoded if len(name) > ATTRIBUTE_LIMIT]
    if too_long:
        raise RuntimeError(
            "The following attributes cannot be saved to HDF5 file because they are larger than "
            f"{ATTRIBUTE_LIMIT} bytes: {too_long}"
        )
    data, count = np.asarray(encoded), 1
    while any(part.nbytes > ATTRIBUTE_LIMIT for part in np.array_split(data, count)):
        count += 1
    if count == 1:
        group.attrs[attribute] = encoded
        return
    for i, part in enumerate(np.array_split(data, count)):
        group.attrs[f"{attribute}{i}"] = part


# ---- reading


def read_names(group: Any, attribute: str) -> list[str]:
    """The names that `write_names` wrote."""
    parts = [attribute] if attribute in group.attrs else []
    while not parts or parts[-1] != attribute:
        part = f"{attribute}{len(parts)}"
        if part not in group.attrs:
            break
        parts.append(part)
    return [_text(name) for part in parts for name in np.atleast_1d(group.attrs[part])]


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def load_model(filepath: Any, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    """Read a model from a legacy file of Keras 2 or 3."""
    custom = {**(custom_objects or {}), **registry.get_custom_objects()}
    custom |= registry.scoped_objects()
    with open_h5(filepath) as file:
        text = file.attrs.get("model_config")
        if text is None:
            raise ValueError(f"No model config found in the file at {filepath}.")
        with plain_errors("The configuration of the model"), SafeModeScope(safe_mode):
            config = from_legacy(decode_json(_text(text)), custom)
            if not isinstance(config, dict):
                raise ValueError(f"The model's configuration must be a dict. Received: {config}")
            model = deserialize_keras_object(config, custom, safe_mode=safe_mode)
        _load_by_order(model, safe_get_h5_group(file, "model_weights"), False)
        if compile:
            _compile(model, file, custom)
    return model


def _compile(model: Any, file: Any, custom: Mapping[str, Any]) -> None:
    text = file.attrs.get("training_config")
    if text is None:
        _log.warning(
            "No training configuration found in the save file, so the model was *not* compiled. "
            "Compile it manually."
        )
        return
    with plain_errors("The training configuration"):
        training = decode_json(_text(text))
        if is_optax_config(training.get("optimizer_config")):
            warnings.warn(OPTAX_UNSAVED, KohortWarning, stacklevel=3)
            return
        model.compile(**compile_arguments(training, custom))
    if "optimizer_weights" not in file or not model.built:
        return
    group = safe_get_h5_group(file, "optimizer_weights")
    arrays = _read_variables(group)
    model.optimizer.build(model.trainable_variables)
    variables = model.optimizer.variables
    if [a.shape for a in arrays] != [v.shape for v in variables]:
        _log.warning(
            "Error in loading the saved optimizer state. As a result, your model is starting with "
            "a freshly initialized optimizer."
        )
        return
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def load_weights(model: Any, filepath: Any, by_name: bool, skip_mismatch: bool) -> None:
    """Read weights from a legacy file, in the order of the layers or by their names."""
    with open_h5(filepath) as file:
        group = file
        if "layer_names" not in file.attrs and file.get("model_weights", getlink=True) is not None:
            group = safe_get_h5_group(file, "model_weights")
        (_load_by_name if by_name else _load_by_order)(model, group, skip_mismatch)


def _read_variables(group: Any) -> list[np.ndarray]:
    try:
        return [read_dataset(group, name) for name in read_names(group, "weight_names")]
    except (KeyError, OSError) as error:
        raise ValueError(f"The file is damaged: an array is missing or broken ({error}).") from None


def _load_by_order(model: Any, group: Any, skip_mismatch: bool) -> None:
    layers = [layer for layer in model.layers if _legacy_weights(layer)]
    groups = {name: _layer_group(group, name) for name in read_names(group, "layer_names")}
    names = [name for name, found in groups.items() if read_names(found, "weight_names")]
    if len(names) != len(layers):
        raise ValueError(
            "Layer count mismatch when loading weights from file. Model expected "
            f"{len(layers)} layers, found {len(names)} saved layers."
        )
    with Frame() as stage:
        for k, (name, layer) in enumerate(zip(names, layers, strict=True)):
            arrays, weights = _read_variables(groups[name]), _legacy_weights(layer)
            if len(arrays) != len(weights):
                raise ValueError(
                    f"Weight count mismatch for layer #{k} (named {layer.name} in the current "
                    f"model, {name} in the save file). Layer expects {len(weights)} weight(s). "
                    f"Received {len(arrays)} saved weight(s)"
                )
            _assign(f"layer #{k} (named {layer.name})", weights, arrays, skip_mismatch)
        _load_top(model, group, skip_mismatch, may_skip_count=False)
    _commit(stage, model)


def _layer_group(group: Any, name: str) -> Any:
    try:
        return safe_get_h5_group(group, name)
    except KeyError:
        raise ValueError(f"The file is damaged: it has no group for layer '{name}'.") from None


def _load_by_name(model: Any, group: Any, skip_mismatch: bool) -> None:
    known: dict[str, list[Any]] = {}
    for layer in model.layers:
        known.setdefault(layer.name, []).append(layer)
    with Frame() as stage:
        for k, name in enumerate(read_names(group, "layer_names")):
            found = known.get(name, [])
            arrays = _read_variables(_layer_group(group, name)) if found else []
            for layer in found:
                weights = _legacy_weights(layer)
                label = f"layer #{k} (named {layer.name})"
                if _same_count(label, "Layer", weights, arrays, skip_mismatch):
                    _assign(label, weights, arrays, skip_mismatch)
        _load_top(model, group, skip_mismatch, may_skip_count=True)
    _commit(stage, model)


def _load_top(model: Any, group: Any, skip_mismatch: bool, may_skip_count: bool) -> None:
    if group.get(TOP, getlink=True) is None:
        return
    weights, arrays = _top_level(model), _read_variables(safe_get_h5_group(group, TOP))
    if _same_count("top-level weights", "Model", weights, arrays, skip_mismatch and may_skip_count):
        _assign("top-level model", weights, arrays, skip_mismatch)


def _same_count(
    label: str, who: str, weights: Sequence[Any], arrays: Sequence[Any], skip_mismatch: bool
) -> bool:
    if len(weights) == len(arrays):
        return True
    message = f"{who} expects {len(weights)} weight(s). Received {len(arrays)} saved weight(s)"
    if not skip_mismatch:
        raise ValueError(f"Weight count mismatch for {label}. {message}")
    warnings.warn(
        f"Skipping loading of weights for {label} due to mismatch in number of weights. {message}",
        stacklevel=6,
    )
    return False


def _assign(
    label: str, weights: Sequence[Variable], arrays: Iterable[np.ndarray], skip_mismatch: bool
) -> None:
    for weight, array in zip(weights, arrays, strict=True):
        if weight.shape == array.shape:
            weight.assign(array)
            continue
        detail = (
            f"for weight {weight.path}. Weight expects shape {weight.shape}. Received saved weight "
            f"with shape {array.shape}"
        )
        if not skip_mismatch:
            raise ValueError(f"Shape mismatch in {label} {detail}")
        warnings.warn(
            f"Skipping loading weights for {label} due to mismatch in shape {detail}", stacklevel=6
        )


def _commit(stage: Frame, model: Any) -> None:
    for variable, value in stage.updates.items():
        variable.assign(value)
    for layer in model._flatten_layers():
        if hasattr(layer, "finalize_state") and layer.built and layer.weights:
            layer.finalize_state()
