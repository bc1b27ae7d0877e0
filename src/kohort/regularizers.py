"""Regularisers: penalties on weights or activities, added to the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import registry
from kohort.core.component import Component, field, hyper, is_zero
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.variable import convert_to_tensor


def validate_float_arg(value: Any, name: str) -> float:
    """Return a factor as a float; raise ValueError unless it is finite and not negative."""
    is_number = isinstance(value, (float, int))
    if not is_number or math.isinf(value) or math.isnan(value) or value < 0:
        raise ValueError(
            f"Invalid value for argument {name}: expected a non-negative float."
            f"Received: {name}={value}"
        )
    return float(value)


def _check_factor(name: str, value: Any) -> None:
    is_array = getattr(value, "shape", None) == ()
    if value is not None and not is_array:
        validate_float_arg(value, name)


def _weighted(factor: Any, penalty: jax.Array) -> jax.Array:
    return jnp.asarray(factor, penalty.dtype) * penalty


class Regularizer(Component, module="keras.regularizers"):
    """Base of regularisers: write `__call__(self, x)`, which returns a scalar.

    >>> class Mean(Regularizer):
    ...     def __call__(self, x):
    ...         return 0.1 * abs(x).mean()
    >>> float(Mean()(jnp.ones(3)))
    0.1
    """

    def __init__(self) -> None:
        pass  # a regulariser has no name

    def __call__(self, x: Any) -> Any:
        """Return the penalty of an array of any shape."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """The configuration; a subclass without declared fields writes its own."""
        if not self.fields:
            raise NotImplementedError(f"{self} does not implement get_config()")
        return super().get_config()


class L1L2(Regularizer):
    """`l1 Σ|x| + l2 Σx²`.

    >>> float(L1L2(0.1, 0.01)(jnp.array([3.0, -4.0])))
    0.95
    """

    l1: float = hyper(0.0, low=0, check=_check_factor)
    l2: float = hyper(0.0, low=0, check=_check_factor)

    def __post_init__(self) -> None:
        self.l1 = 0.0 if self.l1 is None else self.l1
        self.l2 = 0.0 if self.l2 is None else self.l2

    def __call__(self, x: Any) -> jax.Array:
        x = convert_to_tensor(x)
        penalty = jnp.zeros((), x.dtype)
        if not is_zero(self.l1):
            penalty = penalty + _weighted(self.l1, jnp.sum(jnp.abs(x)))
        if not is_zero(self.l2):
            penalty = penalty + _weighted(self.l2, jnp.sum(jnp.square(x)))
        return penalty


class L1(Regularizer):
    """`l1 Σ|x|`: drives weights to zero (the lasso).

    >>> float(L1(0.1)(jnp.array([3.0, -4.0])))
    0.7
    """

    l1: float = hyper(0.01, low=0, check=_check_factor)

    def __post_init__(self) -> None:
        self.l1 = 0.01 if self.l1 is None else self.l1

    def __call__(self, x: Any) -> jax.Array:
        x = convert_to_tensor(x)
        if is_zero(self.l1):
            return jnp.zeros((), x.dtype)
        return _weighted(self.l1, jnp.sum(jnp.abs(x)))


class L2(Regularizer):
    """`l2 Σx²`: keeps weights small (ridge).

    >>> float(L2(0.01)(jnp.array([3.0, -4.0])))
    0.25
    """

    l2: float = hyper(0.01, low=0, check=_check_factor)

    def __post_init__(self) -> None:
        self.l2 = 0.01 if self.l2 is None else self.l2

    def __call__(self, x: Any) -> jax.Array:
        x = convert_to_tensor(x)
        if is_zero(self.l2):
            return jnp.zeros((), x.dtype)
        return _weighted(self.l2, jnp.sum(jnp.square(x)))


def _check_mode(name: str, value: Any) -> None:
    if value not in ("rows", "columns"):
        raise ValueError(
            f"Invalid value for argument `{name}`. Expected one of "
            f'{{"rows", "columns"}}. Received: {name}={value}'
        )


class OrthogonalRegularizer(Regularizer):
    """The mean |cosine| between different rows (or columns) of a matrix, times `factor`.

    >>> float(OrthogonalRegularizer(0.1)(jnp.array([[1.0, 0.0], [0.0, 2.0]])))
    0.0
    """

    factor: float = hyper(0.01, low=0, check=_check_factor)
    mode: str = field("rows", check=_check_mode)

    def __call__(self, inputs: Any) -> jax.Array:
        inputs = convert_to_tensor(inputs)
        if inputs.ndim != 2:
            raise ValueError(
                "Inputs to OrthogonalRegularizer must have rank 2. Received: "
                f"inputs.shape={inputs.shape}"
            )
        rows = inputs if self.mode == "rows" else inputs.T
        squares = jnp.sum(jnp.square(rows), axis=1, keepdims=True)
        rows = rows * jax.lax.rsqrt(jnp.maximum(squares, 1e-12))
        cosines = rows @ rows.T
        size = rows.shape[0]
        others = jnp.abs(cosines * (1.0 - jnp.eye(size, dtype=rows.dtype)))
        pairs = size * (size - 1.0) / 2.0
        return self.factor * 0.5 * jnp.sum(others) / pairs


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
ALL_OBJECTS: dict[str, Any] = {
    "Regularizer": Regularizer,
    "regularizer": Regularizer,
    "L1": L1,
    "l1": L1,
    "L2": L2,
    "l2": L2,
    "L1L2": L1L2,
    "l1l2": L1L2,
    "l1_l2": L1L2,
    "OrthogonalRegularizer": OrthogonalRegularizer,
    "orthogonal_regularizer": OrthogonalRegularizer,
}
for _name, _cls in ALL_OBJECTS.items():
    registry.add_alias("keras.regularizers", _name, _cls)


def serialize(regularizer: Any) -> Any:
    """Return the configuration of a regulariser."""
    return serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a regulariser from its configuration."""
    return deserialize_keras_object(
        config, module_objects=ALL_OBJECTS, custom_objects=custom_objects
    )


def get(identifier: Any) -> Any:
    """Return a regulariser for a name, class, configuration or function.

    >>> get("l2")
    L2()
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        found = ALL_OBJECTS.get(identifier) or registry.get_registered_object(identifier)
    if not callable(found):
        raise ValueError(f"Could not interpret regularizer identifier: {identifier}")
    return found() if isinstance(found, type) else found
