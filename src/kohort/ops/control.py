"""Control flow that compiles, gradients, scatter and slices, conversion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import tree
from kohort.core.dtypes import standardize_dtype
from kohort.core.lifting import Lift, arrays, lifted
from kohort.core.symbolic import KerasTensor, is_keras_tensor, op
from kohort.core.tracing import is_portable
from kohort.core.variable import convert_to_tensor as _convert
from kohort.ops._base import array, shaped
from kohort.ops.elementwise import cast

Function = Callable[..., Any]


def _pure(function: Function) -> Function:
    return lambda *args: arrays(function(*args))


@op
def cond(pred: Any, true_fn: Function, false_fn: Function) -> Any:
    """`true_fn()` where `pred` holds, else `false_fn()`; both return the same structure.

    >>> cond(True, lambda: 1, lambda: 2)
    Array(1, dtype=int32, weak_type=True)
    """
    return switch(jnp.where(pred, 1, 0), [false_fn, true_fn])


@op
def switch(index: Any, branches: Sequence[Function], *operands: Any) -> Any:
    """`branches[index](*operands)`.

    >>> switch(1, [lambda x: x, lambda x: -x], 3)
    Array(-3, dtype=int32, weak_type=True)
    """

    def run(lift: Lift) -> tuple[list[Any], Any]:
        def branch(function: Function) -> Function:
            return lambda values, *given: lift.call(values, function, *given)[:2]

        return jax.lax.switch(index, [branch(f) for f in branches], lift.values(), *operands)

    return lifted(run)


@op
def scan(
    f: Function, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:  # fmt: skip
    """Carry a state along axis 0 of `xs`: `carry, y = f(carry, x)` for each x.

    Returns:
        The last carry, and all y stacked.

    >>> scan(lambda total, x: (total + x, total + x), 0, jnp.array([1, 2, 3]))
    (Array(6, dtype=int32), Array([1, 3, 6], dtype=int32))
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(
            f"`unroll` must be an positive integer or boolean. Received: unroll={unroll}"
        )
    init, xs = tree.map_structure(array, init), _converted(xs)

    def run(lift: Lift) -> tuple[list[Any], Any]:
        def step(carry: Any, x: Any) -> Any:
            values, (state, y), _ = lift.call(carry[0], f, carry[1], x)
            return (values, state), y

        start = lift.values(), init
        (values, state), ys = _loop(step, start, xs, length, reverse, unroll)
        return values, (state, ys)

    return lifted(run)


def _loop(step: Function, start: Any, xs: Any, length: Any, reverse: bool, unroll: Any) -> Any:
    """JAX's loop; for other engines, which know no reversed one, over reversed arrays."""
    if not (reverse and is_portable()):
        return jax.lax.scan(step, start, xs, length, reverse, unroll)
    carry, ys = jax.lax.scan(step, start, _reversed(xs), length, False, unroll)
    return carry, _reversed(ys)


def _reversed(arrays: Any) -> Any:
    return jax.tree.map(lambda a: a[::-1], arrays)


def _converted(xs: Any) -> Any:
    return tree.map_structure(lambda x: None if x is None else array(x), xs)


