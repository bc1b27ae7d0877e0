"""One-hot coding and normalising of arrays."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def _is_jax_array(x: Any) -> bool:
    # JAX arrays exist only if somebody has imported JAX, so NumPy users never wait for it.
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(x, jax.Array)


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Turn integer classes into one-hot rows: `y[..., c] = 1 if x[...] == c else 0`.

    `x` has shape `(...)` or `(..., 1)`, the result `(..., num_classes)`. `num_classes` defaults to
    `max(x) + 1`. NumPy in, float64 NumPy out; a JAX array gives a JAX array.

    >>> to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])

    Raises `ValueError` for a class outside `0 .. num_classes - 1` or no class at all.
    """
    if _is_jax_array(x):
        return _to_categorical_jax(x, num_classes)
    classes = np.array(x, dtype="int64")
    shape = classes.shape[:-1] if classes.ndim > 1 and classes.shape[-1] == 1 else classes.shape
    classes = classes.reshape(-1)
    if not num_classes:
        if not classes.size:
            raise ValueError(
                "`to_categorical` cannot infer `num_classes` from an empty array. "
                f"Received: x with shape {shape}. Pass `num_classes=`."
            )
        num_classes = int(classes.max()) + 1
    _check_classes(classes, num_classes)
    categorical = np.zeros((classes.size, num_classes))
    categorical[np.arange(classes.size), classes] = 1
    return categorical.reshape((*shape, num_classes))


def _check_classes(classes: np.ndarray, num_classes: int) -> None:
    if classes.size and (classes.max() >= num_classes or classes.min() < -num_classes):
        raise ValueError(
            f"Classes must lie in 0 .. num_classes - 1 = {num_classes - 1}. Received: values from "
            f"{classes.min()} to {classes.max()}. (1) Raise `num_classes`, or (2) number the "
            "classes from 0, for example with `np.unique(x, return_inverse=True)`."
        )


def _to_categorical_jax(x: Any, num_classes: int | None) -> Any:
    import jax

    from kohort.core import settings

    if x.ndim > 1 and x.shape[-1] == 1:
        x = x.reshape(x.shape[:-1])
    return jax.nn.one_hot(x, num_classes or int(x.max()) + 1, dtype=settings.floatx())


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """Divide by the norm along an axis: `x / ||x||_order`; zero vectors stay zero.

    The result has the shape of `x`. NumPy in, NumPy out; a JAX array gives a JAX array.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    if _is_jax_array(x):
        return _normalize_jax(x, axis, order)
    x = np.asarray(x)
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, -1 if axis is None else axis)


def _normalize_jax(x: Any, axis: int, order: int) -> Any:
    import jax.numpy as jnp

    from kohort.core import settings

    if not isinstance(order, int) or order < 1:
        raise ValueError(f"Argument `order` must be an int >= 1. Received: order={order}")
    norm = jnp.linalg.norm(jnp.atleast_1d(x), order, axis, keepdims=True)
    return x / jnp.maximum(norm, settings.epsilon())
