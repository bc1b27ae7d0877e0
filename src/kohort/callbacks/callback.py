"""Callback: the base class, with every hook."""

from __future__ import annotations

from typing import Any

Logs = dict[str, Any] | None

BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class Callback:
    """Base class of callbacks: objects that `fit`, `evaluate` and `predict` call as they go on.

    Override the hooks you need. `logs` is a dict from names to Python floats. `params` is a dict
    with `epochs`, `steps` and `verbose`; `model` is the model.

    Training runs many steps in one compiled block. A class that overrides a batch hook gets it
    called for every single batch, which makes blocks of one step: slower. A class that is content
    with a call at the end of each block says `block_hooks = True`.

    `get_state()` and `set_state(state)` let `BackupAndRestore` carry what a callback remembers
    over to the process that goes on with the training.

    >>> import numpy as np, kohort as keras
    >>> class Report(keras.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(epoch, sorted(logs))
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(loss="mse")
    >>> _ = model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0, callbacks=[Report()])
    0 ['loss']
    1 ['loss']
    """

    block_hooks: bool = False
    """Whether calls of the batch hooks at the ends of blocks will do."""
    runs_last: bool = False
    """Whether a CallbackList calls the end-of-batch and end-of-epoch hooks after the others'."""

    params: dict[str, Any] | None = None
    _model: Any = None

    def __init__(self) -> None:
        self.params = None
        self._model = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the training's parameters."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model."""
        self._model = model

    @property
    def model(self) -> Any:
        """The model, with the current weights and optimiser state in it."""
        return self._model

    @property
    def needs_every_batch(self) -> bool:
        """Whether some batch hook has to be called for every single batch."""
        return any(needs_every_batch(self, phase) for phase in BATCH_HOOKS)

    def get_state(self) -> dict[str, Any]:
        """What a backup should keep: plain values and arrays, in dicts and lists."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take back what `get_state` gave; called after every callback's `on_train_begin`."""

    def on_siblings_begun(self, siblings: list[Callback]) -> None:
        """Called after the `on_train_begin` of all callbacks of the list, `siblings`."""

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """An older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """An older name of `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Called at the start of each epoch of `fit`, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Called at the end of each epoch of `fit`.

        `logs` has the loss and metrics of the epoch, and those of the validation as `val_...`.
        """

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before a training batch, counted from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after a training batch; `logs` has the epoch's means so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before a batch of `evaluate` or of the validation in `fit`."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after a batch of `evaluate` or of the validation in `fit`."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before a batch of `predict`."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after a batch of `predict`; `logs["outputs"]` has its outputs."""

    def on_train_begin(self, logs: Logs = None) -> None:
        """Called at the start of `fit`."""

    def on_train_end(self, logs: Logs = None) -> None:
        """Called at the end of `fit` with the logs of the last epoch."""

    def on_train_failed(self, error: BaseException) -> None:
        """Called in place of `on_train_end` where `fit` ends by an exception, Ctrl-C included."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """Called at the start of `evaluate` or of the validation in `fit`."""

    def on_test_end(self, logs: Logs = None) -> None:
        """Called at the end of `evaluate` or of the validation in `fit`."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Called at the start of `predict`."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """Called at the end of `predict`."""


def needs_every_batch(callback: Any, phase: str) -> bool:
    """Whether a batch hook of `phase` ("train", "test" or "predict") needs every single batch.

    >>> class Quick(Callback):
    ...     def on_train_batch_end(self, batch, logs=None): ...
    >>> needs_every_batch(Quick(), "train"), needs_every_batch(Quick(), "test")
    (True, False)
    """
    return any(_needs_every_call(callback, hook) for hook in BATCH_HOOKS[phase])


def _needs_every_call(callback: Any, hook: str) -> bool:
    own = getattr(callback, "__dict__", {})
    if hook in own or "block_hooks" in own:  # given to the object, as LambdaCallback does
        given = hook in own or _overrides(type(callback), hook)
        return given and not own.get("block_hooks", False)
    if not _overrides(type(callback), hook):
        return False
    # A subclass that overrides the hook again has to declare it again.
    declared = _owner(type(callback), "block_hooks")
    hook_owner = _owner(type(callback), hook)
    return not (getattr(callback, "block_hooks", False) and issubclass(declared, hook_owner))


def _overrides(cls: type, hook: str) -> bool:
    owner = _owner(cls, hook)
    if owner is None or owner is Callback:
        return False
    return not getattr(vars(owner)[hook], "_is_default", False)  # Keras's mark of its own base


def _owner(cls: type, name: str) -> Any:
    return next((base for base in cls.__mro__ if name in vars(base)), None)
