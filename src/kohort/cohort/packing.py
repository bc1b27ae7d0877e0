"""Members into packs: which run in one call, on which device, and how many calls at a time."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax

from kohort.cohort.devices import devices
from kohort.cohort.encoded import Copies
from kohort.cohort.footprint import step_bytes
from kohort.cohort.group import Group, grouped
from kohort.cohort.member import Member
from kohort.cohort.pack import Pack
from kohort.cohort.plan import pack_width, settle, widest_on

TOGETHER = 16
"""Epochs a call where nobody looks in between."""


class Packing:
    """The groups of a cohort, and how their members are packed.

    Args:
        members: all members.
        data: (x, y, sample_weight), which is copied to each device once.
        validation_batch_size: see `Cohort`.
        width, form: given, or None where they are to be planned.
        together: how many epochs a call may run.
    """

    def __init__(
        self,
        members: Sequence[Member],
        data: Any,
        validation_batch_size: int | None,
        width: int | None,
        form: str | None,
        together: int,
    ):
        self.groups = grouped(members, data, validation_batch_size)
        self._data, self._width, self._form, self._together = data, width, form, together
        self._on_device: dict[Any, Any] = {}
        self._copies: dict[Group, Copies] = {}

    def encode(self, member: Member) -> None:
        """Give a member a copy of the inputs in its own encoding, where its model has one."""
        if member.candidate.encode is not None:
            group = next(g for g in self.groups if member in g.members)
            self._copies.setdefault(group, Copies(self._data)).add(member)

    def settle(self) -> None:
        """Choose how each group runs, and compile its programs."""
        for group in self.groups:
            parts = self._alike(group, group.members)
            largest = max(parts, key=len)
            group.form = self._form or "vmap"
            platform = devices()[0].platform
            bound = self._width or widest_on(platform, step_bytes(largest[0], self._data))
            widest = 1 if group.form == "each" else bound
            group.width = pack_width(len(largest), widest, self.workers)
            is_free = self._form is None and self._width is None
            settle(group, lambda: self.pack(group, largest), self.workers, is_free)  # noqa: B023
            for part in parts:  # packs with another number of steps are other shapes
                self.pack(group, part).compile()

    def packs(
        self, members: Sequence[Member], also: Callable[[Member], Any] = lambda member: None
    ) -> list[Pack]:
        """Packs of these members; the members of one are equal in `also`."""
        places = itertools.cycle(devices())
        planned = self._planned(members, also)
        return [self.pack(group, part, next(places)) for group, part in planned]

    def count(self, members: Sequence[Member]) -> int:
        """How many packs these members make."""
        return sum(1 for _ in self._planned(members))

    def _planned(
        self, members: Sequence[Member], also: Callable[[Member], Any] = lambda member: None
    ) -> Iterator[tuple[Group, list[Member]]]:
        wanted = {id(m) for m in members}
        for group in self.groups:
            own = [m for m in group.members if id(m) in wanted]
            for part in self._alike(group, own, also):
                for start in range(0, len(part), group.width):
                    yield group, part[start : start + group.width]

    @staticmethod
    def _alike(
        group: Group, members: list[Member], also: Callable[[Member], Any] = lambda member: None
    ) -> list[list[Member]]:
        """Members sorted into those that may be in one pack."""
        parts: dict[Any, list[Member]] = {}
        for member in members:
            parts.setdefault((group.fits_with(member), also(member)), []).append(member)
        return list(parts.values())

    def pack(self, group: Group, members: list[Member], device: Any = None) -> Pack:
        """A pack of the first of these members."""
        device = device or devices()[0]
        part = members[: group.width]
        return Pack(group, part, self._data_on(device, group), device, self._together)

    def _data_on(self, device: Any, group: Group) -> Any:
        copies = self._copies.get(group)
        key = device, copies
        if key not in self._on_device:
            data = self._data if copies is None else copies.stacked
            self._on_device[key] = jax.device_put(data, device)
        return self._on_device[key]

    @property
    def workers(self) -> int:
        """How many packs run at a time: one for each core, or for each other device."""
        places = devices()
        if len(places) == 1 and places[0].platform == "cpu":
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        return len(places)

    def pool(self) -> ThreadPoolExecutor:
        """Threads that each run a pack: the compiled programs let go of Python's lock."""
        return ThreadPoolExecutor(self.workers)
