"""CallbackList: calls all callbacks of a `fit`, `evaluate` or `predict`."""

from __future__ import annotations

from typing import Any

from kohort.callbacks.callback import Callback, Logs, needs_every_batch
from kohort.callbacks.history import History
from kohort.callbacks.progbar_logger import ProgbarLogger
from kohort.callbacks.rich_progress import RichProgress
from kohort.core import tree
from kohort.errors import with_remedies
from kohort.utils.live import TERMINAL, place


class CallbackList(Callback):
    """A list of callbacks that is called like one; each hook goes to all in order.

    `add_history` and `add_progbar` append a `History` and a progress display where the list has
    none. `model` and `params` are handed to each callback. All callbacks of a call share one dict
    of logs, so what one adds (`learning_rate`, say) the later ones see.

    >>> calls = CallbackList([Callback()], add_history=True, epochs=2, steps=1, verbose=0)
    >>> [type(callback).__name__ for callback in calls.callbacks]
    ['Callback', 'History']
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks = tree.flatten(callbacks) if callbacks else []
        for callback in self.callbacks:
            _check_callback(callback)
        self._open_blocks = 0
        self.sources: tuple[Any, ...] = ()  # of a `fit`: the data to train and to validate on
        self._history = self._last_of(History)
        if self._history is None and add_history:
            self._history = History()
            self.callbacks.append(self._history)
        if self._last_of(ProgbarLogger) is None and add_progbar:
            verbose = params.get("verbose")
            rich = place() != TERMINAL if verbose == "auto" else verbose == "rich"
            self.callbacks.append(RichProgress() if rich else ProgbarLogger())
        self.set_model(model)
        self.set_params(params)

    def _last_of(self, kind: type) -> Any:
        found = [callback for callback in self.callbacks if isinstance(callback, kind)]
        return found[-1] if found else None

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        _check_callback(callback)
        self.callbacks.append(callback)
        if self._model is not None:
            callback.set_model(self._model)
        if self.params:
            callback.set_params(self.params)

    def set_params(self, params: dict[str, Any]) -> None:
        """Hand the parameters to each callback."""
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Hand the model to each callback."""
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    @property
    def needs_every_batch(self) -> bool:
        """Whether some callback needs a call for every single batch."""
        return (
            self.needs_every_train_batch
            or self.needs_every_test_batch
            or self.needs_every_predict_batch
        )

    @property
    def needs_every_train_batch(self) -> bool:
        """Whether some callback needs a call for every batch of `fit`."""
        return any(needs_every_batch(callback, "train") for callback in self.callbacks)

    @property
    def needs_every_test_batch(self) -> bool:
        """Whether some callback needs a call for every batch of `evaluate`."""
        return any(needs_every_batch(callback, "test") for callback in self.callbacks)

    @property
    def needs_every_predict_batch(self) -> bool:
        """Whether some callback needs a call for every batch of `predict`."""
        return any(needs_every_batch(callback, "predict") for callback in self.callbacks)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_batch_begin", batch, logs=pythonify_logs(logs))

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_batch_end", batch, logs=pythonify_logs(logs))

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._call("on_epoch_begin", epoch, pythonify_logs(logs))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._call("on_epoch_end", epoch, pythonify_logs(logs))

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_train_batch_begin", batch, logs=pythonify_logs(logs))

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_train_batch_end", batch, logs=pythonify_logs(logs))

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_test_batch_begin", batch, logs=pythonify_logs(logs))

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_test_batch_end", batch, logs=pythonify_logs(logs))

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._call("on_predict_batch_begin", batch, logs=pythonify_logs(logs))

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._call("on_predict_batch_end", batch, logs=pythonify_logs(logs))

    def on_train_begin(self, logs: Logs = None) -> None:
        self._open_blocks += 1
        self._call("on_train_begin", pythonify_logs(logs))
        for callback in self.callbacks:
            if isinstance(callback, Callback):  # and not one of Keras's own
                callback.on_siblings_begun(self.callbacks)

    def on_train_end(self, logs: Logs = None) -> None:
        self._call("on_train_end", pythonify_logs(logs))
        self._close_block()

    def on_train_failed(self, error: BaseException) -> None:
        for callback in self.callbacks:
            if isinstance(callback, Callback):
                callback.on_train_failed(error)

    def on_test_begin(self, logs: Logs = None) -> None:
        self._open_blocks += 1
        self._call("on_test_begin", pythonify_logs(logs))

    def on_test_end(self, logs: Logs = None) -> None:
        self._call("on_test_end", pythonify_logs(logs))
        self._close_block()

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._open_blocks += 1
        self._call("on_predict_begin", pythonify_logs(logs))

    def on_predict_end(self, logs: Logs = None) -> None:
        self._call("on_predict_end", pythonify_logs(logs))
        self._close_block()

    def _call(self, hook: str, *args: Any, **kwargs: Any) -> None:
        """Call a hook of all in order, at an end of batch or epoch those that run last last.

        Where one raises, those that run last are still called if they come before it: what has
        been trained so far is backed up, unless a callback that comes first forbids it.
        """
        last: list[Callback] = []
        try:
            for callback in self.callbacks:
                if getattr(callback, "runs_last", False) and hook.endswith(
                    ("batch_end", "epoch_end")
                ):
                    last.append(callback)
                else:
                    getattr(callback, hook)(*args, **kwargs)
        finally:
            for callback in last:
                getattr(callback, hook)(*args, **kwargs)

    def _close_block(self) -> None:
        self._open_blocks -= 1
        if self._open_blocks < 0:
            raise ValueError("`on_xxx_end` called without corresponding `on_xxx_begin`")


def pythonify_logs(logs: Logs) -> dict[str, Any]:
    """Return logs sorted by name, nested dicts flattened, values as floats where possible.

    >>> import numpy as np
    >>> pythonify_logs({"loss": np.float32(0.5), "extra": {"a": 1}})
    {'a': 1.0, 'loss': 0.5}
    """
    result: dict[str, Any] = {}
    for name, value in sorted((logs or {}).items()):
        if isinstance(value, dict):
            result.update(pythonify_logs(value))
            continue
        try:
            result[name] = float(value)
        except (TypeError, ValueError):
            result[name] = value
    return result


def _check_callback(callback: Any) -> None:
    if isinstance(callback, type) or not hasattr(callback, "on_epoch_end"):
        raise TypeError(
            with_remedies(
                "`callbacks` must hold `Callback` objects.",
                repr(callback),
                [
                    "Pass an object, not the class: `EarlyStopping()`.",
                    "Derive your own class from `kohort.callbacks.Callback`.",
                    "Wrap a function: `LambdaCallback(on_epoch_end=function)`.",
                ],
            )
        )
