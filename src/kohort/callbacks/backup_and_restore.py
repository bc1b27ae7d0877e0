"""BackupAndRestore: a training that was cut off goes on where it was."""

from __future__ import annotations

import contextlib
import os
import warnings
from typing import Any

import numpy as np

from kohort.callbacks.backup_file import (
    DamagedFile,
    ForeignFile,
    pack_state,
    read_backup,
    unpack_state,
    write_backup,
)
from kohort.callbacks.callback import Callback, Logs
from kohort.callbacks.model_checkpoint import check_place
from kohort.callbacks.rules import BatchCount, count_batch
from kohort.errors import KohortWarning, with_remedies
from kohort.monitor.quiet import Quiet

_MODEL = "model/"


class BackupAndRestore(Callback):
    """Backs the training up; `fit`, called again after a crash, goes on from the last backup.

    The backup has everything that training goes on from: weights, the optimiser's state, seeds,
    metrics, the row order, and what the other callbacks remember. A process killed at any moment
    and started again ends with the same bits as one that ran through. The file is replaced in one
    step, so it is always whole. When `fit` ends, it is deleted.

    Args:
        backup_dir: a folder for this training alone.
        save_freq: "epoch", a number of batches, or False (never).
        double_checkpoint: whether to keep the backup before the last, too; it is used if the
            last is damaged.
        delete_checkpoint: whether to delete the backup when `fit` ends.

    A damaged backup gives a warning, and training starts anew; one of another model gives a
    `ValueError`. A full disk is one warning, and the backup before stays; a folder that cannot be
    written is an `OSError` before the training.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(loss="mse")
    >>> x, y = np.ones((4, 2)), np.ones(4)
    >>> def crash(epoch, logs):
    ...     if epoch == 3:
    ...         raise RuntimeError("power cut")
    >>> backup = keras.callbacks.BackupAndRestore("backup")
    >>> crash = keras.callbacks.LambdaCallback(on_epoch_begin=crash)
    >>> model.fit(x, y, epochs=5, verbose=0, callbacks=[backup, crash])
    Traceback (most recent call last):
    RuntimeError: power cut
    >>> model.fit(x, y, epochs=5, verbose=0, callbacks=[backup]).epoch
    [3, 4]
    """

    runs_last = True  # so that the other callbacks have seen what it backs up

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed")
        is_count = isinstance(save_freq, int) and (save_freq is False or save_freq > 0)
        if save_freq != "epoch" and not is_count:
            raise ValueError(
                f"Invalid value for argument `save_freq`. Received: save_freq={save_freq}. "
                "Expected either 'epoch' or an integer value."
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        # One file holds the weights and the rest: Keras's two names mean the same one here.
        self._weights_path = os.path.join(self.backup_dir, "latest.safetensors")
        self._training_metadata_path = self._weights_path
        self._prev_weights_path = f"{self._weights_path}.bkp"
        self._prev_training_metadata_path = self._prev_weights_path
        self._current_epoch = 0
        self._count = BatchCount()
        self._quiet = Quiet("BackupAndRestore")
        self._due_at_epoch_end = False
        self._siblings: list[Callback] = []
        self._restored: list[dict[str, Any]] = []

    @property
    def block_hooks(self) -> bool:  # type: ignore[override]
        """Only a number of batches needs every batch."""
        return self._batches is None

    @property
    def _batches(self) -> int | None:
        """The number of batches between backups, or None."""
        return None if self.save_freq in ("epoch", False) else int(self.save_freq)

    @property
    def _last_batch_seen(self) -> int:
        return max(self._count.last, 0)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._quiet = Quiet("BackupAndRestore")
        self._restored = []
        self._count = BatchCount()
        self._due_at_epoch_end = False
        if not getattr(self.model, "built", True):
            raise ValueError(
                "To use the BackupAndRestore callback, your model must be built before you call "
                f"`fit()`. Model {self.model} is unbuilt. You can build it beforehand by calling "
                "it on a batch of data."
            )
        if self.save_freq is not False:
            check_place("BackupAndRestore", self._weights_path)
        found = self._load()
        if found is None:
            return
        content, tensors = found
        state = {
            name.removeprefix(_MODEL): value
            for name, value in tensors.items()
            if name.startswith(_MODEL)
        }
        self._check_structure(state)
        self.model.set_training_state(state)
        self._restored = unpack_state(content["callbacks"], tensors)
        self._resume(content)

    def _resume(self, content: dict[str, Any]) -> None:
        epoch, steps = content["epoch"], content["batch"]
        self._current_epoch = epoch
        if steps:
            self._count = BatchCount(0, steps - 1)
        if content["stop_training"] and not content["finished"]:
            # It was to stop at the end of this epoch: no epoch is left.
            epoch = max(epoch, (self.params or {}).get("epochs", epoch))
        self.model._initial_epoch = epoch
        self.model._initial_step = steps

    def on_siblings_begun(self, siblings: list[Callback]) -> None:
        others = [callback for callback in siblings if callback is not self]
        self._siblings = [callback for callback in others if isinstance(callback, Callback)]
        for callback, name in zip(self._siblings, _names(self._siblings), strict=True):
            for saved in self._restored:
                if saved["name"] == name:
                    callback.set_state(saved["state"])
        self._restored = []

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._current_epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._batches is None:
            return
        self._count, is_due = count_batch(self._count, batch, self._batches)
        if is_due and batch + 1 == (self.params or {}).get("steps"):
            self._due_at_epoch_end = True  # an epoch without a step left would have no logs
        elif is_due:
            self._save(steps=batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._current_epoch = epoch + 1
        self._count = self._count._replace(last=-1)
        if self.save_freq == "epoch" or self._due_at_epoch_end:
            self._save(steps=0)
            self._due_at_epoch_end = False

    def on_train_end(self, logs: Logs = None) -> None:
        if self.delete_checkpoint:
            self._delete()
        elif os.path.exists(self._weights_path):
            # Kept for a later `fit`, which begins with fresh callbacks.
            content, tensors = read_backup(self._weights_path)
            tensors = {name: value for name, value in tensors.items() if name.startswith(_MODEL)}
            content |= {"finished": True, "callbacks": []}
            self._write(content, tensors, None)

    def _save(self, steps: int) -> None:
        """Write a backup: `steps` of the epoch are done."""
        state = self.model.get_training_state()
        tensors = {f"{_MODEL}{name}": np.asarray(value) for name, value in state.items()}
        callbacks = []
        for callback, name in zip(self._siblings, _names(self._siblings), strict=True):
            packed = pack_state(callback.get_state(), f"callbacks/{name}", tensors)
            if packed:
                callbacks.append({"name": name, "state": packed})
        content = {
            "epoch": self._current_epoch,
            "batch": steps,
            "stop_training": bool(getattr(self.model, "stop_training", False)),
            "finished": False,
            "callbacks": callbacks,
        }
        previous = self._prev_weights_path if self.double_checkpoint else None
        self._write(content, tensors, previous)

    def _write(self, content: dict[str, Any], tensors: dict[str, Any], previous: Any) -> None:
        with self._quiet.attempt("cannot back up"):
            write_backup(self._weights_path, content, tensors, previous)

    def _load(self) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
        """The last whole backup; None if there is none, with a warning for damaged ones."""
        damaged: list[str] = []
        for path in (self._weights_path, self._prev_weights_path):
            if not os.path.exists(path):
                continue
            try:
                found = read_backup(path)
            except DamagedFile as error:
                damaged.append(str(error))
                continue
            except ForeignFile as error:
                raise ValueError(self._wrong_backup(str(error))) from error
            if damaged:
                self._warn(damaged, "The backup before the last one is used.")
            return found
        if damaged:
            self._warn(damaged, "Training starts anew.")
        return None

    @staticmethod
    def _warn(damaged: list[str], consequence: str) -> None:
        warnings.warn(
            f"A damaged backup was found. {' '.join(damaged)} {consequence}",
            KohortWarning,
            stacklevel=2,
        )

    def _check_structure(self, saved: dict[str, np.ndarray]) -> None:
        """Raise unless the backup has the model's names, shapes and types."""
        current = {
            name: (np.shape(value), str(value.dtype))
            for name, value in self.model.get_training_state().items()
        }
        backup = {name: (value.shape, str(value.dtype)) for name, value in saved.items()}
        for name in sorted(current.keys() | backup.keys()):
            here, there = current.get(name, "nothing"), backup.get(name, "nothing")
            if here != there:
                message = f"'{name}' is {there} in the backup and {here} in the model"
                raise ValueError(self._wrong_backup(message))

    def _wrong_backup(self, received: str) -> str:
        return with_remedies(
            f"The backup in '{self.backup_dir}' must be of the model that is trained.",
            received.rstrip("."),
            [
                "Build and compile the model as it was when it was backed up.",
                "Pass another `backup_dir`: each training needs its own.",
                "Delete the folder to start anew.",
            ],
        )

    def _delete(self) -> None:
        """Delete the backup, the last one last, and the folder if nothing else is in it."""
        for path in (f"{self._weights_path}.tmp", self._prev_weights_path, self._weights_path):
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)
        with contextlib.suppress(OSError):
            os.rmdir(self.backup_dir)


def _names(callbacks: list[Callback]) -> list[str]:
    """A name for each callback that holds for the same list in another process."""
    counts: dict[str, int] = {}
    names = []
    for callback in callbacks:
        kind = type(callback).__name__
        counts[kind] = counts.get(kind, 0) + 1
        names.append(f"{kind}_{counts[kind]}")
    return names
