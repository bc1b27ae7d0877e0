"""Dtypes: names, promotion as in Keras, and the dtype policies of layers."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np

from kohort.core import settings
from kohort.core.component import Component

ALLOWED = (
    "float16", "float32", "float64", "bfloat16", "uint8", "uint16", "uint32", "uint64",
    "int8", "int16", "int32", "int64", "bool", "string", "complex64", "complex128",
    "float8_e4m3fn", "float8_e5m2", "int4", "uint4",
)  # fmt: skip
_PYTHON = {bool: "bool", int: "int32", float: "float32", str: "string", complex: "complex64"}


def standardize_dtype(dtype: Any) -> str:
    """Return a dtype as a string; None means `floatx()`.

    >>> standardize_dtype(np.float32), standardize_dtype(int)
    ('float32', 'int32')
    """
    if dtype is None:
        return settings.floatx()
    if dtype in _PYTHON:
        return settings.floatx() if dtype is float else _PYTHON[dtype]
    if isinstance(dtype, str):
        name = dtype
    elif isinstance(dtype, np.dtype):
        name = _numpy_name(dtype)
    elif hasattr(dtype, "name"):
        name = dtype.name
    elif hasattr(dtype, "__name__"):
        name = dtype.__name__
    else:
        name = str(dtype).removeprefix("torch.")
    name = {"bool_": "bool", "str_": "string", "object": "string", "int": "int32"}.get(name, name)
    if name not in ALLOWED:
        raise ValueError(f"Invalid dtype: {dtype}")
    return name


@functools.cache
def _numpy_name(dtype: np.dtype) -> str:
    return dtype.name  # which NumPy puts together at each call


def is_float(dtype: Any) -> bool:
    """Whether this is a floating dtype."""
    return "float" in standardize_dtype(dtype)


def is_int(dtype: Any) -> bool:
    """Whether this is an integer dtype."""
    return "int" in standardize_dtype(dtype)


def result_type(*dtypes: Any) -> str:
    """The dtype that an operation on these dtypes gives; 64 bits are kept to 32.

    Python scalars are weak: `result_type("int32", float)` is the default float type.

    >>> result_type("int32", "float32"), result_type("bfloat16", "float32")
    ('float32', 'float32')
    """
    if not dtypes:
        return settings.floatx()
    # A Python number stands in for a weak type. By identity: `np.dtype("bool") == bool`.
    weak = {id(float): 1.0, id(int): 1, id(bool): True, id(None): 1.0}
    args = [weak.get(id(d)) or jnp.dtype(_jax_name(d)) for d in dtypes]
    name = standardize_dtype(jnp.result_type(*args))
    if all(not isinstance(a, np.dtype) for a in args) and "float" in name:
        return settings.floatx()
    return name


def _jax_name(dtype: Any) -> str:
    name = standardize_dtype(dtype)
    return {"float64": "float32", "int64": "int32", "uint64": "uint32"}.get(name, name)


class DTypePolicy(Component, module="keras"):
    """Which dtype a layer computes in and which its variables have.

    Args:
        name: a dtype, or `"mixed_float16"` / `"mixed_bfloat16"` (compute in half precision,
            keep float32 variables).

    >>> DTypePolicy("mixed_bfloat16").compute_dtype
    'bfloat16'
    """

    def __init__(self, name: str | None = None, source_name: str | None = None):
        if name is None:
            name = dtype_policy().name
        if not isinstance(name, str):
            raise TypeError(
                f"'name' must be a string, such as 'mixed_float16'. Received: name={name} "
                f"(of type {type(name)})"
            )
        del source_name
        self._name = name
        self._compute_dtype, self._variable_dtype = self._parse(name)

    @staticmethod
    def _parse(name: str) -> tuple[str, str]:
        if name in ("mixed_float16", "mixed_bfloat16"):
            return name.removeprefix("mixed_"), "float32"
        try:
            dtype = standardize_dtype(name)
        except ValueError:
            raise ValueError(
                f"Cannot convert '{name}' to a mixed precision DTypePolicy. Valid policies "
                "include 'mixed_float16', 'mixed_bfloat16', and the name of any float dtype such "
                "as 'float32'."
            ) from None
        return dtype, dtype

    @property
    def name(self) -> str:  # type: ignore[override]
        """The policy's name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype in which `call` runs."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the variables."""
        return self._variable_dtype

    def at(self, path: str | None) -> DTypePolicy:
        """The policy of the layer with this path: this one, but for a `DTypePolicyMap`."""
        return self

    @property
    def quantization_mode(self) -> None:
        """None: quantised policies do not exist here."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: str) -> Any:
        """Return `x` as an array, floats cast to `dtype` when `autocast`."""
        from kohort.core.symbolic import KerasTensor
        from kohort.core.variable import convert_to_tensor

        if isinstance(x, KerasTensor):
            return x.astype(dtype) if autocast and is_float(x.dtype) and x.dtype != dtype else x
        if hasattr(x, "dtype"):
            cast = autocast and "float" in str(x.dtype)
            return convert_to_tensor(x, dtype if cast else None)
        return convert_to_tensor(x, dtype if isinstance(x, float) else None)

    def get_config(self) -> dict[str, Any]:
        """The policy's name."""
        return {"name": self._name}

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._name == other._name

    def __hash__(self) -> int:
        return hash((type(self), self._name))

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


FloatDTypePolicy = DTypePolicy
_global_policy: DTypePolicy | None = None


def dtype_policy() -> DTypePolicy:
    """The policy of layers that name none."""
    return _global_policy or DTypePolicy(settings.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Set the policy of layers that name none: `"mixed_bfloat16"`, say."""
    global _global_policy
    if not isinstance(policy, (str, DTypePolicy)):
        raise ValueError(
            "Invalid `policy` argument. Expected the string name of a policy (such as "
            "'mixed_float16') or a `DTypePolicy` instance. "
            f"Received: policy={policy} (of type {type(policy)})"
        )
    _global_policy = get_policy(policy)


def reset_dtype_policy() -> None:
    """Let `floatx()` be the policy of layers that name none."""
    global _global_policy
    _global_policy = None


def get_policy(identifier: Any) -> DTypePolicy:
    """Return a policy for a policy, name, dtype, configuration or None (the default)."""
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        from kohort.core.serialization import deserialize_keras_object

        return deserialize_keras_object(identifier)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(standardize_dtype(identifier))
    except (ValueError, TypeError):
        raise ValueError(
            "Cannot interpret `dtype` argument. Expected a string or an instance of DTypePolicy. "
            f"Received: dtype={identifier}"
        ) from None
