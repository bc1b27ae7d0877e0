"""What the families of operations share: conversion of arguments and makers of plain ones."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import settings
from kohort.core.symbolic import FunctionOp, KerasTensor, any_symbolic, infer_outputs, op
from kohort.core.variable import convert_to_tensor

Op = Callable[..., Any]


def array(x: Any) -> jax.Array:
    """`x` as an array. A Python number stays weak: it takes the other operand's dtype."""
    if isinstance(x, jax.Array):
        return x
    if isinstance(x, (bool, int, float, complex, np.ndarray, np.generic)):
        return jnp.asarray(x)
    return convert_to_tensor(x)


def floating(x: Any) -> jax.Array:
    """`x` as an array of floats: whole numbers and booleans become `floatx()`."""
    if isinstance(x, (bool, int)):
        return jnp.asarray(float(x))
    x = array(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(settings.floatx())


def sum_dtype(x: jax.Array) -> Any:
    """The dtype to sum in: float32 for half precision and whole numbers."""
    return jnp.promote_types(x.dtype, jnp.float32)


def axes(axis: Any) -> Any:
    """An axis or a tuple of axes (JAX wants no list)."""
    return tuple(axis) if isinstance(axis, list) else axis


def broadcast_shapes(*shapes: Sequence[int | None]) -> tuple[int | None, ...]:
    """The shape that arrays of these shapes broadcast to; None is an unknown size.

    >>> broadcast_shapes((None, 3), (5, 1), (3,))
    (5, 3)
    """
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple(_broadcast_axis(sizes, shapes) for sizes in zip(*padded, strict=True))


def _broadcast_axis(sizes: tuple[int | None, ...], shapes: Any) -> int | None:
    known = {size for size in sizes if size not in (1, None)}
    if len(known) > 1:
        raise ValueError(f"Cannot broadcast shape, the failure dim has values {known}: {shapes}")
    return known.pop() if known else None if None in sizes else 1


class ElementwiseOp(FunctionOp):
    """A node of a function that works entry by entry, with broadcasting."""

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Broadcast the shapes; infer the dtype on scalars."""
        values = [*args, *kwargs.values()]
        shape = broadcast_shapes(*(getattr(x, "shape", None) or np.shape(x) for x in values))

        def scalar(x: Any) -> Any:
            if isinstance(x, KerasTensor):
                return KerasTensor((), x.dtype)
            return x if np.ndim(x) == 0 else jnp.zeros((), array(x).dtype)

        found = infer_outputs(
            self.call, *map(scalar, args), **{k: scalar(v) for k, v in kwargs.items()}
        )
        return KerasTensor(shape, found.dtype)


def elementwise(function: Op) -> Op:
    """Like `op`, for functions of which all arguments broadcast against each other."""
    plain, signature = op(function), inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return ElementwiseOp(wrapper, {})(**signature.bind(*args, **kwargs).arguments)
        return plain(*args, **kwargs)

    return wrapper


def unary(name: str, function: Op, summary: str, convert: Op = array) -> Op:
    """Make the operation `name(x)`, which applies a JAX function entry by entry."""

    def operation(x: Any) -> jax.Array:
        return function(convert(x))

    return op(named(operation, name, summary))


def binary(name: str, function: Op, summary: str, convert: Op = array) -> Op:
    """Make the operation `name(x1, x2)`, entry by entry, with broadcasting."""

    def operation(x1: Any, x2: Any) -> jax.Array:
        return function(convert(x1), convert(x2))

    return elementwise(named(operation, name, summary))


def reduction(name: str, function: Op, summary: str, convert: Op = array) -> Op:
    """Make the operation `name(x, axis=None, keepdims=False)`."""

    def operation(x: Any, axis: Any = None, keepdims: bool = False) -> jax.Array:
        return function(convert(x), axis=axes(axis), keepdims=keepdims)

    return op(named(operation, name, summary))


def named(operation: Op, name: str, summary: str) -> Op:
    """Give a made function its name and docstring."""
    operation.__name__ = operation.__qualname__ = name
    operation.__doc__ = summary
    return operation
