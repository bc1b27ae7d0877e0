"""The operations that join symbolic tensors, and the graph they make.

An operation called on a `KerasTensor` computes nothing: it infers the output's shape and
records a `Node`. Functional models are cut out of the graph of nodes.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import frame as frames
from kohort.core import tree
from kohort.core.component import Component
from kohort.core.dtypes import standardize_dtype
from kohort.core.keras_tensor import (
    History,
    KerasTensor,
    any_symbolic,
)
from kohort.core.keras_tensor import is_keras_tensor as is_keras_tensor
from kohort.core.keras_tensor import provide_operators as provide_operators
from kohort.core.naming import auto_name
from kohort.core.remat import RematMode, get_current_remat_mode, remat_call
from kohort.core.variable import Variable

# Two sizes for unknown axes: where the outputs differ, the axis is unknown. Far apart, so that
# large strides tell them apart; multiples of 1 to 8, so that splits and reshapes go through.
_PROBES = (840, 1680)


class Node:
    """One call of an operation: its arguments and what came out.

    `parents` are the nodes that made the symbolic arguments.
    """

    def __init__(self, operation: Any, args: tuple, kwargs: dict, outputs: Any):
        self.operation, self.args, self.kwargs, self.outputs = operation, args, kwargs, outputs
        self.index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        inputs = [x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        self.input_tensors = inputs
        self.parents = [
            x._keras_history.operation._inbound_nodes[x._keras_history.node_index]
            for x in inputs
            if x._keras_history is not None
        ]
        for i, x in enumerate(tree.flatten(outputs)):
            if isinstance(x, KerasTensor):
                x._keras_history = History(operation, self.index, i)

    @property
    def is_input(self) -> bool:
        """Whether the node has no symbolic argument."""
        return not self.input_tensors

    @property
    def output_tensors(self) -> list[Any]:
        """The outputs as a flat list."""
        return tree.flatten(self.outputs)


class Operation(Component, module="keras"):
    """Something that is called on tensors, symbolic ones included. The base of layers."""

    _remat_mode: RematMode | None = None

    def __init__(self, name: str | None = None):
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name} (of type {type(name)})"
            )
        super().__init__(name=name)
        self._inbound_nodes: list[Node] = []
        if (mode := get_current_remat_mode()) is not None:
            self._remat_mode = mode

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.rematerialized_call(self.call, *args, **kwargs)(*args, **kwargs)

    def rematerialized_call(
        self, layer_call: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Callable[..., Any]:
        """`layer_call`, computed again in the backward pass where a `RematScope` asks for it."""
        if self._remat_mode is None:
            return layer_call
        return remat_call(self, layer_call, args, kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs from arrays."""
        raise NotImplementedError(f"{type(self).__name__} has no `call` method.")

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Infer the outputs and record the node."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as symbolic tensors."""
        return infer_outputs(self.call, *args, **kwargs)

    def base_config(self) -> dict[str, Any]:
        """The name."""
        return {"name": self.name}

    def get_config(self) -> dict[str, Any]:
        """The configuration; a user's `__init__` arguments are included where they are plain."""
        config = super().get_config()
        cls = type(self)
        if cls.get_config is Operation.get_config and not cls.__module__.startswith("kohort."):
            return _with_arguments(self, config)
        return config

    @property
    def input(self) -> Any:
        """The symbolic input of the first call; a list where there are several."""
        inputs = self._first_node("input").input_tensors
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> Any:
        """The symbolic output of the first call; a list where there are several."""
        outputs = self._first_node("output").output_tensors
        return outputs[0] if len(outputs) == 1 else outputs

    def _first_node(self, what: str) -> Node:
        nodes = self._inbound_nodes
        if not nodes:
            raise AttributeError(
                f"The layer {self.name} has never been called and thus has no defined {what}."
            )
        return nodes[0]


_PLAIN = (str, int, float, bool, type(None))


