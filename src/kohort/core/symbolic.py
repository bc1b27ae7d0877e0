"""Symbolic tensors, the operations that join them, and the graph they make.

An operation called on a `KerasTensor` computes nothing: it infers the output's shape and
records a `Node`. Functional models are cut out of the graph of nodes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kohort.core import frame as frames
from kohort.core import tree
from kohort.core.component import Component
from kohort.core.dtypes import standardize_dtype
from kohort.core.naming import auto_name
from kohort.core.variable import Variable, standardize_shape

# Two sizes for unknown axes: where the outputs differ, the axis is unknown. Far apart, so that
# large strides tell them apart; multiples of 1 to 8, so that splits and reshapes go through.
_PROBES = (840, 1680)


class History(NamedTuple):
    """Where a symbolic tensor comes from."""

    operation: Any
    node_index: int
    tensor_index: int


class KerasTensor:
    """A tensor with a shape and a dtype but no values.

    Args:
        shape: ints and Nones.
        dtype: a dtype.
        name: a name.
    """

    def __init__(
        self,
        shape: Any,
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        del record_history, ragged, kwargs
        self._shape = standardize_shape(shape)
        self._dtype = standardize_dtype(dtype)
        self.sparse = bool(sparse)
        self.ragged = False
        self.name = name or auto_name(type(self).__name__.lower().replace("kerast", "keras_t"))
        self._keras_history: Any = None  # a History, once an operation made the tensor
        self._pre_serialization_keras_history: Any = None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape."""
        return self._shape

    @property
    def dtype(self) -> str:
        """The dtype as a string."""
        return self._dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._shape)

    def keras_tensor_config(self) -> dict[str, Any]:
        """The configuration, with the history by layer name."""
        history = self._keras_history
        named = [history.operation.name, *history[1:]] if history else None
        return {"shape": list(self.shape), "dtype": self.dtype, "keras_history": named}

    def reshape(self, *newshape: Any) -> Any:
        """Symbolic `ops.reshape`."""
        shape = (
            newshape[0]
            if len(newshape) == 1 and isinstance(newshape[0], (tuple, list))
            else newshape
        )
        return _ops().reshape(self, shape)

    def squeeze(self, axis: Any = None) -> Any:
        """Symbolic `ops.squeeze`."""
        return _ops().squeeze(self, axis)

    def astype(self, dtype: Any) -> Any:
        """Symbolic `ops.cast`."""
        return _ops().cast(self, dtype)

    @property
    def T(self) -> Any:
        """Symbolic transpose."""
        return _ops().transpose(self)

    def __getitem__(self, key: Any) -> Any:
        return _ops().get_item(self, key)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise ValueError(
            "A KerasTensor is symbolic: it's a placeholder for a shape an a dtype. It doesn't "
            "have any actual numerical value. You cannot convert it to a NumPy array."
        )

    def __jax_array__(self) -> Any:
        raise ValueError(
            "A KerasTensor cannot be used as input to a JAX function. A KerasTensor is a symbolic "
            "placeholder for a shape and dtype, used when constructing Keras Functional models "
            "or Keras Functions. You can only use it as input to a Keras layer or a Keras "
            "operation (from the namespaces `keras.layers` and `keras.ops`). You are likely "
            "doing something like:\n\n```\nx = Input(...)\n...\njax_fn(x)  # Invalid.\n```\n\n"
            "What you should do instead is wrap `jax_fn` in a layer:\n\n```\nclass "
            "MyLayer(Layer):\n    def call(self, x):\n        return jax_fn(x)\n\n"
            "x = MyLayer()(x)\n```\n"
        )

    def __iter__(self) -> Any:
        raise TypeError("Iterating over a symbolic KerasTensor is not supported.")

    def __bool__(self) -> bool:
        raise TypeError("A symbolic KerasTensor cannot be used as a boolean.")

    def __len__(self) -> int:
        raise TypeError("A symbolic KerasTensor has no length; use its `shape`.")

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return (
            f"<KerasTensor shape={self.shape}, dtype={self.dtype}, sparse={self.sparse}, "
            f"ragged={self.ragged}, name={self.name}>"
        )


