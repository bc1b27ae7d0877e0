"""The members' logs of a cohort's epoch in a few numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from kohort.callbacks.monitor_callback import metric_mode


class Spread(NamedTuple):
    """One name in the logs: how many members have a value, its quantiles, and the best one.

    best: None where the name does not tell what is better.
    """

    name: str
    members: int
    quantiles: np.ndarray
    best: float | None


def spreads(
    logs: dict[str, np.ndarray], metrics: Any, quantiles: Sequence[float]
) -> Iterator[Spread]:
    """The spread of each name over the members whose value is finite; nothing where none is.

    >>> for spread in spreads({"loss": np.array([3.0, 1.0, np.nan])}, (), [0.5]):
    ...     print(spread.name, spread.members, float(spread.quantiles[0]), float(spread.best))
    loss 2 2.0 1.0
    """
    for name, values in logs.items():
        there = values[np.isfinite(values)] if values.ndim == 1 else values[:0]
        if not there.size:
            continue
        mode = metric_mode(name, metrics)
        best = None if mode is None else there.min() if mode == "min" else there.max()
        yield Spread(name, there.size, np.quantile(there, list(quantiles)), best)
