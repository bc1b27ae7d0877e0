"""What two models share when one compiled program serves both.

`Structure` lists a model's variables and hyperparameter leaves under canonical paths, and
has a key: the configuration of model, loss, metrics and optimiser less the values of the
hyperparameters and less the names. Equal keys mean the same program.
"""

from __future__ import annotations

import hashlib
import types
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import jax
import numpy as np

from kohort.core.component import Component, leaf_fields
from kohort.core.naming import to_snake_case
from kohort.core.symbolic import KerasTensor, Node
from kohort.core.variable import Variable
from kohort.initializers import Initializer
from kohort.random import SeedGenerator

# Attributes that do not change what a program computes.
_SKIP = {
    "name", "_init_args", "_inbound_nodes", "_own", "_losses", "built", "_called",
    "_build_shapes", "_born_trainable_set", "_functional", "_tail", "_parent", "_initial_weights",
    "_input_shape_arg", "_functional_layers", "output_names", "input_names", "history",
    "stop_training", "stop_evaluating", "stop_predicting", "_compile_args", "_callback_list",
    "_input_tensor", "path", "_name", "_built", "_runtime", "_fresh_metrics", "_shuffle_seed",
    "_data_use", "_initial_epoch", "_initial_step", "_eval_source", "_symbolic_done",
    "_compile_config", "compiled", "_deferred", "_names", "_user_class", "input_spec",
    "steps_per_execution",
}  # fmt: skip
_SIMPLE = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), np.dtype, type)


