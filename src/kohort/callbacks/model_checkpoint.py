"""ModelCheckpoint: save the model as training goes on."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from kohort.callbacks.callback import Logs
from kohort.callbacks.monitor_callback import MonitorCallback
from kohort.callbacks.rules import BatchCount, count_batch
from kohort.errors import with_remedies
from kohort.monitor.quiet import Quiet
from kohort.utils.printing import print_msg


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, at the end of epochs or every so many batches.

    Args:
        filepath: where to save: `.keras` or `.h5` for the model, `.weights.h5` for weights. It may
            hold `{epoch}` (from 1), `{batch}` and names of the logs with formats:
            `"{epoch:02d}-{val_loss:.2f}.keras"`. Folders are made.
        monitor: the name in the logs that tells which model is best.
        verbose: 1 prints when it acts.
        save_best_only: whether to save only what is better than everything before.
        save_weights_only: whether to save the weights (`model.save_weights`), not the model.
        mode: "min", "max", or "auto" (told by the metric).
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: the best value to begin with.

    `best` is the best value so far. A place that cannot be written is an error before the
    training; where a disk fills up later, that is one warning, the file there before stays whole,
    and the training goes on.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(loss="mse")
    >>> save = keras.callbacks.ModelCheckpoint("best.keras", "loss", save_best_only=True)
    >>> _ = model.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=[save])
    >>> keras.models.load_model("best.keras").predict(np.ones((3, 2)), verbose=0).shape
    (3, 1)
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.verbose = verbose
        self.filepath = os.fspath(filepath)
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._count = BatchCount()
        self._current_epoch = 0
        self._quiet = Quiet("ModelCheckpoint")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(
                f"Unrecognized save_freq: {save_freq}. "
                "Expected save_freq are 'epoch' or integer values"
            )
        if save_weights_only and not self.filepath.endswith(".weights.h5"):
            raise ValueError(
                "When using `save_weights_only=True` in `ModelCheckpoint`, the filepath provided "
                "must end in `.weights.h5` (Keras weights format). "
                f"Received: filepath={self.filepath}"
            )
        if not save_weights_only and not self.filepath.endswith((".keras", ".h5")):
            raise ValueError(
                "The filepath provided must end in `.keras` (Keras model format). "
                f"Received: filepath={self.filepath}"
            )

    @property
    def block_hooks(self) -> bool:  # type: ignore[override]
        """Only a number of batches needs every batch."""
        return self.save_freq == "epoch"

    def on_train_begin(self, logs: Logs = None) -> None:
        self._quiet = Quiet("ModelCheckpoint")
        check_place("ModelCheckpoint", self.filepath.partition("{")[0] + "file")

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._current_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.save_freq == "epoch":
            return
        self._count, is_due = count_batch(self._count, batch, int(self.save_freq))
        if is_due:
            self._save_model(self._current_epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.save_best_only and self.monitor_op is None:
            self._set_monitor_op()
        if self.save_freq == "epoch":
            self._save_model(epoch, None, logs)

    def _save_model(self, epoch: int, batch: int | None, logs: Logs) -> None:
        filepath = self._get_file_path(epoch, batch, logs or {})
        best = self.best
        if not self._should_save_model(epoch, batch, logs, filepath):
            return
        if os.path.isdir(filepath):
            raise OSError(
                "Please specify a non-directory filepath for ModelCheckpoint. Filepath used is an "
                f"existing directory: {filepath}"
            )
        try:
            os.makedirs(os.path.dirname(filepath) or ".", exist_ok=True)
            if self.save_weights_only:
                self.model.save_weights(filepath, overwrite=True)
            else:
                self.model.save(filepath, overwrite=True)
        except OSError as error:
            self.best = best  # which is what the file still holds
            self._quiet.warn("cannot save the model", f"{error}. Training goes on.")
        else:
            self._say(epoch, f"finished saving model to {filepath}")

    def _should_save_model(self, epoch: int, batch: int | None, logs: Logs, filepath: str) -> bool:
        """Whether to save now; keeps the best value, and says what was decided."""
        if not self.save_best_only:
            self._say(epoch, f"saving model to {filepath}")
            return True
        logs = logs or {}
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Can save best model only with {self.monitor} available. "
                f"Available metrics are: {','.join(logs)}",
                stacklevel=2,
            )
            return True
        if np.ndim(current) > 0:
            warnings.warn(
                "Can save best model only when `monitor` is a scalar value. "
                f"Received: {current}. Falling back to `save_best_only=False`.",
                stacklevel=2,
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._say(epoch, f"{self.monitor} did not improve from {best}")
            return False
        self._say(
            epoch,
            f"{self.monitor} improved from {best} to {current:.5f}, saving model to {filepath}",
        )
        self.best = current
        return True

    def _say(self, epoch: int, message: str) -> None:
        if self.verbose > 0:
            print_msg(f"\nEpoch {epoch + 1}: {message}")

    def _get_file_path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        values = dict(logs)
        if batch is not None:
            values.setdefault("batch", batch + 1)
        try:
            return self.filepath.format(**{"epoch": epoch + 1, **values})
        except KeyError as error:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". Reason: {error}. '
                f"Available names are: {','.join(['epoch', *values])}"
            ) from error

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best, "batches": list(self._count)}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best = state["best"]
        self._count = BatchCount(*state["batches"])


def check_place(owner: str, path: str) -> None:
    """Raise where no file can be written at `path`: better now than after an epoch of hours."""
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise OSError(
            with_remedies(
                f"{owner} must be able to write its file.",
                f"{path!r}, where {folder!r} is no folder that can be written",
                ["Pass another path.", "Change the permissions of the folder."],
            )
        )
