"""The learning rate raised step by step, for several seeds at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from kohort.cohort.candidate import Candidate
from kohort.cohort.devices import devices
from kohort.cohort.group import Group
from kohort.cohort.member import Member
from kohort.core.variable import Variable
from kohort.train.programs import serving


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
    _check_rate(lead.model.optimizer)
    arguments = (stacked, leaves, data, orders, rates, lead.fresh)
    with serving(lead.model, lead.binding):
        run = group.program("vmap").compile("ramp", arguments, devices()[0])
    return np.asarray(run(*arguments)).T


def _check_rate(optimizer: Any) -> None:
    rate = getattr(optimizer, "_learning_rate", None)
    if not isinstance(rate, Variable):
        raise ValueError(
            "A learning-rate range test needs an optimiser with a constant rate. "
            f"Received: {type(optimizer).__name__} with {type(rate).__name__}\n"
            "  1. Compile with a number, say Adam(1e-3)."
        )


def _order(member: Member, steps: int) -> np.ndarray:
    """Whole batches of as many epochs as it takes, `(steps, batch)`."""
    size, epochs = member.batch_size, []
    each = len(member.rows) // size
    for epoch in range(-(-steps // each)):
        epochs.append(member.order(epoch, shuffle=True)[: each * size].reshape(each, size))
    return np.concatenate(epochs)[:steps]
