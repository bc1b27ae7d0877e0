"""A re-iterable run of NumPy batches over positions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


class ArrayBatches:
    """Batches `take(positions)` over an array of positions, in order or shuffled.

    Every `iter` starts anew; with `shuffle` each pass draws another order, and the passes of two
    objects with one seed agree. With `batch_size=None` single samples are given. `len` is the
    number of batches.

    >>> squares = ArrayBatches(lambda rows: rows**2, np.arange(5), batch_size=2)
    >>> len(squares), [batch.tolist() for batch in squares]
    (3, [[0, 1], [4, 9], [16]])
    """

    def __init__(
        self,
        take: Callable[[np.ndarray], Any],
        positions: np.ndarray,
        batch_size: int | None = None,
        shuffle: bool = False,
        seed: int | None = None,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(
                f"`batch_size` must be a positive integer or None. Received: {batch_size}"
            )
        self._take = take
        self._positions = positions
        self.batch_size = batch_size
        self.shuffle = shuffle
        self._rng = np.random.default_rng(seed)

    @property
    def num_samples(self) -> int:
        """The number of samples in one pass."""
        return len(self._positions)

    def __len__(self) -> int:
        return math.ceil(self.num_samples / (self.batch_size or 1))

    def __iter__(self) -> Iterator[Any]:
        positions = self._positions
        if self.shuffle:
            positions = self._rng.permutation(positions)
        return self._batches(positions)

    def _batches(self, positions: np.ndarray) -> Iterator[Any]:
        if self.batch_size is None:
            return (self._take(position) for position in positions)
        starts = range(0, len(positions), self.batch_size)
        return (self._take(positions[start : start + self.batch_size]) for start in starts)

    def take(self, count: int) -> Iterator[Any]:
        """The first `count` batches of a new pass."""
        for _, batch in zip(range(count), self, strict=False):
            yield batch

    def unbatch(self) -> ArrayBatches:
        """The same samples one by one, in their stored order."""
        return ArrayBatches(self._take, self._positions)
