"""LearningRateScheduler: a learning rate for every epoch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from kohort.callbacks.callback import Callback, Logs
from kohort.utils.printing import print_msg


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch to `schedule(epoch, learning_rate)`.

    `schedule` may also take the epoch (from 0) alone; it returns a float. `verbose=1` prints the
    rate. The rate is added to the logs as `learning_rate`. An optimiser that was made with a
    schedule of its own gives a `TypeError`.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(optimizer=keras.optimizers.SGD(0.5), loss="mse")
    >>> halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> history = model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0, callbacks=[halve])
    >>> history.history["learning_rate"]
    [0.25, 0.125]
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        for name, optimizer in named_optimizers(self.model.optimizer):
            rate = self._next_rate(optimizer, epoch)
            optimizer.learning_rate = rate
            if self.verbose > 0:
                label = f"{name} " if name else ""
                print_msg(
                    f"\nEpoch {epoch + 1}: LearningRateScheduler setting {label}learning rate to "
                    f"{rate}."
                )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        log_learning_rates(self.model.optimizer, {} if logs is None else logs)

    def _next_rate(self, optimizer: Any, epoch: int) -> float:
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError('Optimizer must have a "learning_rate" attribute.')
        if _takes_two(self.schedule):
            rate = self.schedule(epoch, float(optimizer.learning_rate))
        else:
            rate = self.schedule(epoch)
        if isinstance(rate, (float, np.floating)):
            return float(rate)
        dtype = getattr(rate, "dtype", None)
        if dtype is not None and np.shape(rate) == () and np.issubdtype(dtype, np.floating):
            return float(rate)  # the result of an op
        raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate}")


def named_optimizers(optimizer: Any) -> list[tuple[str, Any]]:
    """Return (name, optimiser) for each one inside; a single one needs no name."""
    inner = getattr(optimizer, "optimizers", None)
    if inner is None:
        return [("", optimizer)]
    return [(each.name, each) for each in inner]


def log_learning_rates(optimizer: Any, logs: dict[str, Any]) -> None:
    """Add `learning_rate` to the logs, or `learning_rate_<name>` for each of several optimisers."""
    for name, each in named_optimizers(optimizer):
        logs[f"learning_rate_{name}" if name else "learning_rate"] = float(each.learning_rate)


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with two arguments."""
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a built-in one without a signature
        return True
    return True
