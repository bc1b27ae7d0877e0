"""The cohort: many trainings of few structures, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

from kohort.callbacks.cohort_callback import CohortCallback
from kohort.cohort.group import Group
from kohort.cohort.member import DIVERGED, DROPPED, FINISHED, RUNNING, STOPPED, Member
from kohort.cohort.pack import Logs, Pack
from kohort.cohort.packing import TOGETHER, Packing
from kohort.cohort.visit import Visitor

_TICK = 0.1  # seconds between two looks at packs that run


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
        self._keep_diverged = keep_diverged
        self._visitors = {id(m): Visitor(m) for m in self.members}
        together = 1 if self._is_watched() else TOGETHER
        self._packing = Packing(
            self.members, data, validation_batch_size, width, form, together
        )  # fmt: skip
        self._packs: list[Pack] = []
        self._ended: set[int] = set()

    @property
    def groups(self) -> list[Group]:
        """The members by structure: a compiled program each."""
        return self._packing.groups

    def _is_watched(self) -> bool:
        """Whether somebody looks after every epoch, before the next one."""
        return any(c.every_epoch and c.at_once for c in self._callbacks) or not all(
            visitor.idle for visitor in self._visitors.values()
        )

    # ---- training

    def fit(self) -> Cohort:
        """Train every member to its end; a `KeyboardInterrupt` leaves the last whole epoch."""
        for member in self.members:
            member.leaves = dict(member.candidate.leaves)
            member.state = member.candidate.begin(self.data, member.rows)
            self._packing.encode(member)
        for callback in self._callbacks:
            callback.on_train_begin(self)
        try:
            self._begin()
            with self._packing.pool() as pool:
                epoch = 0
                while self._packs:
                    epoch += self._advance(epoch, pool)
        except BaseException as error:
            for callback in self._callbacks:
                callback.on_train_failed(self, error)
            raise
        finally:
            self._unpack(RUNNING)
            self._packs = []
        for callback in self._callbacks:
            callback.on_train_end(self)
        return self

    def _begin(self) -> None:
        """Ask who trains at all; compile; make the first packs."""
        for member in self.members:
            self._visit(member, ("on_train_begin",), ("on_epoch_begin", 0))
            if self._visitors[id(member)].stopped:
                member.status = STOPPED
        self._packing.settle()
        self._packs = self._packing.packs(self.running)

    @property
    def progress(self) -> float:
        """The share of the planned training that is done; members that ended have done theirs.

        It grows with each block of steps, while `fit` waits for epochs to end.
        """
        running = {id(m): pack.done for pack in self._packs for m in pack.members}
        done = total = 0.0
        for member in self.members:
            epochs = float(member.epochs)
            if member.status == RUNNING:
                epochs = len(member.history.epoch) + running.get(id(member), 0.0)
            done += epochs * len(member.rows)
            total += member.epochs * len(member.rows)
        return min(done / total, 1.0) if total else 1.0

    @property
    def running(self) -> list[Member]:
        """The members that still train."""
        return [m for m in self.members if m.status == RUNNING]

    def drop(self, numbers: Any) -> None:
        """End the training of the members with these numbers, after this epoch."""
        for number in np.atleast_1d(numbers):
            if self.members[int(number)].status == RUNNING:
                self.members[int(number)].status = DROPPED

    def _advance(self, epoch: int, pool: ThreadPoolExecutor) -> int:
        """Train for some epochs; return how many."""
        packs = self._packs
        count = min(min(m.epochs for m in self.running) - epoch, *(p.together for p in packs))
        if self._callbacks:  # who looks wants to do so every other second, too
            count = min(count, *(p.epochs_a_look for p in packs))
        done = self._run(packs, epoch, count, pool)
        for e in range(count):
            alive = {id(m) for m in self.running}
            for pack, logs in zip(packs, done, strict=True):
                self._look(pack, epoch + e, logs[e])
                pack.done = 0.0  # the histories have it now
            called = [c for c in self._callbacks if c.every_epoch or e + 1 == count]
            if called:
                by_member = self._by_member(packs, [part[e] for part in done], alive)
                for callback in called:
                    callback.on_epoch_end(self, epoch + e, by_member)
        if any(m.status != RUNNING for pack in packs for m in pack.members):
            self._compact()
        return count

    def _run(
        self, packs: list[Pack], epoch: int, count: int, pool: ThreadPoolExecutor
    ) -> list[list[Logs]]:
        """Train packs for `count` epochs, each in a thread; meanwhile call who wants to look."""
        waiting = [c for c in self._callbacks if type(c).on_wait is not CohortCallback.on_wait]
        runs = [pool.submit(pack.epochs, epoch, count, self._shuffle) for pack in packs]
        try:
            while wait(runs, _TICK if waiting else None).not_done:
                for callback in waiting:
                    callback.on_wait(self)
            return [run.result() for run in runs]
        finally:
            for run in runs:
                run.cancel()  # where one has failed, or Ctrl-C came

    def _look(self, pack: Pack, epoch: int, logs: Logs) -> None:
        """Let each member's callbacks look, and see who has come to its end."""
        idle = all(self._visitors[id(m)].idle for m in pack.members)
        states = [] if idle else pack.host()
        changed = False
        for i, member in enumerate(pack.members):
            if member.status != RUNNING:
                continue
            own = {name: _plain(values[i]) for name, values in logs.items()}
            visitor = self._visitors[id(member)]
            last = epoch + 1 >= member.epochs
            if visitor.idle:
                visitor.record(epoch, own)
            else:
                member.state = states[i]
                hooks: list[tuple[Any, ...]] = [("on_epoch_end", epoch, own)]
                changed |= self._visit(member, *hooks + [("on_epoch_begin", epoch + 1)][last:])
                states[i] = member.state
            if visitor.stopped:
                member.status = STOPPED
            elif not (self._keep_diverged or np.isfinite(own.get("loss", 0.0))):
                member.status = DIVERGED
            elif last:
                member.status = FINISHED
        if changed:
            pack.replace(states)

    def _visit(self, member: Member, *hooks: tuple[Any, ...]) -> bool:
        """Call hooks of a member's callbacks; whether they changed its state."""
        visitor = self._visitors[id(member)]
        new = None if visitor.idle else visitor.call(member.state, *hooks)
        member.state = member.state if new is None else new
        return new is not None

    def _by_member(self, packs: list[Pack], done: list[Logs], alive: set[int]) -> Logs:
        """The logs of the packs as arrays over all members."""
        place = {id(m): i for i, m in enumerate(self.members)}
        logs: Logs = {}
        for pack, part in zip(packs, done, strict=True):
            for name, values in part.items():
                empty = np.full((len(self.members), *values.shape[1:]), np.nan, np.float32)
                kept = logs.setdefault(name, empty)
                for member, value in zip(pack.members, values, strict=False):
                    if id(member) in alive:
                        kept[place[id(member)]] = value
        return logs

    def _compact(self) -> None:
        """Take out those that ended; fill the packs anew where that makes fewer of them."""
        for member in self._unpack(FINISHED, STOPPED, DIVERGED, DROPPED):
            self._ended.add(id(member))
            last = {name: values[-1] for name, values in member.history.history.items()}
            self._visit(member, ("on_train_end", last))
        if self._packing.count(self.running) < len(self._packs):
            self._unpack(RUNNING)
            self._packs = self._packing.packs(self.running)

    def _unpack(self, *status: str) -> list[Member]:
        """Take the states of the members with this status out of the packs."""
        taken = []
        for pack in self._packs:
            wanted = [m.status in status and id(m) not in self._ended for m in pack.members]
            states = pack.host() if any(wanted) else []
            for i in np.flatnonzero(wanted):
                pack.members[i].state = states[i]
                taken.append(pack.members[i])
        return taken

    # ---- what became of the members

    def extract(self, which: int | Member) -> Any:
        """A member as an ordinary compiled model, optimiser state included.

        Args:
            which: the member or its number.
        """
        member = which if isinstance(which, Member) else self.members[which]
        _check_trained([member])
        return member.candidate.rebuilt(member.state, member.leaves, self.data, member.rows)

    def replay(self, which: int | Member) -> Any:
        """Train a member again, alone and by `fit`; its `history` is what the cohort's was.

        Args:
            which: the member or its number.
        """
        member = which if isinstance(which, Member) else self.members[which]
        return member.candidate.fitted_alone(
            self.data, member.rows, member.validation, shuffle=self._shuffle, verbose=0,
            epochs=member.epochs, batch_size=member.batch_size, callbacks=member.callbacks,
        )  # fmt: skip

    def predict(self, rows: Sequence[np.ndarray], members: Any = None) -> list[Any]:
        """Each member's outputs for rows of the data.

        Args:
            rows: row numbers for each member.
            members: the members; all unless told.
        """
        members = self.members if members is None else list(members)
        _check_trained(members)
        wanted = {id(m): np.asarray(r, np.int32) for m, r in zip(members, rows, strict=True)}
        packs = self._packing.packs(members, lambda m: -(-len(wanted[id(m)]) // m.batch_size))
        with self._packing.pool() as pool:
            done = pool.map(lambda p: p.predict([wanted[id(m)] for m in p.members]), packs)
            found = {
                id(m): out
                for pack, part in zip(packs, done, strict=True)
                for m, out in zip(pack.members, part, strict=True)
            }
        return [found[id(m)] for m in members]

    def evaluate(self, members: Any = None) -> dict[str, np.ndarray]:
        """Loss and metrics of members on their validation rows, with the weights they ended with.

        Args:
            members: the members; all unless told.

        Returns:
            name -> `(members,)`.
        """
        members = self.members if members is None else list(members)
        _check_trained(members)
        packs = self._packing.packs(members)
        with self._packing.pool() as pool:
            done = list(pool.map(lambda pack: pack.evaluate(), packs))
        found = {
            id(m): {name: values[i] for name, values in logs.items()}
            for pack, logs in zip(packs, done, strict=True)
            for i, m in enumerate(pack.members)
        }
        names = found[id(members[0])]
        return {name: np.array([found[id(m)].get(name, np.nan) for m in members]) for name in names}


def _check_trained(members: Sequence[Member]) -> None:
    if any(member.state is None for member in members):
        raise ValueError("This member was not trained. Call `cohort.fit()` first.")


def _plain(value: Any) -> Any:
    """A log value as a single model's: a float, or an array where a metric gives several."""
    return float(value) if np.ndim(value) == 0 else np.asarray(value)
