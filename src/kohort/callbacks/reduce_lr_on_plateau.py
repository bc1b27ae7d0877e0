"""ReduceLROnPlateau: a smaller learning rate when a metric no longer improves."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from kohort.callbacks.callback import Logs
from kohort.callbacks.learning_rate_scheduler import log_learning_rates, named_optimizers
from kohort.callbacks.monitor_callback import MonitorCallback
from kohort.callbacks.rules import PlateauState, plateau_step
from kohort.utils.printing import print_msg


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when `monitor` has not improved for some epochs.

    Args:
        monitor: the name in the logs that is watched.
        factor: the new rate is `rate * factor`; below 1.
        patience: epochs without improvement to wait for.
        verbose: 1 prints when it acts.
        mode: "min", "max", or "auto" (told by the metric).
        min_delta: a smaller change is no improvement.
        cooldown: epochs after a reduction that are not counted.
        min_lr: the rate never goes below.

    The rate is added to the logs as `learning_rate`.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    >>> reduce = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=100)
    >>> history = model.fit(np.ones((4, 2)), np.ones(4), epochs=3, verbose=0, callbacks=[reduce])
    >>> [round(rate, 6) for rate in history.history["learning_rate"]]
    [0.01, 0.01, 0.001]
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        min_delta = kwargs.pop("epsilon", min_delta)  # its first name
        if kwargs:
            warnings.warn(
                f"ReduceLROnPlateau ignores the unknown arguments {sorted(kwargs)}.", stacklevel=2
            )
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(
                f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}"
            )
        self.factor = factor
        self.min_lr = min_lr
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        self.best, self.wait, self.cooldown_counter = PlateauState()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()
        logs = {} if logs is None else logs
        log_learning_rates(self.model.optimizer, logs)
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not "
                f"available. Available metrics are: {','.join(logs)}.",
                stacklevel=2,
            )
            return
        state = PlateauState(self.best, self.wait, self.cooldown_counter)
        state, is_due = plateau_step(state, current, self._is_improvement, self.patience)
        self.best, self.wait, self.cooldown_counter = state
        if is_due and self._reduce(epoch):
            self.wait, self.cooldown_counter = 0, self.cooldown

    def _reduce(self, epoch: int) -> bool:
        """Reduce the rates that are not at their bound yet; whether any was."""
        reduced = False
        for name, optimizer in named_optimizers(self.model.optimizer):
            old = float(optimizer.learning_rate)
            if old <= np.float32(self.min_lr):
                continue
            new = max(old * self.factor, self.min_lr)
            optimizer.learning_rate = new
            reduced = True
            if self.verbose > 0:
                label = f" {name}" if name else ""
                print_msg(
                    f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing{label} learning rate to "
                    f"{new}."
                )
        return reduced

    def in_cooldown(self) -> bool:
        """Whether the epochs after a reduction are not counted yet."""
        return self.cooldown_counter > 0

    def get_state(self) -> dict[str, Any]:
        names = ("best", "wait", "cooldown_counter")
        return {name: getattr(self, name) for name in names}

    def set_state(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
