"""A member of a cohort: a candidate on its own rows, and what became of it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kohort.callbacks import History
from kohort.cohort.candidate import Candidate

RUNNING = "running"
FINISHED = "finished"
STOPPED = "stopped"
DIVERGED = "diverged"
DROPPED = "dropped"


@dataclasses.dataclass(eq=False)
class Member:
    """One training of a cohort.

    Args:
        candidate: the configuration and its seed.
        rows: the numbers of its training rows.
        validation: the numbers of its validation rows, or None.
        batch_size: rows a batch.
        epochs: how many epochs at most.
        callbacks: Keras callbacks of its own (epoch hooks; batch hooks are not called).
        label: what tells it apart in records: fold, repeat, …

    Afterwards `status` is "finished", "stopped" (by a callback of its own), "diverged" (its loss
    was no longer a number) or "dropped" (by the search), `history` has its logs, `state` and
    `leaves` its arrays and hyperparameters.
    """

    candidate: Candidate
    rows: np.ndarray
    validation: np.ndarray | None = None
    batch_size: int = 32
    epochs: int = 1
    callbacks: list[Any] = dataclasses.field(default_factory=list)
    label: dict[str, Any] = dataclasses.field(default_factory=dict)
    status: str = RUNNING
    history: History = dataclasses.field(default_factory=History)
    state: Any = None  # a TrainState, once it trains
    leaves: dict[str, Any] = dataclasses.field(default_factory=dict)
    base: int = 0  # where its rows begin, when each member has a copy of the inputs

    def __post_init__(self) -> None:
        self.rows = np.asarray(self.rows, np.int32)
        if not len(self.rows):
            raise ValueError("A member needs at least one training row. Received: rows=[]")
        if self.validation is not None:
            self.validation = np.asarray(self.validation, np.int32)
            if not len(self.validation):
                raise ValueError("Validation needs at least one row. Received: validation=[]")
        self.batch_size = min(int(self.batch_size), len(self.rows))
        self.leaves = dict(self.leaves)

    def order(self, epoch: int, shuffle: Any) -> np.ndarray:
        """The row numbers of an epoch, in the order in which `fit` would take them."""
        rows = self.placed(self.rows)
        if not shuffle:
            return rows
        rng = np.random.default_rng([self.candidate.order_seed, epoch])
        return rows[rng.permutation(len(rows))]

    def placed(self, rows: np.ndarray) -> np.ndarray:
        """These rows in the member's own copy of the inputs."""
        return rows + np.int32(self.base) if self.base else rows

    @property
    def record(self) -> dict[str, Any]:
        """What it takes to train the member again alone: seed, hyperparameters, labels, result."""
        last = {name: values[-1] for name, values in self.history.history.items() if values}
        return {
            "seed": self.candidate.seed,
            **self.candidate.label,
            **self.label,
            "batch_size": self.batch_size,
            "epochs": len(getattr(self.history, "epoch", [])),
            "status": self.status,
            "leaves": {path: float(value) for path, value in self.leaves.items()},
            "logs": last,
        }
