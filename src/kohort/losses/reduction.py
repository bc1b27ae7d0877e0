"""From the losses of single samples to one number: weights, masks, reductions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.losses.arrays import divide_no_nan, match_ranks, to_array

REDUCTIONS = ("sum_over_batch_size", "sum", None, "none", "mean", "mean_with_sample_weight")


def standardize_reduction(reduction: Any) -> str | None:
    """Return `reduction`, or raise ValueError when there is none of that name."""
    if reduction not in REDUCTIONS:
        raise ValueError(
            "Invalid value for argument `reduction`. "
            f"Expected one of {set(REDUCTIONS)}. Received: reduction={reduction}"
        )
    return reduction


def reduce_values(
    values: jax.Array, sample_weight: Any = None, reduction: str | None = "sum_over_batch_size"
) -> jax.Array:
    """Sum or average values that are weighted already."""
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    if reduction == "sum":
        return jnp.sum(values)
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        return divide_no_nan(jnp.sum(values), jnp.sum(sample_weight).astype(values.dtype))
    return jnp.sum(values) / max(values.size, 1)


def reduce_weighted_values(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: Any = None,
) -> jax.Array:
    """Weight the losses of single samples and reduce them.

    Args:
        values: losses, `(batch, ...)`.
        sample_weight: weights that broadcast to them.
        mask: which of them count.
        reduction: one of `REDUCTIONS`.
        dtype: the dtype to compute in.
    """
    reduction = standardize_reduction(reduction)
    values = to_array(values, dtype)
    sample_weight = apply_mask(sample_weight, mask, values.dtype, reduction)
    if sample_weight is not None:
        values, sample_weight = match_ranks(values, to_array(sample_weight, values.dtype))
        values = values * sample_weight
    return reduce_values(values, sample_weight, reduction)


def apply_mask(sample_weight: Any, mask: Any, dtype: Any, reduction: str | None) -> Any:
    """Join a mask and weights into weights (None where there is neither).

    When the loss will be divided by the number of all entries, the valid ones get the weight
    `total / valid`, so that the result is the mean over the valid ones.
    """
    if mask is None:
        return sample_weight
    weight = to_array(mask).astype(bool).astype(dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total = jnp.asarray(weight.size, weight.dtype)
        weight = weight * divide_no_nan(total, jnp.sum(weight))
    if sample_weight is None:
        return weight
    weight, sample_weight = match_ranks(weight, to_array(sample_weight, dtype))
    return sample_weight * weight
