"""Activation functions, by name or as functions.

y = f(x), entry by entry; `softmax`, `log_softmax` and `sparsemax` along an axis.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import registry
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.symbolic import op
from kohort.ops import keras_names
from kohort.ops._base import array
from kohort.ops.elementwise import exp as _exp
from kohort.ops.elementwise import tanh
from kohort.ops.nn_activation import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    tanh_shrink,
    threshold,
)

Activation = Callable[..., Any]


@op
def relu(
    x: Any, negative_slope: Any = 0.0, max_value: Any = None, threshold: Any = 0.0
) -> jax.Array:
    """Rectified linear unit.

        f(x) = max_value                          where x ≥ max_value
        f(x) = x                                  where threshold ≤ x < max_value
        f(x) = negative_slope · (x - threshold)   elsewhere

    >>> relu([-10.0, 5.0, 10.0], max_value=6.0)
    Array([0., 5., 6.], dtype=float32)
    >>> relu([-10.0, 10.0], negative_slope=0.5)
    Array([-5., 10.], dtype=float32)
    """
    x = array(x)
    sloped = not (isinstance(negative_slope, (int, float)) and negative_slope == 0)
    shifted = not (isinstance(threshold, (int, float)) and threshold == 0)
    if sloped and not shifted and max_value is None:
        return jax.nn.leaky_relu(x, negative_slope)
    kept = jnp.where(x > threshold, x, jnp.zeros((), x.dtype)) if shifted else jax.nn.relu(x)
    if max_value is not None:
        kept = jnp.clip(kept, jnp.zeros((), x.dtype), jnp.asarray(max_value, x.dtype))
    if sloped:
        kept = kept - negative_slope * jax.nn.relu(threshold - x if shifted else -x)
    return kept


@op
def gelu(x: Any, approximate: bool = False) -> jax.Array:
    """Gaussian error linear unit: x · Φ(x), Φ the normal distribution's.

    Source: Hendrycks and Gimpel, 2016 (arXiv:1606.08415).

    >>> gelu([1.0])
    Array([0.8413447], dtype=float32)
    """
    return jax.nn.gelu(array(x), approximate)


@op
def mish(x: Any) -> jax.Array:
    """x · tanh(softplus(x)) (Misra, 2019, arXiv:1908.08681).

    >>> mish([1.0])
    Array([0.8650984], dtype=float32)
    """
    x = array(x)
    return x * jnp.tanh(jax.nn.softplus(x))


def exponential(x: Any) -> jax.Array:
    """exp(x).

    >>> exponential([0.0])
    Array([1.], dtype=float32)
    """
    return _exp(x)


def linear(x: Any) -> Any:
    """Return x itself.

    >>> linear(3.0)
    3.0
    """
    return x


swish, hard_swish = silu, hard_silu

_FUNCTIONS: dict[str, Activation] = {
    f.__name__: f
    for f in (
        relu, leaky_relu, relu6, softmax, celu, elu, selu, softplus, softsign, squareplus,
        soft_shrink, sparse_plus, silu, gelu, glu, tanh, tanh_shrink, threshold, sigmoid,
        sparse_sigmoid, exponential, hard_sigmoid, hard_silu, hard_tanh, hard_shrink, linear,
        mish, log_softmax, log_sigmoid, sparsemax,
    )
}  # fmt: skip
_FUNCTIONS.update(swish=silu, hard_swish=hard_silu)
for _name, _function in _FUNCTIONS.items():
    registry.add_alias("keras.activations", _name, _function)


for _class, _function in {"ReLU": relu, "Mish": mish}.items():
    keras_names.add_class("keras.src.activations.activations", _class, _function)


def is_pointwise(activation: Any) -> bool:
    """Whether it is one of Keras's activations that change each entry by itself.

    >>> is_pointwise(relu), is_pointwise(softmax), is_pointwise(lambda x: x)
    (True, False, False)
    """
    along_an_axis = (softmax, log_softmax, sparsemax, glu)
    return any(activation is f for f in _FUNCTIONS.values() if f not in along_an_axis)


def serialize(activation: Any) -> Any:
    """Return the name of one of Keras's activations, else a configuration.

    >>> serialize(relu)
    'relu'
    """
    config = serialize_keras_object(activation)
    if not isinstance(config, dict) or "config" not in config:
        raise ValueError(
            f"Unknown activation function '{activation}' cannot be serialized due to invalid "
            "function name. Make sure to use an activation name that matches the references "
            "defined in activations.py or use `@keras.saving.register_keras_serializable()` "
            f"to register any custom activations. config={config}"
        )
    if not isinstance(activation, types.FunctionType):
        return config
    name = config["config"]
    if isinstance(name, str) and _FUNCTIONS.get(name) is activation:
        return name
    if isinstance(name, str):
        config["config"] = registry.get_registered_name(activation)
        return config
    return name


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the activation of a name or configuration.

    >>> deserialize("relu") is relu
    True
    """
    return deserialize_keras_object(
        config, module_objects=_FUNCTIONS, custom_objects=custom_objects
    )


def get(identifier: Any) -> Activation:
    """Return an activation for a name, a configuration, a callable or None (`linear`).

    >>> get("swish") is silu, get(None) is linear
    (True, True)
    """
    if identifier is None:
        return linear
    found = identifier
    if isinstance(identifier, dict):
        found = deserialize_keras_object(identifier)
    elif isinstance(identifier, str):
        found = _FUNCTIONS.get(identifier) or registry.get_registered_object(identifier)
    if callable(found):
        return found
    raise ValueError(
        f"Could not interpret activation function identifier: {identifier}. "
        f"Known names: {', '.join(sorted(_FUNCTIONS))}."
    )
