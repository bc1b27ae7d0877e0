"""SwapEMAWeights: evaluate with the averaged weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kohort.callbacks.callback import Callback, Logs


class SwapEMAWeights(Callback):
    """Puts the optimiser's averaged weights into the model for evaluation, and the others back.

    Needs an optimiser with `use_ema=True`, which keeps an exponential moving average of the
    weights. With `swap_on_epoch` they are swapped at the end of each epoch as well, so that a
    `ModelCheckpoint` that comes later in the list saves them. The swap is in place: other
    callbacks must not write the weights meanwhile.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(optimizer=keras.optimizers.SGD(0.1, use_ema=True), loss="mse")
    >>> x, y = np.ones((4, 2)), np.ones(4)
    >>> swap = keras.callbacks.SwapEMAWeights()
    >>> history = model.fit(x, y, validation_data=(x, y), verbose=0, callbacks=[swap])
    >>> bool(history.history["val_loss"][-1] == model.evaluate(x, y, verbose=0))
    True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._ema_weights_in_model = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch:
            self._put_ema_weights(False)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch and not self._ema_weights_in_model:
            self._put_ema_weights(True)
            if epoch == (self.params or {}).get("epochs", 0) - 1:
                # The end of `fit` gives the averages to the weights: they have to be averages.
                for variable, average in self._pairs():
                    average.assign(variable)

    def on_test_begin(self, logs: Logs = None) -> None:
        self._put_ema_weights(True)

    def on_test_end(self, logs: Logs = None) -> None:
        self._put_ema_weights(False)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._put_ema_weights(True)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._put_ema_weights(False)

    def _put_ema_weights(self, wanted: bool) -> None:
        """Swap, unless the model has the weights that are wanted."""
        if self._ema_weights_in_model == wanted:
            return
        for variable, average in self._pairs():
            value = variable.value
            variable.assign(average.value)
            average.assign(value)
        self._ema_weights_in_model = wanted

    def _pairs(self) -> Iterator[tuple[Any, Any]]:
        """The trained variables with their averages."""
        outer = self.model.optimizer
        outer = getattr(outer, "inner_optimizer", outer)  # of a loss-scaling optimiser
        optimizers = [each for each in getattr(outer, "optimizers", [outer]) if each.use_ema]
        if not optimizers:
            raise ValueError(
                "SwapEMAWeights must be used when `use_ema=True` is set on the optimizer. "
                f"Received: use_ema={getattr(outer, 'use_ema', False)}"
            )
        for optimizer in optimizers:
            yield from optimizer._averages(optimizer._trainable_variables)

    def get_state(self) -> dict[str, Any]:
        return {"_ema_weights_in_model": self._ema_weights_in_model}

    def set_state(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