_operators: Any = None


def provide_operators(module: Any) -> None:
    """Name the module of functions behind `x + y` and its kin: `kohort.ops` calls this."""
    global _operators
    _operators = module


def _ops() -> Any:
    return _operators


def _operator(name: str, swap: bool = False) -> Callable[..., Any]:
    def method(self: Any, other: Any) -> Any:
        function = getattr(_ops(), name)
        return function(other, self) if swap else function(self, other)

    return method


_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "mod", "pow": "power", "matmul": "matmul",
    "and": "logical_and", "or": "logical_or", "xor": "logical_xor",
}  # fmt: skip
for _dunder, _name in _OPERATORS.items():
    setattr(KerasTensor, f"__{_dunder}__", _operator(_name))
    setattr(KerasTensor, f"__r{_dunder}__", _operator(_name, swap=True))
for _dunder, _name in {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "ne": "not_equal",
}.items():  # fmt: skip  (`==` is identity, as in Keras)
    setattr(KerasTensor, f"__{_dunder}__", _operator(_name))
for _dunder, _name in {"neg": "negative", "abs": "absolute", "invert": "logical_not"}.items():
    setattr(KerasTensor, f"__{_dunder}__", lambda self, f=_name: getattr(_ops(), f)(self))


def is_keras_tensor(x: Any) -> bool:
    """Whether this is a symbolic tensor."""
    return isinstance(x, KerasTensor)


def any_symbolic(*structures: Any) -> bool:
    """Whether a symbolic tensor is among the leaves."""
    return any(isinstance(leaf, KerasTensor) for leaf in tree.flatten(structures))


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

    def __init__(self, name: str | None = None):
        super().__init__(name=name)
        self._inbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

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

    @property
    def input(self) -> Any:
        """The symbolic input of the first call."""
        args, kwargs = self._first_node("input").args, self._first_node("input").kwargs
        inputs = [a for a in (*args, *kwargs.values()) if any_symbolic(a)]
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> Any:
        """The symbolic output of the first call."""
        return self._first_node("output").outputs

    def _first_node(self, what: str) -> Node:
        nodes = self._inbound_nodes
        if not nodes:
            raise AttributeError(
                f"The layer {self.name} has never been called and thus has no defined {what}."
            )
        return nodes[0]


class FunctionOp(Operation):
    """A function of `kohort.ops` as a node of a graph."""

    def __init__(
        self, function: Callable[..., Any], settings: dict[str, Any], name: str | None = None
    ):
        super().__init__(name=name or auto_name(function.__name__))
        self.function, self.settings = function, settings

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function with its settings."""
        return self.function(*args, **kwargs, **self.settings)


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
                return FunctionOp(wrapper, {})(*args, **kwargs)
            return FunctionOp(wrapper, rest)(**tensors)
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
    leaves = tree.flatten((args, kwargs))
    symbolic = [x for x in leaves if isinstance(x, KerasTensor)]
    unknown = any(None in x.shape for x in symbolic)
    results = []
    for probe in _PROBES if unknown else _PROBES[:1]:
        specs = [
            jax.ShapeDtypeStruct([probe if d is None else d for d in x.shape], jnp.dtype(x.dtype))
            for x in symbolic
        ]
        results.append(_abstract_call(function, args, kwargs, specs))
    first, last = results[0], results[-1]

    def merge(a: Any, b: Any) -> Any:
        if not hasattr(a, "shape"):
            return a
        shape = tuple(d if d == e else None for d, e in zip(a.shape, b.shape, strict=True))
        return KerasTensor(shape, dtype=standardize_dtype(a.dtype))

    return tree.map_structure(merge, first, last)


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