def _with_arguments(operation: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The configuration with what a user's `__init__` was given, defaults included."""
    cls = type(operation)
    signature = inspect.signature(cls.__init__)
    args, kwargs = operation._init_args
    bound = signature.bind(operation, *args, **kwargs)
    bound.apply_defaults()
    kinds = {p.kind: name for name, p in signature.parameters.items()}
    given = dict(list(bound.arguments.items())[1:])
    given |= given.pop(kinds.get(inspect.Parameter.VAR_KEYWORD, ""), {})
    rest = given.pop(kinds.get(inspect.Parameter.VAR_POSITIONAL, ""), ())
    if rest or not all(isinstance(v, _PLAIN) for v in tree.flatten(given)):
        raise NotImplementedError(
            f"Object {cls.__name__} was created by passing arguments to `__init__()` that cannot "
            "be serialized (other than strings, numbers, booleans, or variadic positional ones). "
            "Please implement `get_config()`."
        )
    if "name" not in signature.parameters and inspect.Parameter.VAR_KEYWORD not in kinds:
        del config["name"]
    return {**given, **config}


class FunctionOp(Operation):
    """A function of `kohort.ops` as a node of a graph."""

    def __init__(
        self, function: Callable[..., Any], settings: dict[str, Any], name: str | None = None
    ):
        super().__init__(name=name or auto_name(function.__name__))
        self.function, self.settings = function, settings

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function with its settings.

        Arguments by position go to the parameters that the settings leave: `map` of a file has
        its function `f` as a setting, and `xs` in the call.
        """
        if args and self.settings:
            parameters = inspect.signature(self.function).parameters.values()
            if not any(p.kind is p.VAR_POSITIONAL for p in parameters):
                free = (p.name for p in parameters if p.name not in self.settings)
                args, kwargs = (), {**dict(zip(free, args, strict=False)), **kwargs}
        return self.function(*args, **kwargs, **self.settings)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as symbolic tensors; shapes that do not fit raise ValueError."""
        try:
            return super().compute_output_spec(*args, **kwargs)
        except (TypeError, ValueError) as error:
            for sizes in itertools.islice(_known_sizes((args, kwargs)), 100):
                with contextlib.suppress(TypeError, ValueError):
                    return infer_with_sizes(self.call, args, kwargs, sizes)
            if isinstance(error, ValueError) or not re.search("shape|dimension", str(error)):
                raise
            tensors = [x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
            raise ValueError(
                f"`{self.function.__name__}` got shapes that do not fit. "
                f"Received: {[x.shape for x in tensors]}. {error}"
            ) from None


def operation_of(
    function: Callable[..., Any], settings: dict[str, Any], name: str | None = None
) -> FunctionOp:
    """The operation of a function of `kohort.ops`, of the kind that its own calls record."""
    return getattr(function, "node_class", FunctionOp)(function, settings, name=name)


def op(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make an array function accept Variables, NumPy arrays, lists and symbolic tensors.

    The function itself only ever sees JAX arrays (or tracers) and plain Python values.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            given = _arguments(signature, args, kwargs)
            tensors = {k: v for k, v in given.items() if any_symbolic(v) or k in _TENSOR_ARGS}
            rest = {k: v for k, v in given.items() if k not in tensors}
            positional = any(p.kind is p.VAR_POSITIONAL for p in signature.parameters.values())
            if positional:
                return operation_of(wrapper, {})(*args, **kwargs)
            return operation_of(wrapper, rest)(**tensors)
        args, kwargs = _plain(args), _plain(kwargs)
        return function(*args, **kwargs)

    return wrapper


def _arguments(signature: inspect.Signature, args: tuple, kwargs: dict) -> dict[str, Any]:
    """The arguments by name; those that `**kwargs` takes stand beside the others."""
    given = dict(signature.bind(*args, **kwargs).arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            given.update(given.pop(name, {}))
    return given


_TENSOR_ARGS = {"x", "x1", "x2", "xs", "inputs", "a", "b"}


def _plain(structure: Any) -> Any:
    """Replace Variables by their arrays, without touching anything else."""
    if isinstance(structure, Variable):
        return structure.value
    if isinstance(structure, (tuple, list)) and not hasattr(structure, "_fields"):
        return type(structure)([_plain(x) for x in structure])
    if isinstance(structure, dict):
        return {k: _plain(v) for k, v in structure.items()}
    return structure


def infer_outputs(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run `function` on shapes only; axes of unknown size stay unknown in the outputs.

    Unknown axes are filled with two different sizes: where the results differ, the axis
    depends on them.
    """
    return infer_with_sizes(function, args, kwargs, {})


Axis = tuple[int, int]  # the id of a symbolic tensor, and an axis


def infer_with_sizes(
    function: Callable[..., Any], args: tuple, kwargs: dict, sizes: dict[Axis, int]
) -> Any:
    """`infer_outputs`, with sizes for some of the unknown axes."""
    symbolic = [x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
    shapes = [
        [sizes.get((id(x), i)) if d is None else d for i, d in enumerate(x.shape)] for x in symbolic
    ]
    unknown = any(None in shape for shape in shapes)
    results = []
    for probe in _PROBES if unknown else _PROBES[:1]:
        specs = [
            jax.ShapeDtypeStruct([probe if d is None else d for d in shape], jnp.dtype(x.dtype))
            for x, shape in zip(symbolic, shapes, strict=True)
        ]
        results.append(_abstract_call(function, args, kwargs, specs))
    first, last = results[0], results[-1]

    def merge(a: Any, b: Any) -> Any:
        if not hasattr(a, "shape"):
            return a
        shape = tuple(d if d == e else None for d, e in zip(a.shape, b.shape, strict=True))
        return KerasTensor(shape, dtype=standardize_dtype(a.dtype))

    return tree.map_structure(merge, first, last)


def _known_sizes(structure: Any) -> Iterator[dict[Axis, int]]:
    """Sizes that unknown axes may have to have, since an axis of another tensor has them.

    Those that give few axes a size come first.
    """
    tensors = [x for x in tree.flatten(structure) if hasattr(x, "shape")]
    sizes = sorted({d for x in tensors for d in x.shape if d not in (None, 1)})
    symbolic = {id(x): x for x in tensors if isinstance(x, KerasTensor)}
    axes = [(i, k) for i, x in symbolic.items() for k, d in enumerate(x.shape) if d is None]
    for count in range(1, 1 + min(len(axes), 3)):
        for chosen in itertools.combinations(axes, count):
            for values in itertools.product(sizes, repeat=count):
                yield dict(zip(chosen, values, strict=True))


def _abstract_call(function: Callable[..., Any], args: tuple, kwargs: dict, specs: list) -> Any:
    static: list[Any] = []

    def run(*values: Any) -> list[Any]:
        arrays = iter(values)
        filled_args, filled_kwargs = tree.map_structure(
            lambda x: next(arrays) if isinstance(x, KerasTensor) else x, (args, kwargs)
        )
        with frames.Frame():
            outputs = function(*filled_args, **filled_kwargs)
        outputs = tree.map_structure(lambda x: x.value if isinstance(x, Variable) else x, outputs)
        static[:] = [outputs]
        return [x for x in tree.flatten(outputs) if isinstance(x, jax.Array)]

    found = iter(jax.eval_shape(run, *specs))
    return tree.map_structure(lambda x: next(found) if isinstance(x, jax.Array) else x, static[0])
