"""Row orders of several members as grids of batches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Grid(NamedTuple):
    """Batches for each member of a pack.

    order: `(members, steps, batch)` row numbers; size: `(members,)`, how many of a member's
    places count, or None where all do.
    """

    order: np.ndarray
    size: np.ndarray | None

    @property
    def steps(self) -> int:
        """Steps of the grid."""
        return self.order.shape[1]


def grids(rows: list[np.ndarray], batch: int, filled: bool, masked: bool) -> list[Grid]:
    """Cut the members' rows into batches.

    Args:
        rows: the row numbers of each member, in the order in which they come.
        batch: rows a batch.
        filled: whether the last batch is filled up (the members then have equally many steps);
            otherwise a smaller last batch is a grid of its own (they have equally many rows).
        masked: whether a filled grid says how many places count.

    >>> [(g.order.shape, g.size) for g in grids([np.arange(5)], 2, filled=False, masked=False)]
    [((1, 2, 2), None), ((1, 1, 1), None)]
    >>> grid, = grids([np.arange(5)], 2, filled=True, masked=True)
    >>> grid.order.tolist(), grid.size.tolist()
    ([[[0, 1], [2, 3], [4, 0]]], [5])
    """
    if filled:
        steps = -(-len(rows[0]) // batch)
        places = np.stack([np.resize(r, steps * batch) for r in rows])
        size = np.array([len(r) for r in rows], np.int32) if masked else None
        return [Grid(places.reshape(len(rows), steps, batch), size)]
    stacked = np.stack(rows)
    full = stacked.shape[1] // batch * batch
    parts = [stacked[:, :full].reshape(len(rows), -1, batch), stacked[:, None, full:]]
    return [Grid(part, None) for part in parts if part.size]
