"""ProgbarLogger: the progress bar of `fit`, `evaluate` and `predict`."""

from __future__ import annotations

from typing import Any

from kohort.callbacks.callback import Callback, Logs
from kohort.utils.printing import print_msg
from kohort.utils.progbar import Progbar


class ProgbarLogger(Callback):
    """Shows progress and metrics: a bar (`verbose=1`), a line an epoch (2) or nothing (0).

    `fit`, `evaluate` and `predict` add one; `"auto"` is a bar. Inside `fit` the validation shows
    none of its own.

    >>> bar = ProgbarLogger()
    >>> bar.set_params({"verbose": 2, "epochs": 2, "steps": 10})
    >>> bar.on_train_begin()
    >>> bar.on_epoch_begin(0)
    Epoch 1/2
    >>> bar.on_epoch_end(0, {"loss": 0.5})  # doctest: +ELLIPSIS
    10/10 - 0s - ... - loss: 0.5000
    """

    block_hooks = True

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.progbar: Progbar | None = None
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self._called_in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        verbose = params["verbose"]
        self.verbose = 1 if verbose == "auto" else verbose
        self.epochs = params["epochs"]
        self.target = params["steps"]

    def on_train_begin(self, logs: Logs = None) -> None:
        self._called_in_fit = True

    def on_test_begin(self, logs: Logs = None) -> None:
        if not self._called_in_fit:
            self._new_bar()

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._new_bar()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._new_bar()
        if self.verbose and self.epochs > 1:
            print_msg(f"Epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        if not self._called_in_fit:
            self._update(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._update(batch, None)  # the logs hold the predictions

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Logs = None) -> None:
        if not self._called_in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._finish(None)

    def _new_bar(self) -> Progbar:
        self.seen = 0
        self.progbar = Progbar(
            target=self.target, verbose=self.verbose, unit_name="step", stateless_metrics=set()
        )
        return self.progbar

    def _update(self, batch: int, logs: Logs) -> None:
        bar = self.progbar or self._new_bar()
        self.seen = batch + 1
        if self.verbose == 1:
            bar.update(self.seen, list((logs or {}).items()), finalize=False)

    def _finish(self, logs: Logs) -> None:
        bar = self.progbar or self._new_bar()
        if self.target is None:
            self.target = bar.target = self.seen
        bar.update(self.target, list((logs or {}).items()), finalize=True)
