"""From the host to the device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_plain(x: Any) -> bool:
    """Whether `x` is a number or a NumPy array of numbers."""
    if isinstance(x, (np.ndarray, np.generic)):
        return x.dtype.kind not in "OSUMm" and not isinstance(x, np.ma.MaskedArray)
    return isinstance(x, (bool, int, float, complex))


def to_device(x: Any, dtype: Any = None) -> jax.Array:
    """A JAX array with the values of a number or NumPy array.

    It is a copy: JAX on a CPU would take over the memory of a NumPy array and see what is written
    there later. And it names the dtype: without, JAX compiles an identity for each new shape.

    >>> to_device(np.array([1, 2]), "float32")
    Array([1., 2.], dtype=float32)
    """
    dtype = jax.dtypes.canonicalize_dtype(np.asarray(x).dtype if dtype is None else dtype)
    return jnp.asarray(np.array(x, dtype), dtype)
