"""History: the logs of every epoch."""

from __future__ import annotations

from typing import Any

from kohort.callbacks.callback import Callback, Logs


class History(Callback):
    """Keeps the logs of every epoch; `fit` adds one and returns it.

    `history` is a dict from names to lists with a value for each epoch, `epoch` the list of epoch
    numbers (from 0).

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(loss="mse")
    >>> history = model.fit(np.ones((4, 2)), np.ones(4), epochs=3, verbose=0)
    >>> history.epoch, {name: len(values) for name, values in history.history.items()}
    ([0, 1, 2], {'loss': 3})
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}

    def on_train_begin(self, logs: Logs = None) -> None:
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self

    def _repr_html_(self) -> str:
        """The first, best and last value of each metric, for notebooks."""
        from kohort.callbacks.history_html import history_table

        return history_table(self.history)
