"""The steps of a pipeline as generators: elements in, elements out."""

from __future__ import annotations

import collections
import itertools
import os
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import numpy as np

from kohort.data.pipeline_elements import as_element, calling

_END = object()


def shuffled(items: Iterable[Any], buffer: int, rng: np.random.Generator) -> Iterator[Any]:
    """Give a random one of the `buffer` items at hand and put the next one in its place."""
    source = iter(items)
    held = list(itertools.islice(source, buffer))
    for item in source:
        place = int(rng.integers(len(held)))
        held[place], item = item, held[place]
        yield item
    for place in rng.permutation(len(held)):
        yield held[place]


def grouped(items: Iterable[Any], size: int, drop_remainder: bool) -> Iterator[list[Any]]:
    """Lists of `size` items; the last one may be shorter."""
    source = iter(items)
    while group := list(itertools.islice(source, size)):
        if len(group) == size or not drop_remainder:
            yield group


def windows(
    items: Iterable[Any], size: int, shift: int, stride: int, drop_remainder: bool
) -> Iterator[list[Any]]:
    """Lists of `size` items, `stride` apart; the next list begins `shift` items later."""
    span = (size - 1) * stride + 1
    source = iter(items)
    held = list(itertools.islice(source, span))
    while held:
        window = held[:span:stride]
        if len(window) == size or not drop_remainder:
            yield window
        gap = max(shift - len(held), 0)
        held = held[shift:]
        held += itertools.islice(source, gap, gap + span - len(held))


def interleaved(
    items: Iterable[Any], open_item: Callable[[Any], Iterator[Any]], cycle: int, block: int
) -> Iterator[Any]:
    """Go round `cycle` open iterators, `block` elements from each in turn."""
    source = iter(items)
    slots: list[Iterator[Any] | None] = [None] * cycle
    ended = False
    while not ended or any(slot is not None for slot in slots):
        for place, slot in enumerate(slots):
            if slot is None:
                item = next(source, _END)
                ended = item is _END
                if ended:
                    continue
                slot = open_item(item)
            given = list(itertools.islice(slot, block))
            yield from given
            slots[place] = slot if len(given) == block else None


def ahead(items: Iterator[Any], count: int) -> Iterator[Any]:
    """The same items, up to `count` of them made ahead of time by a thread."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
    try:
        waiting = collections.deque(pool.submit(next, items, _END) for _ in range(count))
        while (item := waiting.popleft().result()) is not _END:
            waiting.append(pool.submit(next, items, _END))
            yield item
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class Workers:
    """Threads or processes that call a function on elements; the results keep their order.

    They start with the first element and live as long as this object.
    """

    def __init__(self, count: int, kind: str):
        self.count = count if count > 0 else os.cpu_count() or 1
        self.kind = kind
        self._pool: Executor | None = None

    def _start(self) -> Executor:
        if self._pool is None:
            if self.kind == "threads":
                self._pool = ThreadPoolExecutor(self.count, thread_name_prefix="map")
            else:
                import multiprocessing

                # A forked child would inherit JAX's locks.
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(self.count, context)
            weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
        return self._pool

    def map(self, function: Callable[..., Any], elements: Iterator[Any]) -> Iterator[Any]:
        """The results in the order of the elements."""
        pool = self._start()
        waiting: collections.deque[Future] = collections.deque()
        for element in elements:
            waiting.append(pool.submit(calling, function, element))
            if len(waiting) > 2 * self.count:
                yield as_element(waiting.popleft().result())
        while waiting:
            yield as_element(waiting.popleft().result())


class Cache:
    """Keeps the elements of the first whole pass."""

    def __init__(self) -> None:
        self._kept: list[Any] | None = None

    def replay(self, make: Callable[[], Iterator[Any]], start: int) -> Iterator[Any]:
        """The elements from `start` on; `make()` gives them where they are not kept yet."""
        if self._kept is not None:
            yield from itertools.islice(self._kept, start, None)
            return
        kept = []
        for number, element in enumerate(make()):
            kept.append(element)
            if number >= start:
                yield element
        self._kept = kept
