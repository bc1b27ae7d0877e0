"""Functional models as configurations, in Keras's layout, and back."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from kohort.core import tree
from kohort.core.graph import Graph
from kohort.core.serialization import (
    deserialize_keras_object,
    deserialize_nested,
    serialize_keras_object,
)
from kohort.core.symbolic import FunctionOp, KerasTensor, Node, Operation, operation_of
from kohort.ops import keras_names


def graph_config(graph: Graph) -> dict[str, Any]:
    """The layers with their calls, and where the inputs and outputs are."""
    index = _kept_indices(graph)
    layers = []
    for operation in graph.operations:
        nodes = [n for n in operation._inbound_nodes if n in graph.nodes and not n.is_input]
        if isinstance(operation, FunctionOp):
            config, calls = _function_config(operation, nodes, graph)
        else:
            config = serialize_keras_object(operation)
            calls = [_call_config(n.args, n.kwargs, graph) for n in nodes]
        layers.append({**config, "name": operation.name, "inbound_nodes": calls})

    def place(x: KerasTensor) -> list[Any]:
        operation, node_index, tensor_index = x._keras_history
        return [operation.name, index[operation._inbound_nodes[node_index]], tensor_index]

    return copy.deepcopy(
        {
            "layers": layers,
            "input_layers": tree.map_structure(place, graph.inputs_struct),
            "output_layers": tree.map_structure(place, graph.outputs_struct),
        }
    )


def _kept_indices(graph: Graph) -> dict[Node, int]:
    """Node -> its number among the nodes that are written.

    Nested functional models count from 1, as files have it since Keras 2.
    """
    index: dict[Node, int] = {}
    for operation in graph.operations:
        start = 1 if hasattr(operation, "_graph") else 0
        kept = [n for n in operation._inbound_nodes if n in graph.nodes]
        index |= {node: i for i, node in enumerate(kept, start)}
    return index


def _call_config(args: Any, kwargs: Any, graph: Graph) -> dict[str, Any]:
    def tensor(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        operation, node_index, tensor_index = x._keras_history
        kept = sum(n in graph.nodes for n in operation._inbound_nodes[:node_index])
        place = [operation.name, kept, tensor_index]
        config = {"shape": list(x.shape), "dtype": x.dtype, "keras_history": place}
        return {"class_name": "__keras_tensor__", "config": config}

    return {
        "args": serialize_keras_object(tree.map_structure(tensor, args)),
        "kwargs": serialize_keras_object(tree.map_structure(tensor, kwargs)),
    }


def _function_config(operation: FunctionOp, nodes: list[Node], graph: Graph) -> tuple[dict, list]:
    """A function of `ops`, as Keras names it, its arguments where Keras has them."""
    function = operation.function
    module, class_name = keras_names.keras_class_of(function.__name__)
    signature, called = inspect.signature(function), keras_names.call_arguments(function)
    settings, calls = operation.settings, []
    for node in nodes:
        bound = signature.bind_partial(*node.args, **node.kwargs).arguments
        named = {**operation.settings, **bound}
        settings = {k: v for k, v in named.items() if k not in called}
        values: list[Any] = []
        for name in called:
            if name in named:
                several = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
                values.extend(named[name] if several else [named[name]])
        calls.append(_call_config(tuple(values), {}, graph))
    config = {
        "module": module,
        "class_name": class_name,
        "config": {"name": operation.name, **serialize_keras_object(settings)},
        "registered_name": class_name,
    }
    return config, calls


def model_from_graph_config(cls: Any, config: dict[str, Any], custom_objects: Any = None) -> Any:
    """Make a functional model from its configuration.

    Calls are replayed as soon as their inputs exist, whatever their order in the file.
    """
    config = dict(config)
    layer_configs = config.pop("layers")
    made = {c["name"]: _make_operation(c, custom_objects) for c in layer_configs}
    waiting = {c["name"]: list(c["inbound_nodes"]) for c in layer_configs if c["inbound_nodes"]}
    while waiting:
        progress = False
        for name in list(waiting):
            queue = waiting[name]
            while queue:
                try:
                    args, kwargs = _call_arguments(queue[0], made)
                except IndexError:
                    break  # an input is not there yet
                _replay(made[name], args, kwargs)
                queue.pop(0)
                progress = True
            if not queue:
                del waiting[name]
        if not progress:
            raise ValueError(
                "Invalid Functional model configuration. The graph of the Functional model either "
                "has loops or disconnected nodes. The following nodes failed to be resolved: "
                f"{waiting}"
            )
    inputs = _find_tensors(config.pop("input_layers"), made)
    outputs = _find_tensors(config.pop("output_layers"), made)
    return cls(inputs=inputs, outputs=outputs, name=config.pop("name", None),
               trainable=config.pop("trainable", None), **config)  # fmt: skip


def _make_operation(config: dict[str, Any], custom_objects: Any) -> Any:
    module = str(config.get("module") or "")
    if module.startswith(("keras.src.ops", "keras.ops")):
        settings = dict(config["config"])
        name = settings.pop("name", None)
        function = keras_names.function_of(config["class_name"])
        if "dtype" not in inspect.signature(function).parameters:  # Keras's policy of a node
            settings.pop("dtype", None)
        settings = {k: deserialize_nested(v) for k, v in settings.items()}
        return operation_of(function, settings, name)
    operation = deserialize_keras_object(config, custom_objects=custom_objects)
    if not isinstance(operation, Operation):
        raise ValueError(
            "Unexpected object from deserialization, expected a layer or operation, "
            f"got a {type(operation)}"
        )
    return operation


def _replay(operation: Any, args: Any, kwargs: Any) -> None:
    if isinstance(operation, FunctionOp):
        parameters, settings = inspect.signature(operation.function).parameters, operation.settings
        args = [a for a in args if a is not None]
        if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
            plain = [n for n, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
            args = [*(settings.pop(name) for name in plain if name in settings), *args]
    operation(*args, **kwargs)


def _call_arguments(call: Any, made: dict[str, Any]) -> tuple[Any, Any]:
    if isinstance(call, list):  # Keras 2: [[layer, node, tensor, kwargs], …]
        tensors = [_output(made, *entry[:3]) for entry in call]
        kwargs = call[0][3] if len(call[0]) > 3 else {}
        return [tensors[0] if len(tensors) == 1 else tensors], kwargs

    def revive(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        return _output(made, *x._pre_serialization_keras_history)

    args = tree.map_structure(revive, _revive_structure(call["args"]))
    kwargs = tree.map_structure(revive, _revive_structure(call["kwargs"]))
    return args, kwargs


def _revive_structure(value: Any) -> Any:
    return deserialize_keras_object(value)


def _output(made: dict[str, Any], name: str, node_index: int, tensor_index: int) -> KerasTensor:
    if name not in made:
        raise ValueError(
            f"Missing node: {name}. A call in the configuration takes its output, but it is not "
            f"among the layers: {sorted(made)}"
        )
    return made[name]._inbound_nodes[node_index].output_tensors[tensor_index]


def _find_tensors(places: Any, made: dict[str, Any]) -> Any:
    if isinstance(places, list) and len(places) == 3 and isinstance(places[0], str):
        name, node_index, tensor_index = places
        offset = 1 if hasattr(made.get(name), "_graph") else 0
        return _output(made, name, node_index - offset, tensor_index)
    if isinstance(places, dict):
        return {key: _find_tensors(value, made) for key, value in places.items()}
    return type(places)(_find_tensors(value, made) for value in places)
