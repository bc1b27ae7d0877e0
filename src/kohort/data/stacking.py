"""Batches for prediction: stacked, so that many run in one call of a compiled program."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from kohort.data.batches import Source
from kohort.data.source import ArraySource, Block, Pace

_MOST_BYTES = 2**26


def stacked_batches(source: Source, pace: Pace) -> Iterator[Block]:
    """Blocks whose data has the shape (steps, batch, …); the last rows come on their own.

    The number of steps is filled up to a power of two: data of any length needs few programs.
    With `pace.single`, a block has one execution.
    """
    if not isinstance(source, ArraySource):
        for block in source.blocks(0, pace):
            split = functools.partial(_split, batch=block.order.shape[1])
            yield Block(jax.tree.map(split, block.data), None, 0, block.stop)
        return
    size, data, part = source.batch_size, source.data, source.part(0)
    row_bytes = sum(a.nbytes for a in jax.tree.leaves(data)) // max(source.rows, 1)
    most = pace.unit if pace.single else max(1, _MOST_BYTES // max(row_bytes * size, 1))
    full = min(source.rows // size, part.stop)
    for at in range(0, full, most):
        count = min(most, full - at)
        cut = functools.partial(_stacked, at=at, count=count, size=size)
        yield Block(jax.tree.map(cut, data), None, 0, count)
    if full < part.stop:
        yield Block(jax.tree.map(lambda a: a[full * size :][None], data), None, 0, 1)
    source.ran_out = part.ran_out


def _split(a: Any, batch: int) -> Any:
    return a.reshape(-1, batch, *a.shape[1:])


def _stacked(a: Any, at: int, count: int, size: int) -> Any:
    """Batches `at` to `at + count`, filled up with zeros."""
    rows = _split(a[at * size : (at + count) * size], size)
    room = 1 << (count - 1).bit_length()
    if room == count:
        return rows
    return np.concatenate([rows, np.zeros((room - count, *rows.shape[1:]), rows.dtype)])