@op
def associative_scan(f: Function, elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """All partial results of an associative function along `axis`, in parallel.

    >>> associative_scan(lambda a, b: a + b, jnp.array([1, 2, 3]))
    Array([1, 3, 6], dtype=int32)
    """
    sizes = {x.shape[axis] for x in tree.flatten(elems)}
    if len(sizes) > 1:
        shapes = [x.shape for x in tree.flatten(elems)]
        raise ValueError(
            f"Array inputs to associative_scan must have the same first dimension. (saw: {shapes})"
        )
    return jax.lax.associative_scan(f, elems, reverse, axis)


@op
def while_loop(
    cond: Function, body: Function, loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Repeat `loop_vars = body(*loop_vars)` while `cond(*loop_vars)` holds.

    >>> while_loop(lambda i: i < 5, lambda i: i + 2, (0,))
    (Array(6, dtype=int32, weak_type=True),)
    """
    many = isinstance(loop_vars, (tuple, list))
    start = tuple(loop_vars) if many else (loop_vars,)

    def run(lift: Lift) -> tuple[list[Any], Any]:
        def go_on(state: Any) -> Any:
            count, values, found = state
            more = lift.call(values, cond, *found).outputs
            return more if maximum_iterations is None else more & (count < maximum_iterations)

        def step(state: Any) -> Any:
            count, values, found = state
            values, found, _ = lift.call(values, body, *found)
            found = tuple(found) if many and isinstance(found, (tuple, list)) else (found,)
            return count + 1, values, found

        return jax.lax.while_loop(go_on, step, (0, lift.values(), start))[1:]

    values = lifted(run)
    return values if many else values[0]


@op
def fori_loop(lower: Any, upper: Any, body_fun: Function, init_val: Any) -> Any:
    """Repeat `value = body_fun(i, value)` for i from `lower` to before `upper`.

    >>> fori_loop(0, 4, lambda i, total: total + i, 0)
    Array(6, dtype=int32, weak_type=True)
    """

    def run(lift: Lift) -> tuple[list[Any], Any]:
        def step(i: Any, carry: Any) -> Any:
            return lift.call(carry[0], body_fun, i, carry[1])[:2]

        return jax.lax.fori_loop(lower, upper, step, (lift.values(), init_val))

    return lifted(run)


@op
def map(f: Function, xs: Any) -> Any:
    """`f` of each slice along axis 0, one after the other, stacked.

    >>> map(lambda x: x * x, jnp.array([1, 2, 3]))
    Array([1, 4, 9], dtype=int32)
    """
    return scan(lambda unused, x: (unused, f(x)), 0, xs)[1]


@op
def vectorized_map(function: Function, elements: Any) -> Any:
    """`function` of each slice along axis 0, all at once, stacked.

    >>> vectorized_map(lambda x: x * x, jnp.array([1, 2, 3]))
    Array([1, 4, 9], dtype=int32)
    """
    return jax.vmap(_pure(function))(elements)


def vectorize(pyfunc: Function, *, excluded: Any = None, signature: str | None = None) -> Function:
    """A function that applies `pyfunc` entry by entry (NumPy's `vectorize`)."""
    if not callable(pyfunc):
        raise ValueError(f"Expected argument `pyfunc` to be a callable. Received: pyfunc={pyfunc}")
    return jnp.vectorize(pyfunc, excluded=excluded or set(), signature=signature)


@op
def scatter(indices: Any, values: Any, shape: Any) -> jax.Array:
    """Zeros of a shape, with `values` added at `indices`.

    Shapes: indices (..., k), values (..., rest of the shape).

    >>> scatter([[0], [2]], [5, 7], (3,))
    Array([5, 0, 7], dtype=int32)
    """
    values = array(values)
    place = tuple(jnp.moveaxis(array(indices), -1, 0))
    return jnp.zeros(tuple(shape), values.dtype).at[place].add(values)


_REDUCTIONS = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}


@op
def scatter_update(
    inputs: Any, indices: Any, updates: Any, reduction: str | None = None
) -> jax.Array:
    """`inputs` with `updates` set (or added, …: `reduction`) at `indices`.

    >>> scatter_update([1, 2, 3], [[0], [2]], [5, 7])
    Array([5, 2, 7], dtype=int32)
    """
    kind = reduction.lower() if isinstance(reduction, str) else reduction
    if kind not in _REDUCTIONS:
        raise ValueError(
            f"Invalid reduction: {reduction}. Supported values are: None, 'add', 'max', 'min', "
            "'mul'."
        )
    place = tuple(jnp.transpose(array(indices)))
    return getattr(array(inputs).at[place], _REDUCTIONS[kind])(array(updates))


def _slice_spec(inputs: Any, start_indices: Any, shape: Any) -> KerasTensor:
    _check_slice(inputs, start_indices, shape)
    fixed = not hasattr(start_indices, "shape")
    sizes = [
        size if size != -1 else n - start_indices[i] if fixed and n is not None else None
        for i, (n, size) in enumerate(zip(inputs.shape, shape, strict=True))
    ]
    return KerasTensor(sizes, inputs.dtype)


def _check_slice(inputs: Any, start_indices: Any, shape: Any) -> None:
    rank = len(inputs.shape)
    if len(shape) != rank:
        raise ValueError(
            "The number of dimensions in `inputs` must match the number of dimensions in "
            f"`shape`. Received inputs.shape={inputs.shape} and shape={shape}"
        )
    known = getattr(start_indices, "shape", None)
    if (len(start_indices) if known is None else known[0]) != rank:
        raise ValueError(
            "The number of dimensions in `start_indices` must match the number of dimensions in "
            f"`inputs`. Received start_indices={start_indices} and inputs.shape={inputs.shape}"
        )


@shaped(_slice_spec)
@op
def slice(inputs: Any, start_indices: Any, shape: Any) -> jax.Array:
    """The block of a shape that begins at `start_indices`; a size -1 takes all that is left.

    >>> slice([1, 2, 3], [1], [2])
    Array([2, 3], dtype=int32)
    """
    inputs = array(inputs)
    _check_slice(inputs, start_indices, shape)
    sizes = [
        inputs.shape[i] - start_indices[i] if size == -1 else size for i, size in enumerate(shape)
    ]
    return jax.lax.dynamic_slice(inputs, tuple(start_indices), sizes)


@op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> jax.Array:
    """`inputs` with the block at `start_indices` replaced by `updates`.

    >>> slice_update([1, 2, 3], [1], [9])
    Array([1, 9, 3], dtype=int32)
    """
    inputs = array(inputs)
    updates = array(updates).astype(inputs.dtype)
    return jax.lax.dynamic_update_slice(inputs, updates, tuple(start_indices))


@op
def stop_gradient(variable: Any) -> Any:
    """The same value, a constant for gradients."""
    return jax.lax.stop_gradient(variable)


def custom_gradient(f: Function) -> Function:
    """Give a function its own gradient: `f` returns its value and `grad(*args, upstream)`.

    >>> @custom_gradient
    ... def clipped(x):
    ...     def grad(*args, upstream=None):
    ...         return jnp.clip(args[0] if upstream is None else upstream, -1, 1)
    ...     return x * x, grad
    >>> clipped(3.0)
    9.0
    """
    wrapped = jax.custom_gradient(f)
    return lambda *args, **kwargs: wrapped(*arrays(args), **arrays(kwargs))


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """`x` as an array: a number, list, NumPy array, frame or Variable.

    >>> convert_to_tensor([1, 2])
    Array([1, 2], dtype=int32)
    """
    if not is_keras_tensor(x):
        return _convert(x, dtype, sparse, ragged)
    return x if dtype is None or standardize_dtype(dtype) == x.dtype else cast(x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """`x` as a NumPy array of its own.

    >>> convert_to_numpy([1, 2])
    array([1, 2])
    """
    return np.array(x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a JAX array (or a tracer)."""
    return isinstance(x, jax.Array)
