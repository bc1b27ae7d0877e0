"""Small helpers on arrays that losses and metrics share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import tree
from kohort.core.dtypes import standardize_dtype
from kohort.core.variable import convert_to_tensor


def array_dtype(dtype: Any) -> str:
    """The dtype that arrays get: 64 bits become 32 unless JAX was told to keep them.

    >>> array_dtype("float64"), array_dtype("float16")
    ('float32', 'float16')
    """
    return str(jax.dtypes.canonicalize_dtype(standardize_dtype(dtype)))


def to_array(x: Any, dtype: Any = None) -> jax.Array:
    """Return a JAX array of `x`, in `dtype` if one is given."""
    return convert_to_tensor(x, None if dtype is None else array_dtype(dtype))


def to_arrays(structure: Any, dtype: Any = None) -> Any:
    """A structure of arrays; nested lists of numbers are one array."""
    if isinstance(structure, Mapping):
        return {key: to_arrays(value, dtype) for key, value in structure.items()}
    if not tree.is_nested(structure) or all(
        isinstance(x, (bool, int, float, np.generic)) for x in tree.flatten(structure)
    ):
        return to_array(structure, dtype)
    return tree.map_structure(lambda x: to_array(x, dtype), structure)


def like(value: Any, x: jax.Array) -> Any:
    """A setting that may be a traced leaf, in the dtype of `x`; a Python number stays one."""
    return value if isinstance(value, (int, float)) else jnp.asarray(value, x.dtype)


def divide_no_nan(x: Any, y: Any) -> jax.Array:
    """Return `x / y`, and 0 where `y` is 0.

    >>> divide_no_nan(jnp.array([1.0, 1.0]), jnp.array([2.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    x, y = to_array(x), to_array(y)
    return jnp.where(y == 0, 0, x / jnp.where(y == 0, 1, y))


def match_ranks(x: Any, y: Any, expand_rank_1: bool = True) -> tuple[Any, Any]:
    """Make two arrays equal in rank, where one has a last axis of size 1 more.

    The longer one loses its last axis; when the shorter has rank 1, it gains one instead.

    >>> a, b = match_ranks(jnp.ones((3,)), jnp.ones((3, 1)))
    >>> a.shape, b.shape
    ((3, 1), (3, 1))
    """
    if len(x.shape) == len(y.shape) + 1 and x.shape[-1] == 1:
        if len(y.shape) == 1 and expand_rank_1:
            return x, jnp.expand_dims(y, -1)
        return jnp.squeeze(x, -1), y
    if len(y.shape) == len(x.shape) + 1 and y.shape[-1] == 1:
        if len(x.shape) == 1 and expand_rank_1:
            return jnp.expand_dims(x, -1), y
        return x, jnp.squeeze(y, -1)
    return x, y


def pair(y_true: Any, y_pred: Any) -> tuple[jax.Array, jax.Array]:
    """Labels and predictions as arrays of one dtype (that of the predictions)."""
    y_pred = to_array(y_pred)
    return to_array(y_true, y_pred.dtype), y_pred


def aligned_pair(y_true: Any, y_pred: Any) -> tuple[jax.Array, jax.Array]:
    """`pair`, with equal ranks where one of them has a last axis of size 1 more."""
    return match_ranks(*pair(y_true, y_pred))
