"""Bootstrap samples of rows, of whole groups, or of stretches of a series."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kohort.workflow.failure import WorkflowError


def units_of(rows: int, groups: np.ndarray | None = None, block: int | None = None) -> np.ndarray:
    """The unit, 0, 1, …, that each row is drawn with: itself, its group, or its stretch of rows.

    >>> units_of(5, block=2).tolist(), units_of(3, groups=np.array(["b", "a", "b"])).tolist()
    ([0, 0, 1, 1, 2], [1, 0, 1])
    """
    if groups is not None and block is not None:
        raise WorkflowError(
            "Rows are drawn by group or by block.",
            "groups= and block= at once",
            "leave one of them away",
        )
    if groups is not None:
        return np.unique(groups, return_inverse=True)[1].reshape(-1)
    if block is not None and not 1 <= block <= rows // 2:
        raise WorkflowError(
            f"block must lie between 1 and half of the {rows} rows.",
            str(block),
            "take about the cube root of the number of rows",
        )
    return np.arange(rows) // (block or 1)


def resamples(
    rows: int,
    samples: int = 500,
    seed: int = 0,
    groups: np.ndarray | None = None,
    block: int | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields pairs (rows drawn with replacement, rows left out), each pair of one bootstrap sample.

    With `groups`, shape `(rows,)`, whole groups are drawn; with `block`, whole stretches of that
    many consecutive rows, so that neighbours in a series stay together. On average a share 1/e of
    the units is left out.

    Sources: Efron (1979), "Bootstrap methods: another look at the jackknife"; Carlstein (1986),
    "The use of subseries values", for blocks that do not overlap.

    >>> drawn, left = next(resamples(6, groups=np.array([0, 0, 1, 1, 2, 2])))
    >>> len(drawn), set(drawn) & set(left)
    (6, set())
    """
    unit = units_of(rows, groups, block)
    order = np.argsort(unit, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(unit))[:-1])
    if len(members) < 2:
        raise WorkflowError(
            "A bootstrap needs at least two units to draw from.",
            f"{len(members)} among {rows} rows",
            "give rows of several groups",
        )
    single = len(members) == rows
    generator = np.random.default_rng(seed)
    for _ in range(samples):
        left = np.empty(0, int)
        while not len(left):  # of few units, all may be drawn
            chosen = generator.integers(0, len(members), len(members))
            left = np.flatnonzero(np.bincount(chosen, minlength=len(members)) == 0)
        if single:
            yield order[chosen], np.sort(order[left])
        else:
            yield _rows(members, chosen), np.sort(_rows(members, left))


def _rows(members: list[np.ndarray], units: np.ndarray) -> np.ndarray:
    return np.concatenate([members[unit] for unit in units])
