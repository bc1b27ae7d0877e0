"""Members whose raw rows are encoded on the host, each by what its own training rows taught.

Lookups of strings cannot be traced, and members that share a program must not share a vocabulary
learned from other rows. So each member gets a copy of the inputs in its own encoding; the copies
stand one below the other, and `Member.base` says where a member's copy begins.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from kohort.cohort.member import Member
from kohort.data.source import row_count


class Copies:
    """The encoded inputs of the members of a group, in the making."""

    def __init__(self, data: Any):
        self.data, self.rows = data, row_count(data)
        self._inputs: list[Any] = []
        self._known: dict[int, int] = {}

    def add(self, member: Member) -> None:
        """Encode the inputs with the member's model, which has just learned from its rows."""
        made = member.candidate
        assert made.encode is not None
        if made.prepare is None and id(made) in self._known:  # nothing was learned: one copy
            member.base = self._known[id(made)]
            return
        member.base = self._known[id(made)] = len(self._inputs) * self.rows
        self._inputs.append(made.encode(made.model, self.data[0]))

    @property
    def stacked(self) -> Any:
        """(x, y, sample_weight) of all copies."""
        x, count = self._inputs, len(self._inputs)
        joined = jax.tree.map(lambda *parts: np.concatenate(parts), *x)
        rest = jax.tree.map(lambda a: np.concatenate([np.asarray(a)] * count), self.data[1:])
        return (joined, *rest)