class Structure:
    """Canonical paths of variables and leaves, and the key of the compiled program.

    Args:
        root: the model.
        extra: what else decides the program, by name.
        varied: paths of leaves that stay leaves at their neutral value, since another member of
            a cohort has another; None for all of them.
    """

    def __init__(
        self, root: Component, extra: Mapping[str, Any], varied: Collection[str] | None = ()
    ):
        self._varied = varied
        self._leaf_paths: set[str] = set()
        self.variables: dict[str, Variable] = {}
        self.leaves: dict[str, tuple[Component, str]] = {}
        self._paths: dict[int, str] = {}
        self._seen: dict[int, int] = {}
        parts = [self._component(root, "")]
        parts += [(name, self._value(value, name)) for name, value in extra.items()]
        self.key = tuple(parts)

    def path_of(self, variable: Variable) -> str:
        """The canonical path of a variable."""
        return self._paths[id(variable)]

    # ---- description

    def _value(self, value: Any, path: str) -> Any:
        if isinstance(value, _SIMPLE):
            return (type(value).__name__, value)
        if isinstance(value, Variable):
            return self._variable(value, path)
        if isinstance(value, Initializer):
            return ("initializer",)  # it made the first values; programs do not see it
        if isinstance(value, SeedGenerator):
            return ("seed", self._variable(value.state, f"{path}/seed_generator_state"))
        if isinstance(value, Component):
            return self._component(value, path)
        if isinstance(value, (list, tuple, set, frozenset)):
            return (
                type(value).__name__,
                tuple(self._value(v, p) for p, v in self._numbered(value, path)),
            )
        if isinstance(value, Mapping):
            items = [(self._key(k), v) for k, v in value.items()]
            return ("dict", tuple((k, self._value(v, f"{path}/{k}")) for k, v in items))
        if isinstance(value, (np.ndarray, np.generic, jax.Array)):
            return _array(value)
        if isinstance(value, KerasTensor):
            return ("symbolic", value.shape, value.dtype)
        if isinstance(value, (types.FunctionType, types.MethodType)):
            return self._function(value, path)
        if hasattr(value, "structure_key"):
            return value.structure_key()
        return _Identity(value)

    def _key(self, key: Any) -> Any:
        return self._paths.get(id(key), "variable") if isinstance(key, Variable) else str(key)

    def _numbered(self, values: Any, path: str) -> list[tuple[str, Any]]:
        """Paths of list items: layers by class name and counter, as in Keras's files."""
        counts: Counter[str] = Counter()
        named = []
        for i, value in enumerate(values):
            if isinstance(value, Component):
                base = to_snake_case(type(value).__name__)
                key = f"{base}_{counts[base]}" if counts[base] else base
                counts[base] += 1
            else:
                key = str(i)
            named.append((f"{path}/{key}" if path else key, value))
        return named

    def _variable(self, variable: Variable, path: str) -> Any:
        if id(variable) in self._paths:
            return ("ref", self._paths[id(variable)])
        unique, n = path, 1
        while unique in self.variables:
            unique, n = f"{path}_{n}", n + 1
        self.variables[unique] = variable
        self._paths[id(variable)] = unique
        return (
            "variable", unique, variable.shape, variable.dtype, variable.trainable,
            variable.overwrite_with_gradient,
            self._value(variable.regularizer, f"{unique}_regularizer"),
            self._value(variable.constraint, f"{unique}_constraint"),
        )  # fmt: skip

    def _component(self, component: Component, path: str) -> Any:
        if id(component) in self._seen:
            return ("ref", self._seen[id(component)])
        self._seen[id(component)] = len(self._seen)
        parts: list[Any] = [type(component)]
        hypers = dict(leaf_fields(type(component)))  # type: ignore[arg-type]
        for name, value in list(component.__dict__.items()):
            if name in _SKIP:
                continue
            here = f"{path}/{name}" if path else name
            if name in hypers:
                parts.append((name, self._leaf(component, name, hypers[name], value, here)))
            elif name == "_stack":
                parts.append((name, self._value(value, path)))
            elif name == "_graph":
                parts.append((name, self._graph(value, path)))
            elif name == "optimizer":
                continue  # described under its own path, with the compile arguments
            else:
                parts.append((name, self._value(value, here)))
        for variable in component.__dict__.get("_own", ()):
            here = f"{path}/{variable.name}" if path else variable.name
            parts.append(self._variable(variable, here))
        return tuple(parts)

    def _leaf(self, component: Component, name: str, spec: Any, value: Any, path: str) -> Any:
        unique, n = path, 1
        while unique in self._leaf_paths:
            unique, n = f"{path}_{n}", n + 1
        self._leaf_paths.add(unique)
        if spec.is_constant(value) and not (self._keeps(unique) and spec.is_number(value)):
            return self._value(value, path)
        self.leaves[unique] = (component, name)
        return ("leaf", unique)

    def _keeps(self, path: str) -> bool:
        return self._varied is None or path in self._varied

    def _graph(self, graph: Any, path: str) -> Any:
        layers = tuple(self._value(op, p) for p, op in self._numbered(graph.operations, path))
        number: dict[int, tuple[int, int]] = {}
        for i, x in enumerate(graph.inputs):
            number[id(x)] = (-1, i)
        calls = []
        nodes: list[Node] = [n for level in graph.nodes_by_depth.values() for n in level]
        for i, node in enumerate(nodes):
            for j, x in enumerate(node.output_tensors):
                number.setdefault(id(x), (i, j))

        def swap(x: Any) -> Any:
            return _Place(number[id(x)]) if id(x) in number else x

        for node in nodes:
            args = jax.tree.map(swap, (node.args, node.kwargs), is_leaf=_is_symbolic)
            calls.append((self._seen.get(id(node.operation)), self._value(args, path)))
        outputs = jax.tree.map(swap, graph.outputs_struct, is_leaf=_is_symbolic)
        struct = jax.tree.structure(graph.inputs_struct, is_leaf=_is_symbolic)
        return ("graph", layers, tuple(calls), self._value(outputs, path), str(struct))

    def _function(self, function: Any, path: str) -> Any:
        """A function by its code and what it closes over: a lambda made anew is the same."""
        if isinstance(function, types.MethodType):
            owner = self._value(function.__self__, path)
            return ("method", owner, self._function(function.__func__, path))
        if function.__module__ and function.__module__.startswith(("kohort.", "jax.")):
            return function
        cells = function.__closure__ or ()
        try:
            inside = tuple(self._value(c.cell_contents, path) for c in cells)
        except ValueError:  # an empty cell
            return _Identity(function)
        known = function.__globals__
        used = tuple(
            (n, known[n])
            for n in function.__code__.co_names
            if n in known and isinstance(known[n], _SIMPLE)
        )
        return (function.__code__, self._value(function.__defaults__, path), inside, used)


class _Place(Component):
    """Stands for a tensor of the graph: which node, which output."""

    def __init__(self, place: tuple[int, int]):
        self.place = place


class _Identity:
    """Something that has no configuration: equal only to itself."""

    def __init__(self, value: Any):
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and self.value is other.value


def _is_symbolic(x: Any) -> bool:
    return isinstance(x, KerasTensor)


def _array(value: Any) -> Any:
    data = np.asarray(value)
    if data.dtype == object:
        return _Identity(value)
    return (
        "array",
        data.shape,
        str(data.dtype),
        hashlib.sha1(np.ascontiguousarray(data).tobytes()).hexdigest(),
    )
