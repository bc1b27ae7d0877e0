"""The learning rate raised step by step, for several seeds at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kohort.cohort.candidate import Candidate
from kohort.cohort.group import Group
from kohort.cohort.member import Member
from kohort.train import step
from kohort.train.programs import count_trace, serving
from kohort.train.state import TrainState


def losses_while_rising(
    candidates: Sequence[Candidate], data: Any, rates: np.ndarray, batch_size: int
) -> np.ndarray:
    """Train one step at each learning rate, and return the losses before the steps.

    Args:
        candidates: one structure, a seed each.
        data: (x, y, sample_weight).
        rates: the learning rates in the order in which they are used, `(steps,)`.
        batch_size: rows a step.

    Returns:
        `(candidates, steps)`.
    """
    rows = np.arange(len(jax.tree.leaves(data)[0]), dtype=np.int32)
    members = [Member(c, rows, batch_size=batch_size) for c in candidates]
    group = Group(members, data, None)
    orders = np.stack([_order(m, len(rates)) for m in members])
    states = [m.candidate.begin(data, m.rows) for m in members]
    stacked = jax.tree.map(lambda *a: np.stack(a), *states)
    leaves = jax.tree.map(lambda *a: np.stack(a), *[c.leaves for c in candidates])
    lead = group.lead
    path = rate_path(lead)
    run = jax.jit(jax.vmap(_rising(path), in_axes=(0, 0, None, 0, None, None)))
    with serving(lead.model, lead.binding):
        count_trace()
        return np.asarray(run(stacked, leaves, data, orders, rates, lead.fresh))


def rate_path(candidate: Candidate) -> str:
    """The path of the learning rate among the optimiser's arrays.

    Raises:
        ValueError: where the optimiser follows a schedule: there is no rate to raise.
    """
    variable = getattr(candidate.model.optimizer, "_learning_rate", None)
    for path, known in candidate.binding.opt.items():
        if known is variable:
            return path
    raise ValueError(
        "A learning-rate range test needs an optimiser with a constant rate. "
        f"Received: {type(candidate.model.optimizer).__name__} with "
        f"{type(variable).__name__}\n  1. Compile with a number, say Adam(1e-3)."
    )


def _order(member: Member, steps: int) -> np.ndarray:
    """Whole batches of as many epochs as it takes, `(steps, batch)`."""
    size, epochs = member.batch_size, []
    each = len(member.rows) // size
    for epoch in range(-(-steps // each)):
        epochs.append(member.order(epoch, shuffle=True)[: each * size].reshape(each, size))
    return np.concatenate(epochs)[:steps]


def _rising(path: str) -> Any:
    from kohort.train.programs import served

    def run(
        ts: TrainState, leaves: Any, data: Any, order: Any, rates: Any, fresh: Any
    ) -> jax.Array:
        model, binding = served()
        one = step.make_train_step(model, binding)
        first = binding.result_names.index("loss")

        def body(ts: TrainState, now: Any) -> tuple[TrainState, jax.Array]:
            rows, rate = now
            before = ts.opt[path]
            ts = ts._replace(opt={**ts.opt, path: rate.astype(before.dtype)}, metrics=fresh)
            batch = jax.tree.map(lambda a: a[rows], data)
            ts = one(ts, leaves, batch)[0]
            return ts, step.metric_results(model, binding, ts, leaves)[first]

        return lax.scan(body, ts, (order, jnp.asarray(rates)))[1]

    return run
