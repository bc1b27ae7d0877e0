"""Symbolic tensors: a shape and a dtype, no values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kohort.core import tree
from kohort.core.dtypes import standardize_dtype
from kohort.core.naming import auto_name
from kohort.core.variable import standardize_shape


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
        self._sparse = bool(sparse)
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
    def sparse(self) -> bool:
        """Whether the values will be a sparse tensor."""
        return self._sparse

    @property
    def ragged(self) -> bool:
        """False: there are no ragged tensors here."""
        return False

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("shape", "dtype", "sparse", "ragged"):
            raise AttributeError(
                f"The `{name}` attribute of KerasTensor is immutable. One should create a new "
                "instance of KerasTensor for this."
            )
        super().__setattr__(name, value)

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
        raise NotImplementedError("Iterating over a symbolic KerasTensor is not supported.")

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
