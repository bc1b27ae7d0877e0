"""A group: the members of a cohort that one compiled program serves."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from kohort.cohort.candidate import Candidate
from kohort.cohort.filling import may_fill
from kohort.cohort.member import Member
from kohort.cohort.programs import CohortProgram
from kohort.train.programs import program_for


class Group:
    """Members of one structure and batch size.

    The first candidate's model leads: programs are traced with it. A leaf stays a leaf where any
    candidate has another value than the neutral one.
    """

    def __init__(self, members: Sequence[Member], data: Any, validation_batch_size: int | None):
        self.members, self.data = list(members), data
        self.batch_size = members[0].batch_size
        self.validation_batch_size = validation_batch_size or self.batch_size
        candidates = {id(m.candidate): m.candidate for m in members}.values()
        varied = _varied(list(candidates))
        for candidate in candidates:
            candidate.bind(varied)
        self.lead: Candidate = members[0].candidate
        self._key = self.lead.model._structure(varied).key  # less the leaves that are constants
        self.filled = may_fill(self.lead.model)
        self.masked = self._any_rest([m.rows for m in members], self.batch_size)
        self.masked_validation = self._any_rest(
            [m.validation for m in members if m.validation is not None],
            self.validation_batch_size,
        )
        self.form = "vmap"
        self.width = 1

    def _any_rest(self, rows: list[Any], batch: int) -> bool:
        return self.filled and any(len(r) % batch for r in rows)

    def program(self, form: str | None) -> CohortProgram:
        """The compiled programs in this form."""
        key = ("cohort", form, self._key)
        return program_for(key, lambda: CohortProgram(form))

    def fits_with(self, member: Member) -> Any:
        """Members with equal answers may be in one pack: they have equally many steps."""
        validation = 0 if member.validation is None else len(member.validation)
        if not self.filled:
            return len(member.rows), validation
        steps = -(-len(member.rows) // self.batch_size)
        return steps, -(-validation // self.validation_batch_size)


def grouped(
    members: Sequence[Member], data: Any, validation_batch_size: int | None = None
) -> list[Group]:
    """Sort members into groups of one structure and batch size."""
    found: dict[Any, list[Member]] = {}
    for member in members:
        key = member.candidate.structure.key, member.batch_size
        found.setdefault(key, []).append(member)
    return [Group(part, data, validation_batch_size) for part in found.values()]


def _varied(candidates: list[Candidate]) -> set[str]:
    """The paths of the leaves that some candidate has at another than the neutral value."""
    return {
        path
        for candidate in candidates
        for path, (owner, name) in candidate.structure.leaves.items()
        if not inspect.getattr_static(type(owner), name).is_constant(owner.__dict__[name])
    }
