"""What the families of operations share: conversion of arguments and makers of plain ones."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import settings, tree
from kohort.core.symbolic import (
    FunctionOp,
    KerasTensor,
    any_symbolic,
    infer_outputs,
    infer_with_sizes,
    op,
)
from kohort.core.variable import convert_to_tensor

Op = Callable[..., Any]


def array(x: Any) -> jax.Array:
    """`x` as an array. A Python number stays weak: it takes the other operand's dtype."""
    if isinstance(x, jax.Array):
        return x
    if isinstance(x, (bool, int, float, complex)):
        return jnp.asarray(x)
    return convert_to_tensor(x)


def floating(x: Any) -> jax.Array:
    """`x` as an array of floats: whole numbers and booleans become `floatx()`."""
    if isinstance(x, (bool, int)):
        return jnp.asarray(float(x))
    x = array(x)
    return x if _inexact(x) else x.astype(settings.floatx())


def floating_together(x1: Any, x2: Any) -> tuple[jax.Array, jax.Array]:
    """Two arrays as floats of one dtype: float16 with whole numbers stays float16."""
    x1, x2 = array(x1), array(x2)
    dtype = jnp.promote_types(x1.dtype, x2.dtype)
    return floating(x1.astype(dtype)), floating(x2.astype(dtype))


def _inexact(x: jax.Array) -> bool:
    return bool(jnp.issubdtype(x.dtype, jnp.inexact))


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
            return x if np.ndim(x) == 0 else KerasTensor((), str(array(x).dtype))

        found = infer_outputs(
            self.call, *map(scalar, args), **{k: scalar(v) for k, v in kwargs.items()}
        )
        return KerasTensor(shape, found.dtype)


def shaped(rule: Op) -> Callable[[Op], Op]:
    """Let `rule` give the symbolic outputs of an operation, for sizes that depend on values.

    The rule gets the operation's arguments.
    """

    class ShapedOp(FunctionOp):
        def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
            return rule(*args, **kwargs, **self.settings)

    def mark(operation: Op) -> Op:
        operation.node_class = ShapedOp  # type: ignore[attr-defined]
        return operation

    return mark


class CutOp(FunctionOp):
    """A node of a function that takes at most so many entries of an axis, such as `x[:3]`."""

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Also try unknown axes of size 1: what is shorter then, is not known."""
        found = super().compute_output_spec(*args, **kwargs)
        tensors = [x for x in tree.flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        short = {(id(x), i): 1 for x in tensors for i, d in enumerate(x.shape) if d is None}
        if not short:
            return found
        with contextlib.suppress(TypeError, ValueError, IndexError):
            other = infer_with_sizes(self.call, args, kwargs, short).shape
            shape = [d if d == e else None for d, e in zip(found.shape, other, strict=True)]
            return KerasTensor(shape, found.dtype)
        return found


def cut(operation: Op) -> Op:
    """Mark an operation as one whose nodes are `CutOp`s."""
    operation.node_class = CutOp  # type: ignore[attr-defined]
    return operation


def elementwise(function: Op) -> Op:
    """Like `op`, for functions of which all arguments broadcast against each other."""
    plain, signature = op(function), inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return ElementwiseOp(wrapper, {})(**signature.bind(*args, **kwargs).arguments)
        return plain(*args, **kwargs)

    wrapper.node_class = ElementwiseOp  # type: ignore[attr-defined]
    return wrapper


def unary(name: str, function: Op, summary: str, convert: Op = array) -> Op:
    """Make the operation `name(x)`, which applies a JAX function entry by entry."""

    def operation(x: Any) -> jax.Array:
        return function(convert(x))

    return op(named(operation, name, summary))


def binary(name: str, function: Op, summary: str, convert: Op = array) -> Op:
    """Make the operation `name(x1, x2)`, entry by entry, with broadcasting."""

    def operation(x1: Any, x2: Any) -> jax.Array:
        x1, x2 = array(x1), array(x2)
        if convert is floating and (_inexact(x1) or _inexact(x2)):
            return function(x1, x2)  # float16 with whole numbers stays float16
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
