"""Variable: a named array that a layer, a metric or an optimiser owns."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import frame as frames
from kohort.core.arrays import is_plain, to_device
from kohort.core.dtypes import is_float, standardize_dtype
from kohort.core.naming import auto_name, check_name, current_path
from kohort.core.registry import get_from

_local = threading.local()
_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")
_SYNCHRONIZATIONS = (None, "none", "on_read", "on_write", "auto")


class autocast:
    """Inside, float variables read as `dtype` (None: as they are)."""

    def __init__(self, dtype: str | None):
        if dtype is not None and not is_float(standardize_dtype(dtype)):
            raise ValueError(
                "`AutocastScope` can only be used with a floating-point target dtype, such as "
                f"'float16'. Received: dtype={dtype}"
            )
        self.dtype = dtype

    def __enter__(self) -> None:
        self._before = getattr(_local, "autocast", None)
        _local.autocast = self.dtype

    def __exit__(self, *exc: object) -> None:
        _local.autocast = self._before


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None
) -> jax.Array:
    """Return a JAX array of `x`: a number, list, NumPy or JAX array, frame or Variable.

    >>> convert_to_tensor([1.0, 2.0]).dtype
    dtype('float32')
    """
    del sparse, ragged
    if isinstance(x, Variable):
        x = x.value
    if dtype is not None:
        dtype = jax.dtypes.canonicalize_dtype(standardize_dtype(dtype))  # 64 bits become 32
    elif not hasattr(x, "dtype"):
        leaves = jax.tree.leaves(x)
        if leaves and all(isinstance(v, (bool, np.bool_)) for v in leaves):
            dtype = "bool"
        elif any(isinstance(v, float) for v in leaves):
            dtype = standardize_dtype(None)
        elif leaves and all(isinstance(v, int) for v in leaves):
            dtype = "int32"
    if is_plain(x):
        return to_device(x, dtype)
    if isinstance(x, (list, tuple)):
        x = jax.tree.map(lambda v: v.value if isinstance(v, Variable) else v, x)
    return jnp.asarray(x, dtype=dtype)


class Variable:
    """A named array with a value that training changes.

    Args:
        initializer: an array, a callable `(shape, dtype) -> array`, or an initialiser's name.
        shape: the shape, unless `initializer` is an array.
        dtype: the dtype; `floatx()` unless told.
        trainable: whether gradients change it.
        autocast: whether a layer's compute dtype applies when it is read.
        aggregation, synchronization: how replicas are joined (kept for Keras's sake).
        name: its name; the path is prefixed by the open name scopes.

    >>> v = Variable([1.0, 2.0], name="v")
    >>> _ = v.assign_add([1.0, 1.0]); v.numpy()
    array([2., 3.], dtype=float32)
    """

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = None,
        synchronization: str | None = "auto",
        name: str | None = None,
        **kwargs: Any,
    ):
        del kwargs
        self.name = name or auto_name(type(self).__name__.lower())
        check_name(self.name)
        _check_choice("aggregation", aggregation, _AGGREGATIONS)
        _check_choice("synchronization", synchronization, _SYNCHRONIZATIONS)
        scope = current_path()
        self.path = f"{scope}/{self.name}" if scope else self.name
        self.autocast = autocast
        self.aggregation = aggregation or "none"
        self.synchronization = synchronization or "none"
        self.trainable = bool(trainable)
        self._overwrite_with_gradient = False
        self._regularizer: Any = None
        self._constraint: Any = None
        self._array = self._initial_value(initializer, shape, dtype)

    @property
    def regularizer(self) -> Any:
        """A function of the value that gives a loss, or None."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        self._regularizer = _checked_callable("regularizer", value)

    @property
    def constraint(self) -> Any:
        """A function of the value that gives the value after each step, or None."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Any) -> None:
        self._constraint = _checked_callable("constraint", value)

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether the gradient takes the value's place instead of changing it."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"`overwrite_with_gradient` must be a boolean. Received: {value}")
        self._overwrite_with_gradient = value

    @property
    def _value(self) -> jax.Array:
        """The array, on the device; a first value stays on the host until somebody asks."""
        if isinstance(self._array, np.ndarray):
            with jax.ensure_compile_time_eval():
                self._array = to_device(self._array)
        return self._array

    @_value.setter
    def _value(self, value: jax.Array | np.ndarray) -> None:
        self._array = value

    @staticmethod
    def _initial_value(initializer: Any, shape: Any, dtype: Any) -> jax.Array | np.ndarray:
        """Compute the first value for real, even while something is traced."""
        with frames.suspended(), jax.ensure_compile_time_eval():
            if isinstance(initializer, str):
                initializer = get_from("initializers", initializer)
            if callable(initializer) and not isinstance(initializer, (jax.Array, np.ndarray)):
                if shape is None:
                    raise ValueError(
                        "When creating a Variable from an initializer, the `shape` argument "
                        f"should be specified. Received: initializer={initializer} "
                        f"and shape={shape}"
                    )
                shape, dtype = standardize_shape(shape), standardize_dtype(dtype)
                if None in shape:
                    raise ValueError(
                        "Shapes used to initialize variables must be fully-defined (no `None` "
                        f"dimensions). Received: shape={shape}"
                    )
                if hasattr(initializer, "on_host"):
                    return initializer.on_host(shape, dtype)
                return convert_to_tensor(initializer(shape, dtype=dtype))
            return convert_to_tensor(initializer, dtype)

    @property
    def value(self) -> Any:
        """The array: the open Frame's, or the variable's own."""
        frame = frames.current()
        value = frame.read(self) if frame is not None else None
        if value is None:
            value = self._value
        cast = getattr(_local, "autocast", None)
        if cast is not None and self.autocast and is_float(value.dtype):
            return value.astype(cast)
        return value

    def assign(self, value: Any) -> Any:
        """Replace the value by one of the same shape; the dtype stays."""
        value = value.value if isinstance(value, Variable) else value
        value = convert_to_tensor(value, self._sibling().dtype)  # its own, also while autocasting
        if value.shape != self.shape:
            raise ValueError(
                "The shape of the target variable and the shape of the target value in "
                f"`variable.assign(value)` must match. variable.shape={self.shape}, Received: "
                f"value.shape={value.shape}. Target variable: {self}"
            )
        frame = frames.current()
        if frame is not None:
            frame.write(self, value)
        else:
            self._value = value
        return value

    def assign_add(self, value: Any) -> Any:
        """Add to the value."""
        return self.assign(self + value)

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the value."""
        return self.assign(self - value)

    def _sibling(self) -> Any:
        frame = frames.current()
        value = frame.read(self) if frame is not None else None
        return self._array if value is None else value

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return tuple(self._sibling().shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> str:
        """The dtype as a string (the compute dtype inside an autocasting layer)."""
        own = standardize_dtype(self._sibling().dtype)
        cast = getattr(_local, "autocast", None)
        return cast if cast is not None and self.autocast and is_float(own) else own

    def numpy(self) -> np.ndarray:
        """The value as a NumPy array."""
        return np.array(self.value)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.value, dtype)

    def __jax_array__(self) -> Any:
        return self.value

    def __getitem__(self, index: Any) -> Any:
        return self.value[index]

    def __len__(self) -> int:
        return self.shape[0]

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __bool__(self) -> bool:
        if self.ndim > 0:
            raise TypeError("A Keras Variable cannot be used as a boolean.")
        return bool(self.value)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> Any:
        return self.value == _value(other) if _is_operand(other) else self is other

    def __ne__(self, other: object) -> Any:
        return self.value != _value(other) if _is_operand(other) else self is not other

    def __round__(self, ndigits: int | None = None) -> Any:
        return jnp.round(self.value, ndigits or 0)

    def __repr__(self) -> str:
        about = f"path={self.path}, shape={self.shape}, dtype={self.dtype}"
        return f"<Variable {about}, value={np.asarray(self._array)}>"


def _is_operand(x: Any) -> bool:
    return isinstance(x, (int, float, np.ndarray, jax.Array, np.generic, Variable))


def _check_choice(argument: str, given: Any, choices: tuple[str | None, ...]) -> None:
    if given not in choices:
        expected = ", ".join(f"`{choice!r}`" for choice in choices)
        raise ValueError(
            f"Invalid value for argument `{argument}`. Expected one of {expected}. "
            f"Received: {argument}={given}"
        )


def _checked_callable(attribute: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise ValueError(
            f"Invalid value for attribute `{attribute}`. Expected a callable (such as a "
            f"`{attribute.capitalize()}`) or `None`. Received: {attribute}={value}"
        )
    return value


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Variable) else x


def _binary(function: Callable[[Any, Any], Any], swap: bool = False) -> Callable[[Any, Any], Any]:
    def method(self: Variable, other: Any) -> Any:
        if type(other).__name__ == "KerasTensor":
            return NotImplemented
        other = _value(other)
        if isinstance(other, (np.ndarray, list, tuple)):
            other = jnp.asarray(other)
        return function(other, self.value) if swap else function(self.value, other)

    return method


_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_LOGICAL = {"and": jnp.logical_and, "or": jnp.logical_or, "xor": jnp.logical_xor}
for _name in _BINARY:
    _function = _LOGICAL.get(_name) or getattr(operator, _name)
    setattr(Variable, f"__{_name}__", _binary(_function))
    setattr(Variable, f"__r{_name}__", _binary(_function, swap=True))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Variable, f"__{_name}__", _binary(getattr(operator, _name)))
for _name in ("neg", "pos", "abs", "invert"):
    _unary = getattr(operator, _name)
    setattr(Variable, f"__{_name}__", lambda self, f=_unary: f(self.value))


def standardize_shape(shape: Any) -> tuple[int | None, ...]:
    """Return a shape as a tuple of ints and Nones, or say what is wrong with it."""
    if not isinstance(shape, (list, tuple)):
        if shape is None:
            raise ValueError("Undefined shapes are not supported.")
        if not hasattr(shape, "__iter__"):
            raise ValueError(f"Cannot convert '{shape}' to a shape.")
    shape = tuple(shape)
    for d in shape:
        if d is None:
            continue
        if not hasattr(d, "__index__") or isinstance(d, bool):
            raise ValueError(
                f"Cannot convert '{shape}' to a shape. Found invalid dimension '{d}' of type "
                f"'{type(d)}'."
            )
        if d < 0:
            raise ValueError(
                f"Cannot convert '{shape}' to a shape. Negative dimensions are not allowed."
            )
    return tuple(None if d is None else int(d) for d in shape)
