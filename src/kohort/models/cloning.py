"""`clone_model`: the same network with layers and weights of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kohort.core import tree
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.symbolic import FunctionOp, KerasTensor, Node, operation_of
from kohort.layers import Input, InputLayer
from kohort.models.functional import Functional, _takes_graph
from kohort.models.model import Model
from kohort.models.sequential import Sequential

CloneFunction = Callable[[Any], Any]


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: CloneFunction | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """Make a model like `model`, with new layers and freshly initialised weights.

    Args:
        model: a functional, sequential or (with `get_config`) subclassed model.
        input_tensors: symbolic tensors to build the clone on; new inputs unless given.
        clone_function: `fn(layer) -> layer`, instead of the copy by configuration. Inputs are
            always new.
        call_function: `fn(layer, *args, **kwargs) -> outputs`, instead of calling the layer; for
            functional models only.
        recursive: whether models inside are cloned layer by layer, too.

    >>> from kohort import layers
    >>> model = Sequential([layers.Input((3,)), layers.Dense(2)])
    >>> clone_model(model).layers[0] is model.layers[0]
    False
    """
    cache = kwargs.pop("cache", None)
    if kwargs:
        raise ValueError(f"Unexpected keyword argument(s): {tuple(kwargs.keys())}")
    custom = clone_function is not None or input_tensors is not None
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError(
                "`call_function` argument is not supported with Sequential models. In a Sequential "
                "model, layers aren't called at model-construction time (they're merely listed). "
                "Use `call_function` with Functional models only. Received model of type "
                f"'{type(model).__name__}', with call_function={call_function}"
            )
        return _clone_sequential(
            model, _cloner(clone_function, None, recursive, cache), input_tensors
        )
    if isinstance(model, Functional) and (custom or call_function or _own_config(model) is False):
        clone = _cloner(clone_function, call_function, recursive, cache)
        return _clone_functional(model, clone, input_tensors, call_function)
    if custom:
        raise ValueError(
            "Arguments `clone_function` and `input_tensors` are only supported for Sequential "
            f"models or Functional models. Received model of type '{type(model).__name__}', with "
            f"clone_function={clone_function} and input_tensors={input_tensors}"
        )
    if call_function is not None:
        raise ValueError(
            "Argument `call_function` is only supported for Functional models. Received model of "
            f"type '{type(model).__name__}', with call_function={call_function}"
        )
    name = type(model).__name__
    return deserialize_keras_object(serialize_keras_object(model), {name: type(model)})


def _own_config(model: Any) -> bool:
    """Whether a functional model's class writes its own configuration."""
    return type(model).get_config not in (Functional.get_config, Model.get_config)


def _cloner(
    clone_function: CloneFunction | None,
    call_function: Callable[..., Any] | None,
    recursive: bool,
    cache: dict[int, Any] | None,
) -> CloneFunction:
    """Clone each layer once; models inside go through `clone_model` where that is asked for."""
    function = clone_function or (lambda layer: type(layer).from_config(layer.get_config()))
    cache = {} if cache is None else cache

    def clone(layer: Any) -> Any:
        if id(layer) not in cache:
            if recursive and isinstance(layer, (Sequential, Functional)):
                call = None if isinstance(layer, Sequential) else call_function
                cache[id(layer)] = clone_model(
                    layer, None, function, call, recursive=True, cache=cache
                )
            elif isinstance(layer, FunctionOp):
                cache[id(layer)] = operation_of(layer.function, layer.settings, layer.name)
            else:
                cache[id(layer)] = function(layer)
        return cache[id(layer)]

    return clone


def _clone_sequential(model: Sequential, clone: CloneFunction, input_tensors: Any) -> Sequential:
    new_layers = [clone(layer) for layer in model.layers]
    first = model._stack[0] if model._stack else None
    if input_tensors is not None:
        new_layers.insert(0, _single_input(input_tensors))
    elif isinstance(first, InputLayer):
        new_layers.insert(0, _new_input(first))
    made = Sequential(new_layers, name=model.name, trainable=model.trainable)
    return _compiled_like(made, model)


def _single_input(input_tensors: Any) -> Any:
    if isinstance(input_tensors, (list, tuple)):
        if len(input_tensors) != 1:
            raise ValueError("Argument `input_tensors` must contain a single tensor.")
        input_tensors = input_tensors[0]
    if not isinstance(input_tensors, KerasTensor):
        raise ValueError(
            "Argument `input_tensors` must be a KerasTensor. "
            f"Received invalid value: input_tensors={input_tensors}"
        )
    history = input_tensors._keras_history
    if history is not None and isinstance(history.operation, InputLayer):
        return history.operation
    return Input(batch_shape=input_tensors.shape, dtype=input_tensors.dtype)


def _new_input(layer: InputLayer) -> Any:
    return Input(
        batch_shape=layer.batch_shape, dtype=layer.dtype, name=layer.name, optional=layer.optional
    )


def _clone_functional(
    model: Functional,
    clone: CloneFunction,
    input_tensors: Any,
    call_function: Callable[..., Any] | None,
) -> Any:
    inputs = (
        _check_inputs(model, input_tensors)
        if input_tensors is not None
        else tree.map_structure(lambda x: _new_input(x._keras_history.operation), model.input)
    )

    def run(node: Node, args: tuple, arguments: dict) -> Any:
        new = clone(node.operation)
        return call_function(new, *args, **arguments) if call_function else new(*args, **arguments)

    outputs = model._graph.run(tree.flatten(inputs), run)
    cls = type(model) if _takes_graph(type(model)) else Functional
    return _compiled_like(cls(inputs, outputs, name=model.name), model)


def _check_inputs(model: Functional, input_tensors: Any) -> Any:
    if not all(isinstance(x, KerasTensor) for x in tree.flatten(input_tensors)):
        raise ValueError(
            "All entries in `input_tensors` must be KerasTensors. "
            f"Received invalid values: inputs_tensors={input_tensors}"
        )
    try:
        tree.assert_same_structure(input_tensors, model.input)
    except (ValueError, TypeError):
        raise ValueError(
            "`input_tensors` must have the same structure as model.input"
            f"\nReference structure: {model.input}\nReceived structure: {input_tensors}"
        ) from None
    return input_tensors


def _compiled_like(made: Any, model: Any) -> Any:
    config = model.get_compile_config() if model.compiled else None
    if config is not None:
        made.compile_from_config(config)
    return made


__all__ = ["clone_model"]
