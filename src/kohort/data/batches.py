"""Batches from an iterable: a generator, a `PyDataset`, a loader, a pipeline."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from kohort.core import tree
from kohort.data.pipeline import Dataset
from kohort.data.pipeline_elements import spec_of
from kohort.data.schedule import Schedule
from kohort.data.source import ArraySource, Block, Pace, clean_batch

_MOST_BYTES = 2**26


class BatchSource:
    """Batches of one shape are stacked, so that several steps run in one call.

    Args:
        make: `make(seed, use, turn)` gives the batches of a turn through the data.
        steps: the steps of an epoch; None: a turn.
        size: the batches of a turn, where that is known.
        once: whether the data can be gone through only once (a generator).
        execution: how many steps belong together.
        data: told of the beginnings and ends of epochs, where it has the hooks for it.
        seed, use: what shuffling draws its orders from: a pipeline counts how often it is used.
    """

    def __init__(
        self,
        make: Callable[[int, int, int], Iterator[Any]],
        steps: int | None = None,
        size: int | None = None,
        once: bool = False,
        execution: int = 1,
        data: Any = None,
        seed: int = 0,
        use: int = 0,
    ):
        self._make, self._once, self._data = make, once, data
        self.size, self.seed, self.use, self.first_epoch = size, seed, use, 0
        self.steps = size if steps is None else steps
        self.ran_out = False
        self._schedule = None if size is None else Schedule(size, steps, execution)
        self._limit = None if steps is None else math.ceil(steps / execution) * execution
        self._iterator: _Peekable | None = None
        self._place = (self._order, 0, 0)  # the turn, and the step in it, that the iterator is at
        # The epoch and step that come next, where the size is unknown.
        self._next = (self._order, 0, 0)

    @property
    def _order(self) -> tuple[int, int]:
        return self.seed, self.use

    def first(self) -> Any:
        """The first batch, to learn shapes from. It is not lost."""
        if self._iterator is None:
            self._start(0)
        batch = self._peek()
        if batch is None:
            raise ValueError(
                "The data set is empty: the iterator gave no batch. Received: 0 batches.\n"
                "  1. Check the filter or split that made it."
            )
        first = clean_batch(batch)
        if isinstance(self._data, Dataset) and any(np.ndim(a) == 0 for a in _arrays(first)):
            raise ValueError(
                "A dataset must give batches, whose arrays have rows along their first axis. "
                f"Received: {self._data!r} of single rows: {spec_of(batch)}\n"
                "  1. Make batches of them: dataset.batch(32)."
            )
        return first

    @property
    def exhausted(self) -> bool:
        """Whether a generator has given all it had."""
        return self._once and self._iterator is not None and self._peek() is None

    def _start(self, turn: int) -> None:
        if self._iterator is None or not self._once:
            self._iterator = _Peekable(self._make(*self._order, turn))
            self._place = (self._order, turn, 0)

    def _peek(self) -> Any:
        assert self._iterator is not None
        return self._iterator.peek()

    def blocks(self, epoch: int, pace: Pace, start: int = 0) -> Iterator[Block]:
        """The blocks of an epoch from step `start` on: batches of one shape, stacked."""
        count, ran_out = self._seek(epoch, start)
        assert self._iterator is not None
        taken = 0
        for group in _grouped(itertools.islice(self._iterator, count), pace):
            taken += len(group)
            self._moved(len(group))
            yield stack(group)
        self.ran_out = ran_out or (count is not None and taken < count)
        if self.size is None:
            if self._limit is None:
                self.steps = start + taken
            if count is None or taken < count:
                self._drop()
            self._next = (self._order, epoch - self.first_epoch + 1, 0)

    def _seek(self, epoch: int, start: int) -> tuple[int | None, bool]:
        """Go to step `start` of an epoch; return its further steps, and whether some lack."""
        if self._schedule is None:
            self._seek_unknown(epoch - self.first_epoch, start)
            return None if self._limit is None else self._limit - start, False
        part = self._schedule.part(epoch - self.first_epoch)
        if self._place != (self._order, part.turn, part.start + start) or self._iterator is None:
            self._start(part.turn)
            self._skip(part.start + start)
        return max(part.stop - part.start - start, 0), part.ran_out

    def _seek_unknown(self, epoch: int, start: int) -> None:
        """`_seek` in data of unknown size; a resumed fit goes through the epochs before it."""
        if self._once or self._next == (self._order, epoch, start):
            self._begin(epoch)
            return
        self._drop()
        for passed in range(0 if self._limit is None else epoch):
            self._begin(passed)
            if self._skip(self._limit or 0) < (self._limit or 0):
                self._drop()
        self._begin(epoch)
        self._skip(start)

    def _begin(self, epoch: int) -> None:
        """Begin a turn, unless the last one has batches left."""
        if self._iterator is None or self._peek() is None:
            self._start(epoch)

    def _skip(self, steps: int) -> int:
        """Go over batches; return how many there were."""
        assert self._iterator is not None
        count = sum(1 for _ in itertools.islice(self._iterator, steps))
        self._moved(count)
        return count

    def _moved(self, steps: int) -> None:
        order, turn, step = self._place
        self._place = (order, turn, step + steps)

    def _drop(self) -> None:
        if not self._once:
            self._iterator = None

    def rewind(self) -> None:
        """Begin at the first batch again, where the data allow it."""
        if self._schedule is None:
            self._drop()

    def on_epoch_begin(self) -> None:
        """Tell the data, where it wants to know."""
        getattr(self._data, "on_epoch_begin", _nothing)()

    def on_epoch_end(self) -> None:
        """Tell the data, where it wants to know."""
        getattr(self._data, "on_epoch_end", _nothing)()


class _Peekable:
    """An iterator whose next item can be looked at."""

    def __init__(self, items: Iterable[Any]):
        self._items = iter(items)
        self._held: list[Any] = []

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._held.pop() if self._held else next(self._items)

    def peek(self) -> Any:
        """The next item, which stays; None at the end."""
        if not self._held:
            self._held.extend(itertools.islice(self._items, 1))
        return self._held[0] if self._held else None


Source = ArraySource | BatchSource


def _nothing() -> None:
    """What a hook does that the data have not."""


def _grouped(batches: Iterator[Any], pace: Pace) -> Iterator[list[Any]]:
    """Batches of one shape in groups, which end where an execution ends."""
    group: list[Any] = []
    done = 0
    for item in batches:
        batch = clean_batch(item)
        if group and _shape(batch) != _shape(group[0]):
            yield group
            group = []
        group.append(batch)
        done += 1
        if len(group) >= _group_size(batch, pace) or (pace.single and done % pace.unit == 0):
            yield group
            group = []
    if group:
        yield group


def _shape(batch: Any) -> Any:
    return [(a.shape, str(a.dtype)) for a in _arrays(batch)]


def _arrays(batch: Any) -> list[Any]:
    return [a for a in tree.flatten(batch) if a is not None]


def _group_size(batch: Any, pace: Pace) -> int:
    """How many batches to stack: within the pace and 64 MiB, a power of two where that is free."""
    size = sum(a.nbytes for a in _arrays(batch))
    most = max(1, min(pace.steps, 64, _MOST_BYTES // max(size, 1)))
    return most if pace.single else 1 << (most.bit_length() - 1)


def stack(group: list[Any]) -> Block:
    """Batches of one shape as one block; the count is filled up to a power of two."""
    count = len(group)
    size = 1 << (count - 1).bit_length()
    filled = group + [group[-1]] * (size - count)
    data = tree.map_structure(
        lambda *a: None if a[0] is None else np.concatenate(a) if len(a) > 1 else a[0], *filled
    )
    batch = _arrays(group[0])[0].shape[0]
    order = np.arange(size * batch, dtype=np.int32).reshape(size, batch)
    return Block(data, order, 0, count)
