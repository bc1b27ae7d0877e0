"""EarlyStopping: stop when a metric no longer improves."""

from __future__ import annotations

import warnings
from typing import Any

from kohort.callbacks.callback import Logs
from kohort.callbacks.monitor_callback import MonitorCallback
from kohort.callbacks.rules import StoppingState, stopping_step
from kohort.utils.printing import print_msg


class EarlyStopping(MonitorCallback):
    """Stops the training when `monitor` has not improved for `patience` epochs.

    Args:
        monitor: the name in the logs that is watched.
        min_delta: a smaller change is no improvement.
        patience: epochs without improvement to wait for.
        verbose: 1 prints when it acts.
        mode: "min", "max", or "auto" (told by the metric).
        baseline: a value that has to be beaten; the wait starts anew only above it.
        restore_best_weights: whether the model ends with the weights of its best epoch, even if
            none beat the baseline.
        start_from_epoch: epochs of warm-up that are not watched.

    `stopped_epoch` is the epoch it stopped at (0: it did not), `best_epoch` and `best` the best.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="zeros")])
    >>> model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    >>> stop = keras.callbacks.EarlyStopping("loss", patience=3)
    >>> history = model.fit(np.ones((4, 2)), np.ones(4), epochs=9, verbose=0, callbacks=[stop])
    >>> len(history.epoch)
    4
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.wait = 0
        self.stopped_epoch = 0
        self.restore_best_weights = restore_best_weights
        self.best_weights: Any = None
        self.best_epoch = 0
        self.start_from_epoch = start_from_epoch

    def on_train_begin(self, logs: Logs = None) -> None:
        self.best, self.wait = StoppingState()
        self.stopped_epoch = 0
        self.best_weights = None
        self.best_epoch = 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.monitor_op is None:
            self._set_monitor_op()
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        is_first = self.best_weights is None
        state, improved, is_over = stopping_step(
            StoppingState(self.best, self.wait),
            current,
            self._is_improvement,
            self.patience,
            self.baseline,
        )
        self.best, self.wait = state
        if improved or (self.restore_best_weights and is_first):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
        if is_over and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print_msg(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print_msg(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}."
                )
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs: Logs) -> Any:
        """The watched value of the logs, or None with a warning."""
        logs = logs or {}
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f"Early stopping conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}",
                stacklevel=2,
            )
        return value

    def get_state(self) -> dict[str, Any]:
        names = ("best", "wait", "stopped_epoch", "best_epoch", "best_weights")
        return {name: getattr(self, name) for name in names}

    def set_state(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
