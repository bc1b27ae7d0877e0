"""Sorting, searching, counting, choosing."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.dtypes import result_type
from kohort.core.symbolic import KerasTensor, op
from kohort.ops._base import ElementwiseOp, array, elementwise, named, shaped


@op
def sort(x: Any, axis: int = -1) -> jax.Array:
    """Sort along `axis`, the smallest first.

    >>> sort([3, 1, 2])
    Array([1, 2, 3], dtype=int32)
    """
    return jnp.sort(array(x), axis)


@op
def argsort(x: Any, axis: int = -1) -> jax.Array:
    """The places of the entries in sorted order.

    >>> argsort([3, 1, 2])
    Array([1, 2, 0], dtype=int32)
    """
    x = array(x)
    return jnp.argsort(x, None if x.ndim == 0 else axis)


@op
def argpartition(x: Any, kth: int, axis: int | None = -1) -> jax.Array:
    """Places such that the first `kth` entries are the smallest, in any order."""
    x = array(x)
    return jnp.argpartition(x.ravel() if axis is None else x, kth, 0 if axis is None else axis)


@op
def top_k(x: Any, k: int, sorted: bool = True) -> tuple[jax.Array, ...]:
    """The k greatest entries along the last axis, and their places.

    >>> top_k([1, 5, 3], 2)
    (Array([5, 3], dtype=int32), Array([1, 2], dtype=int32))
    """
    del sorted
    return tuple(jax.lax.top_k(array(x), k))


@op
def in_top_k(targets: Any, predictions: Any, k: int) -> jax.Array:
    """Whether each row's target class is among its k greatest predictions.

    Shapes: targets (batch,), predictions (batch, classes) -> (batch,).

    >>> in_top_k([1], [[0.1, 0.9]], 1)
    Array([ True], dtype=bool)
    """
    targets, predictions = array(targets), array(predictions)
    own = jnp.take_along_axis(predictions, targets[..., None], -1)
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    return jnp.sum(predictions > own, -1) < k


@op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> jax.Array:
    """Where to insert `values` so that the sequence stays sorted.

    >>> searchsorted([1, 3, 5], [2, 5])
    Array([1, 2], dtype=int32)
    """
    sorted_sequence = array(sorted_sequence)
    if sorted_sequence.ndim != 1:
        raise ValueError(
            "`searchsorted` only supports 1-D sorted sequences. You can use "
            "`keras.ops.vectorized_map` to extend it to N-D sequences. Received: "
            f"sorted_sequence.shape={sorted_sequence.shape}"
        )
    return jnp.searchsorted(sorted_sequence, array(values), side)


@op
def digitize(x: Any, bins: Any) -> jax.Array:
    """The number of the interval between sorted `bins` that each entry falls into."""
    return jnp.digitize(array(x), array(bins))


def _bincount_spec(
    x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False
) -> KerasTensor:
    del minlength, sparse
    dtype = "int32" if weights is None else result_type(x.dtype, array(weights).dtype)
    return KerasTensor((*x.shape[:-1], None), dtype)


@shaped(_bincount_spec)
@op
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> jax.Array:
    """How often each whole number occurs, for each row of a matrix.

    Not traceable without `minlength`: the size of the result depends on the values.

    >>> bincount([1, 1, 3])
    Array([0, 2, 0, 1], dtype=int32)
    """
    _refuse_sparse(sparse)
    x, weights = array(x), None if weights is None else array(weights)
    if x.ndim < 2:
        return jnp.bincount(x, weights, minlength=minlength)
    length = max(minlength, int(x.max()) + 1)
    mapped = (0, None if weights is None else 0)
    return jax.vmap(lambda row, w: jnp.bincount(row, w, length=length), mapped)(x, weights)


def _refuse_sparse(sparse: bool) -> None:
    if sparse:
        raise ValueError(
            "Sparse tensors do not exist here. Received: sparse=True\n"
            "  1. Leave `sparse` at False: the result is a dense array of the same numbers."
        )


@op
def histogram(x: Any, bins: int = 10, range: Any = None) -> tuple[jax.Array, jax.Array]:
    """Counts in equal intervals, and the limits of the intervals."""
    x = array(x)
    if not isinstance(bins, int):
        raise TypeError(f"Argument `bins` must be of type `int`. Received: bins={bins}")
    if bins < 0:
        raise ValueError(f"Argument `bins` should be a non-negative integer. Received: bins={bins}")
    if range and (not isinstance(range, tuple) or len(range) < 2):
        raise ValueError(
            f"Argument `range` must be a tuple of two elements. Received: range={range}"
        )
    if range and range[1] < range[0]:
        raise ValueError(
            f"The second element of `range` must be greater than the first. Received: range={range}"
        )
    if x.ndim != 1:
        raise ValueError(f"Input tensor must be 1-dimensional. Received: input.shape={x.shape}")
    return jnp.histogram(x, bins, range)


def _unique_spec(
    x: Any, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, size: int | None = None,
    fill_value: Any = None,
) -> Any:  # fmt: skip
    shape, inverse = [size], x.shape
    if axis is not None:
        shape, inverse = list(x.shape), (x.shape[axis],)
        shape[axis] = size
    found = [KerasTensor(shape, x.dtype)]
    for asked, places in ((return_index, (size,)), (return_inverse, inverse),
                          (return_counts, (size,))):  # fmt: skip
        if asked:
            found.append(KerasTensor(places, "int32"))
    return found[0] if len(found) == 1 else tuple(found)


@shaped(_unique_spec)
@op
def unique(
    x: Any, sorted: bool = True, return_index: bool = False, return_inverse: bool = False,
    return_counts: bool = False, axis: int | None = None, size: int | None = None,
    fill_value: Any = None,
) -> Any:  # fmt: skip
    """The distinct entries (and where they are first, where each goes, how many they are).

    Traceable only with `size`; what is missing is filled with `fill_value`.

    >>> unique([3, 1, 3])
    Array([1, 3], dtype=int32)
    """
    return jnp.unique(
        array(x), return_index, return_inverse, return_counts, axis, equal_nan=False,
        size=size, fill_value=fill_value, sorted=sorted,
    )  # fmt: skip


@op
def isin(x1: Any, x2: Any, assume_unique: bool = False, invert: bool = False) -> jax.Array:
    """Whether each entry of x1 occurs in x2."""
    return jnp.isin(array(x1), array(x2), assume_unique, invert)


@shaped(lambda x: tuple(KerasTensor((None,), "int32") for _ in x.shape))
@op
def nonzero(x: Any) -> tuple[jax.Array, ...]:
    """The places of the entries that are not 0, axis by axis. Not traceable."""
    return jnp.nonzero(array(x))


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, x2 elsewhere; without them the places where it holds.

    >>> where([True, False], 1, 2)
    Array([1, 2], dtype=int32, weak_type=True)
    """
    if x1 is None and x2 is None:
        return nonzero(condition)
    if x1 is None or x2 is None:
        raise ValueError(
            "`x1` and `x2` either both should be `None` or both should have non-None value."
        )
    return _where(condition, x1, x2)


def _where_impl(condition: Any, x1: Any, x2: Any) -> jax.Array:
    return jnp.where(array(condition).astype(bool), array(x1), array(x2))


_where = elementwise(named(_where_impl, "where", "x1 where the condition holds, else x2."))
where.node_class = ElementwiseOp  # type: ignore[attr-defined]


@op
def select(condlist: Any, choicelist: Any, default: Any = 0) -> jax.Array:
    """The choice of the first condition that holds, `default` where none does."""
    if not isinstance(condlist, (list, tuple)) or not isinstance(choicelist, (list, tuple)):
        raise ValueError(
            "condlist and choicelist must be lists. Received: "
            f"type(condlist) = {type(condlist)}, type(choicelist) = {type(choicelist)}"
        )
    if not condlist or not choicelist:
        raise ValueError(
            "condlist and choicelist must not be empty. Received: "
            f"condlist = {condlist}, choicelist = {choicelist}"
        )
    return jnp.select([array(c) for c in condlist], [array(c) for c in choicelist], array(default))
