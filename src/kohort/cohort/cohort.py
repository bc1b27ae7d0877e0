"""The cohort: many trainings of few structures, side by side."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from kohort.callbacks.cohort_callback import CohortCallback
from kohort.cohort.group import Group, grouped
from kohort.cohort.member import DIVERGED, DROPPED, FINISHED, RUNNING, STOPPED, Member
from kohort.cohort.pack import Pack
from kohort.cohort.plan import pack_width, settle, widest_on
from kohort.cohort.visit import Visitor

_TOGETHER = 16  # epochs a call where nobody looks in between


class Cohort:
    """Trains members together; each gets what it would get alone.

    Members of one structure (model, loss, optimiser, less the values of hyperparameters) and
    batch size are one compiled program. `data` lies in memory once; members differ in their rows,
    first weights and hyperparameters.

    Args:
        members: the trainings.
        data: (x, y, sample_weight) of all rows; arrays or structures of arrays.
        shuffle: whether each epoch has an order of its own.
        callbacks: `CohortCallback`s.
        validation_batch_size: rows a batch of the validation; the members' batch size unless told.
        width: how many members run in one call at most; planned unless told.
        form: "vmap" (computed together), "map" (one after the other in one program) or "each"
            (one program call each); planned unless told.
        keep_diverged: whether a member whose loss is no longer a number trains on.
    """

    def __init__(
        self,
        members: Sequence[Member],
        data: Any,
        *,
        shuffle: bool = True,
        callbacks: Sequence[CohortCallback] = (),
        validation_batch_size: int | None = None,
        width: int | None = None,
        form: str | None = None,
        keep_diverged: bool = False,
    ):
        if not members:
            raise ValueError("A cohort needs at least one member. Received: none")
        self.members, self.data = list(members), data
        self._shuffle, self._callbacks = shuffle, list(callbacks)
        self._width, self._form, self._keep_diverged = width, form, keep_diverged
        self.groups: list[Group] = grouped(self.members, data, validation_batch_size)
        self._visitors = {id(m): Visitor(m) for m in self.members}
        self._packs: list[Pack] = []
        self._ended: set[int] = set()
        self._on_device: dict[Any, Any] = {}

    # ---- training

    def fit(self) -> Cohort:
        """Train every member to its end; a `KeyboardInterrupt` leaves the last whole epoch."""
        for member in self.members:
            member.leaves = dict(member.candidate.leaves)
            member.state = member.candidate.begin(self.data, member.rows)
        for callback in self._callbacks:
            callback.on_train_begin(self)
        self._begin_members()
        for group in self.groups:
            self._settle(group)
        self._packs = list(self._packed(self.running))
        try:
            with ThreadPoolExecutor(self._workers()) as pool:
                epoch = 0
                while self._packs:
                    epoch += self._advance(epoch, pool)
        finally:
            self._unpack(RUNNING)
            self._packs = []
        for callback in self._callbacks:
            callback.on_train_end(self)
        return self

    @property
    def running(self) -> list[Member]:
        """The members that still train."""
        return [m for m in self.members if m.status == RUNNING]

    def drop(self, numbers: Any) -> None:
        """End the training of the members with these numbers, after this epoch."""
        for number in np.atleast_1d(numbers):
            if self.members[int(number)].status == RUNNING:
                self.members[int(number)].status = DROPPED

    def _begin_members(self) -> None:
        for member in self.members:
            visitor = self._visitors[id(member)]
            if not visitor.idle:
                hooks = (("on_train_begin",), ("on_epoch_begin", 0))
                member.state = visitor.call(member.state, *hooks) or member.state
                if visitor.stopped:
                    member.status = STOPPED

    @property
    def _together(self) -> int:
        """How many epochs may run before somebody looks."""
        watched = any(callback.every_epoch for callback in self._callbacks)
        visited = not all(self._visitors[id(m)].idle for m in self.members)
        return 1 if watched or visited else _TOGETHER

    def _advance(self, epoch: int, pool: ThreadPoolExecutor) -> int:
        """Train for some epochs; return how many."""
        packs = self._packs
        count = min(min(m.epochs for m in self.running) - epoch, *(p.together for p in packs))
        done = list(pool.map(lambda pack: pack.epochs(epoch, count, self._shuffle), packs))
        for e in range(count):
            alive = {id(m) for m in self.running}
            for pack, logs in zip(packs, done, strict=True):
                self._visit(pack, epoch + e, logs[e])
            logs = self._by_member(packs, [part[e] for part in done], alive)
            for callback in self._callbacks:
                if callback.every_epoch or e + 1 == count:
                    callback.on_epoch_end(self, epoch + e, logs)
        if any(m.status != RUNNING for pack in packs for m in pack.members):
            self._compact()
        return count

    def _visit(self, pack: Pack, epoch: int, logs: dict[str, np.ndarray]) -> None:
        """Let each member's callbacks look, and see who has come to its end."""
        states = None if all(self._visitors[id(m)].idle for m in pack.members) else pack.host()
        changed = False
        for i, member in enumerate(pack.members):
            if member.status != RUNNING:
                continue
            own = {name: _plain(values[i]) for name, values in logs.items()}
            visitor = self._visitors[id(member)]
            last = epoch + 1 >= member.epochs
            if states is not None and not visitor.idle:
                hooks = [("on_epoch_end", epoch, own)]
                hooks += [] if last else [("on_epoch_begin", epoch + 1)]
                new = visitor.call(states[i], *hooks)
                if new is not None:
                    states[i], changed = new, True
            if visitor.idle:
                visitor.record(epoch, own)
            if visitor.stopped:
                member.status = STOPPED
            elif not (self._keep_diverged or np.isfinite(own.get("loss", 0.0))):
                member.status = DIVERGED
            elif last:
                member.status = FINISHED
        if changed:
            pack.replace(states)

    def _by_member(
        self, packs: list[Pack], done: list[dict[str, Any]], alive: set[int]
    ) -> dict[str, np.ndarray]:
        place = {id(m): i for i, m in enumerate(self.members)}
        logs: dict[str, np.ndarray] = {}
        for pack, part in zip(packs, done, strict=True):
            for name, values in part.items():
                empty = np.full((len(self.members), *values.shape[1:]), np.nan, np.float32)
                kept = logs.setdefault(name, empty)
                for member, value in zip(pack.members, values, strict=False):
                    if id(member) in alive:
                        kept[place[id(member)]] = value
        return logs

    # ---- what became of the members

    def extract(self, which: int | Member) -> Any:
        """A member as an ordinary compiled model, optimiser state included.

        Args:
            which: the member or its number.
        """
        member = which if isinstance(which, Member) else self.members[which]
        self._check_trained(member)
        return member.candidate.rebuilt(member.state, member.leaves)

    def predict(self, rows: Sequence[np.ndarray], members: Any = None) -> list[Any]:
        """Each member's outputs for rows of the data.

        Args:
            rows: row numbers for each member.
            members: the members; all unless told.
        """
        members = self.members if members is None else list(members)
        places = {id(m): np.asarray(r, np.int32) for m, r in zip(members, rows, strict=True)}
        found: dict[int, Any] = {}
        for group, part in self._plan(members, lambda m: len(places[id(m)])):
            for member in part:
                self._check_trained(member)
            outputs = self._pack(group, part).predict([places[id(m)] for m in part])
            found |= {id(m): out for m, out in zip(part, outputs, strict=True)}
        return [found[id(m)] for m in members]

    def evaluate(self, members: Any = None) -> dict[str, np.ndarray]:
        """Loss and metrics of members on their validation rows, with the weights they ended with.

        Args:
            members: the members; all unless told.

        Returns:
            name -> `(members,)`.
        """
        members = self.members if members is None else list(members)
        found: dict[int, dict[str, Any]] = {}
        for group, part in self._plan(members):
            for member in part:
                self._check_trained(member)
            logs = self._pack(group, part).evaluate()
            found |= {id(m): {k: v[i] for k, v in logs.items()} for i, m in enumerate(part)}
        names = found[id(members[0])]
        return {
            name: np.array([found[id(m)].get(name, np.nan) for m in members]) for name in names
        }

    def _check_trained(self, member: Member) -> None:
        if member.state is None:
            raise ValueError("This member was not trained. Call `cohort.fit()` first.")

    # ---- packs

    def _compact(self) -> None:
        """Take out those that ended; fill the packs anew where that makes fewer of them."""
        ended = self._unpack(FINISHED, STOPPED, DIVERGED, DROPPED)
        for member in ended:
            self._end(member)
        if len(list(self._plan(self.running))) < len(self._packs):
            self._unpack(RUNNING)
            self._packs = list(self._packed(self.running))

    def _unpack(self, *status: str) -> list[Member]:
        """Take the states of the members with this status out of the packs."""
        taken = []
        for pack in self._packs:
            wanted = [m.status in status and id(m) not in self._ended for m in pack.members]
            for member, state, is_wanted in zip(
                pack.members, pack.host() if any(wanted) else wanted, wanted, strict=True
            ):
                if is_wanted:
                    member.state = state
                    taken.append(member)
        return taken

    def _end(self, member: Member) -> None:
        self._ended.add(id(member))
        visitor = self._visitors[id(member)]
        if not visitor.idle:
            last = {name: values[-1] for name, values in member.history.history.items()}
            member.state = visitor.call(member.state, ("on_train_end", last)) or member.state

    def _plan(
        self, members: list[Member], also: Callable[[Member], Any] = lambda member: None
    ) -> Iterator[tuple[Group, list[Member]]]:
        """Which members run in one call: those of a group that fit, and are equal in `also`."""
        alive = {id(m) for m in members}
        for group in self.groups:
            alike: dict[Any, list[Member]] = {}
            for member in group.members:
                if id(member) in alive:
                    alike.setdefault((group.fits_with(member), also(member)), []).append(member)
            for part in alike.values():
                for start in range(0, len(part), group.width):
                    yield group, part[start : start + group.width]

    def _settle(self, group: Group) -> None:
        """Choose how a group runs, and compile its programs."""
        alike: dict[Any, list[Member]] = {}
        for member in group.members:
            alike.setdefault(group.fits_with(member), []).append(member)
        largest = max(alike.values(), key=len)
        group.form = self._form or "vmap"
        widest = 1 if group.form == "each" else self._width or widest_on(jax.local_devices()[0].platform)
        group.width = pack_width(len(largest), widest, self._workers())

        def make_pack() -> Pack:
            return self._pack(group, largest)

        settle(group, make_pack, self._workers(), is_free=self._form is self._width is None)
        for part in alike.values():  # packs with another number of steps are other shapes
            self._pack(group, part).compile()

    def _packed(self, members: list[Member]) -> Iterator[Pack]:
        devices = itertools.cycle(jax.local_devices())
        for group, part in self._plan(members):
            yield self._pack(group, part, next(devices))

    def _pack(self, group: Group, members: list[Member], device: Any = None) -> Pack:
        device = device or jax.local_devices()[0]
        part = members[: group.width]
        return Pack(group, part, self._data_on(device), device, self._together)

    def _data_on(self, device: Any) -> Any:
        """The data on a device: copied there once."""
        if device not in self._on_device:
            self._on_device[device] = jax.device_put(self.data, device)
        return self._on_device[device]

    def _workers(self) -> int:
        """How many packs run at a time: one for each core, or for each other device."""
        devices = jax.local_devices()
        if len(devices) == 1 and devices[0].platform == "cpu":
            return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        return len(devices)


def _plain(value: Any) -> Any:
    """A log value as a single model's: a float, or an array where a metric gives several."""
    return float(value) if np.ndim(value) == 0 else np.asarray(value)
