"""Inputs for tests of layers: arrays and symbolic tensors from structures of shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from kohort.core import tree
from kohort.core.dtypes import is_float, is_int, standardize_dtype
from kohort.core.symbolic import KerasTensor


def map_shapes(function: Callable[[tuple, Any], Any], shape: Any, dtype: Any) -> Any:
    """Apply `function(shape, dtype)` to each shape in a structure.

    A dict of `<argument>_shape` gives a dict by argument.

    >>> map_shapes(lambda shape, dtype: len(shape), {"x_shape": (2, 3)}, {"x_shape": "int32"})
    {'x': 2}
    """
    if isinstance(shape, dict):
        return {
            name.removesuffix("_shape"): map_shapes(function, shape[name], dtype[name])
            for name in shape
        }
    if tree.is_shape(shape):
        return function(tuple(shape), dtype)
    if not isinstance(shape, (list, tuple)):
        raise ValueError(f"Cannot map function to unknown objects {shape} and {dtype}")
    return type(shape)(map_shapes(function, s, d) for s, d in zip(shape, dtype, strict=True))


def default_dtypes(shape: Any) -> Any:
    """Return `"float32"` for each shape in a structure."""
    return tree.map_shape_structure(lambda _: "float32", shape)


def check_dtypes(shape: Any, dtype: Any) -> None:
    """Raise ValueError unless `dtype` has the structure of `shape`, one dtype a shape."""
    if tree.is_shape(shape):
        same = isinstance(dtype, str) or not isinstance(dtype, (list, tuple, dict))
    elif isinstance(shape, dict):
        same = isinstance(dtype, dict) and set(dtype) == set(shape)
    else:
        same = type(dtype) is type(shape) and len(dtype) == len(shape)
    if not same:
        raise ValueError(
            "`input_dtype` must give one dtype for each shape, in the same structure. "
            f"Received: input_shape={shape}, input_dtype={dtype}"
        )


def create_keras_tensors(
    input_shape: Any, dtype: Any, sparse: bool = False, ragged: bool = False
) -> Any:
    """Return symbolic tensors of these shapes and dtypes.

    >>> create_keras_tensors((None, 3), "float32").shape
    (None, 3)
    """
    return map_shapes(
        lambda s, d: KerasTensor(s, dtype=standardize_dtype(d), sparse=sparse, ragged=ragged),
        input_shape,
        dtype,
    )


def create_eager_tensors(
    input_shape: Any, dtype: Any, sparse: bool = False, ragged: bool = False
) -> Any:
    """Return arrays of these shapes and dtypes, with values in [0, 3), the same each time.

    >>> create_eager_tensors([(2, 3), (2,)], ["float32", "int32"])[1].dtype
    dtype('int32')
    """
    if sparse or ragged:
        raise ValueError("Sparse and ragged tensors are unsupported: pass dense input data.")
    for name in tree.flatten(dtype):
        if not (is_float(name) or is_int(name)):
            raise ValueError(f"dtype must be a standard float or int dtype. Received: dtype={name}")
    rng = np.random.default_rng(0)

    def draw(shape: tuple, name: Any) -> Any:
        return jnp.asarray(rng.uniform(0.0, 3.0, shape)).astype(standardize_dtype(name))

    return map_shapes(draw, input_shape, dtype)
