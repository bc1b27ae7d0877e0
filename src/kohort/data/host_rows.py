"""Arrays that stay on the host: each block's rows are gathered while the last block runs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from kohort.data.source import AHEAD, ArraySource, Block, Pace

_BLOCK_BYTES = 2**23  # so many bytes a block; a block has one step at least
_ALIGNMENT = 64  # bytes: JAX on the CPU then takes an array as it is, without a copy


class HostRows(ArraySource):
    """The batches of an `ArraySource`, without a copy of the whole arrays on the device.

    On a CPU that copy would only move memory to memory. Elsewhere it does not always fit.
    """

    def blocks(self, epoch: int, pace: Pace, start: int = 0) -> Iterator[Block]:
        """The blocks of an epoch from step `start` on; `pace` says how long they are."""
        part, size = self.part(epoch), self.batch_size
        order, full = self.order(part.turn), self.rows // self.batch_size
        at, stop = part.start + start, min(full, part.stop)
        batches = [order[at * size : stop * size].reshape(-1, size)] if at < stop else []
        if max(at, stop) == full < part.stop:
            batches.append(order[None, full * size :])
        for data, count in self._gathered(batches):
            begin = 0
            while begin < count:  # the pace may change with each block
                end = min(begin + pace.steps, count)
                yield Block(data, None, begin, end)
                begin = end
        self.ran_out = part.ran_out

    def _gathered(self, batches: list[np.ndarray]) -> Iterator[tuple[Any, int]]:
        """The rows of `batches`, each (steps, batch), as trees (length, batch, …), and counts.

        Buffers take turns: one is filled in a thread while others are computed on.
        """
        if self._device is None:
            self._device = _Buffers(self.data, self.batch_size, self.size)
        buffers: _Buffers = self._device
        parts = [
            rows[i : i + buffers.length]
            for rows in batches
            for i in range(0, len(rows), buffers.length)
        ]
        with ThreadPoolExecutor(1) as thread:
            filled = None
            for number, rows in enumerate(parts):
                data = (filled or thread.submit(buffers.fill, number, rows)).result()
                if number + 1 < len(parts):
                    filled = thread.submit(buffers.fill, number + 1, parts[number + 1])
                yield data, len(rows)


class _Buffers:
    """Sets of aligned arrays of shape (length, batch, …) that take turns for the rows of `data`."""

    def __init__(self, data: Any, batch_size: int, most_steps: int):
        # `np.take` would copy the whole of an array that is not contiguous, each time.
        self.data = jax.tree.map(np.ascontiguousarray, data)
        rows = jax.tree.map(lambda a: a[:1], self.data)
        row_bytes = max(1, sum(a.nbytes for a in jax.tree.leaves(rows)))
        self.batch_size = batch_size
        self.length = int(np.clip(_BLOCK_BYTES // (row_bytes * batch_size), 1, most_steps))

        def empty(row: np.ndarray) -> np.ndarray:
            return _aligned((self.length * batch_size, *row.shape[1:]), row.dtype)

        self.turns = [jax.tree.map(empty, rows) for _ in range(AHEAD + 2)]

    def fill(self, number: int, batches: np.ndarray) -> Any:
        """The rows of `batches` (steps, batch) on the device; `number` says whose turn it is.

        Whole batches are filled up to as many steps as there is room for: one program does.
        """
        buffer = self.turns[number % len(self.turns)]
        width = batches.shape[1]
        steps = self.length if width == self.batch_size else len(batches)

        def gather(array: np.ndarray, room: np.ndarray) -> np.ndarray:
            np.take(array, batches.ravel(), axis=0, out=room[: batches.size], mode="clip")
            return room[: steps * width].reshape(steps, width, *room.shape[1:])

        return jax.device_put(jax.tree.map(gather, self.data, buffer))


def _aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """An empty array whose first byte lies on a multiple of the alignment."""
    count = int(np.prod(shape)) * dtype.itemsize
    raw = np.empty(count + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + count].view(dtype).reshape(shape)
