"""Constraints: what a weight must satisfy, applied after each update."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import registry
from kohort.core.component import Component, hyper, is_zero
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.settings import epsilon
from kohort.core.variable import convert_to_tensor


def _norms(w: jax.Array, axis: Any) -> jax.Array:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return jnp.sqrt(jnp.sum(jnp.square(w), axis=axis, keepdims=True))


class Constraint(Component, module="keras.constraints"):
    """Base of constraints: write `__call__(self, w)`, which returns the allowed weight.

    >>> class Small(Constraint):
    ...     def __call__(self, w):
    ...         return jnp.clip(w, -1, 1)
    >>> Small()(jnp.array([3.0]))
    Array([1.], dtype=float32)
    """

    def __init__(self) -> None:
        pass  # a constraint has no name

    def __call__(self, w: Any) -> Any:
        """Return the projection of a weight, of the same shape."""
        return w


class MaxNorm(Constraint):
    """Norms along `axis` are at most `max_value` (for dropout: Srivastava et al., 2014).

    Args:
        max_value: the greatest norm.
        axis: the axes of one unit's incoming weights: 0 for `Dense`, `[0, 1, 2]` for `Conv2D`.

    >>> MaxNorm(1.0)(jnp.array([[3.0], [4.0]]))
    Array([[0.6], [0.8]], dtype=float32)
    """

    max_value: float = hyper(2, low=0, neutral=None)
    axis: Any = 0

    def __call__(self, w: Any) -> jax.Array:
        w = convert_to_tensor(w)
        norms = _norms(w, self.axis)
        desired = jnp.clip(norms, 0, self.max_value)
        return w.astype(norms.dtype) * (desired / (epsilon() + norms))


class NonNeg(Constraint):
    """Weights are not negative.

    >>> NonNeg()(jnp.array([-1.0, 2.0]))
    Array([0., 2.], dtype=float32)
    """

    def __call__(self, w: Any) -> jax.Array:
        return jnp.maximum(convert_to_tensor(w), 0)


class UnitNorm(Constraint):
    """Norms along `axis` are 1.

    >>> UnitNorm()(jnp.array([[3.0], [4.0]]))
    Array([[0.6], [0.8]], dtype=float32)
    """

    axis: Any = 0

    def __call__(self, w: Any) -> jax.Array:
        w = convert_to_tensor(w)
        norms = _norms(w, self.axis)
        return w.astype(norms.dtype) / (epsilon() + norms)


class MinMaxNorm(Constraint):
    """Norms along `axis` go towards `[min_value, max_value]`, by the fraction `rate` a step.

    >>> MinMaxNorm(0.0, 2.5, rate=0.5)(jnp.array([[3.0], [4.0]]))
    Array([[2.25], [3.  ]], dtype=float32)
    """

    min_value: float = hyper(0.0, low=0)
    max_value: float = hyper(1.0, low=0, neutral=None)
    rate: float = hyper(1.0, low=0, high=1, neutral=1.0)
    axis: Any = 0

    def __call__(self, w: Any) -> jax.Array:
        w = convert_to_tensor(w)
        norms = _norms(w, self.axis)
        desired = self.rate * jnp.clip(norms, self.min_value, self.max_value)
        if not is_zero(1 - self.rate):
            desired = desired + (1 - self.rate) * norms
        return w.astype(norms.dtype) * (desired / (epsilon() + norms))


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
ALL_OBJECTS: dict[str, Any] = {
    "Constraint": Constraint,
    "constraint": Constraint,
    "MaxNorm": MaxNorm,
    "max_norm": MaxNorm,
    "NonNeg": NonNeg,
    "non_neg": NonNeg,
    "UnitNorm": UnitNorm,
    "unit_norm": UnitNorm,
    "MinMaxNorm": MinMaxNorm,
    "min_max_norm": MinMaxNorm,
}
for _name, _cls in ALL_OBJECTS.items():
    registry.add_alias("keras.constraints", _name, _cls)


def serialize(constraint: Any) -> Any:
    """Return the configuration of a constraint."""
    return serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a constraint from its configuration."""
    return deserialize_keras_object(
        config, module_objects=ALL_OBJECTS, custom_objects=custom_objects
    )


def get(identifier: Any) -> Any:
    """Return a constraint for a name, class, configuration or function.

    >>> get("non_neg")
    NonNeg()
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        found = ALL_OBJECTS.get(identifier) or registry.get_registered_object(identifier)
    if not callable(found):
        raise ValueError(f"Could not interpret constraint identifier: {identifier}")
    return found() if isinstance(found, type) else found
