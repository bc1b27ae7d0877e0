"""What is done to gradients before the rule sees them: clipping; and conditional updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.frame import Frame
from kohort.core.variable import Variable


def clip_by_norm(gradient: Any, limit: Any) -> jax.Array:
    """Scale a gradient down to the L2 norm `limit`, if it is longer."""
    gradient = jnp.asarray(gradient)
    norm = jnp.sqrt(jnp.sum(jnp.square(gradient)))
    return gradient * limit / jnp.maximum(norm, limit)


def clip_by_global_norm(gradients: Sequence[Any], limit: Any) -> list[Any]:
    """Scale all gradients by one factor, so that their joint L2 norm is at most `limit`.

    Where the norm is not finite the factor is NaN, so that nothing is hidden.
    """
    gradients = [g if g is None else jnp.asarray(g) for g in gradients]
    squares = [jnp.sum(jnp.square(g)) for g in gradients if g is not None]
    norm = jnp.sqrt(sum(squares))
    factor = limit * jnp.minimum(1.0 / norm, 1.0 / limit) + (norm - norm)
    return [g if g is None else g * factor for g in gradients]


def conditionally(
    predicate: Any,
    then: Callable[[], None],
    otherwise: Callable[[], None],
    variables: Sequence[Variable],
) -> None:
    """Run one of two functions that assign to `variables`, by a traced condition.

    Each runs in a Frame of its own, so nothing traced leaks into the variables.
    """

    def pure(branch: Callable[[], None]) -> Callable[[list[Any]], list[Any]]:
        def run(values: list[Any]) -> list[Any]:
            with Frame(dict(zip(variables, values, strict=True))):
                branch()
                return [v.value for v in variables]

        return run

    before = [v.value for v in variables]
    after = jax.lax.cond(predicate, pure(then), pure(otherwise), before)
    for variable, value in zip(variables, after, strict=True):
        variable.assign(value)
