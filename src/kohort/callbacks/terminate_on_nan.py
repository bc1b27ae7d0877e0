"""TerminateOnNaN: stop when the loss is no number."""

from __future__ import annotations

import math

from kohort.callbacks.callback import Callback, Logs
from kohort.utils.printing import print_msg


class TerminateOnNaN(Callback):
    """Stops the training when the loss is NaN or infinite.

    It looks at the end of each block of steps: the loss is the epoch's mean so far, which stays
    NaN. With `raise_error` it raises a `RuntimeError` at once, so that no callback's
    `on_train_end` runs (and a backup stays); otherwise it sets `model.stop_training`.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(loss="mse")
    >>> stop = keras.callbacks.TerminateOnNaN()
    >>> x, y = np.ones((1, 2)), np.array([np.inf])
    >>> history = model.fit(x, y, epochs=5, verbose=0, callbacks=[stop])
    Batch 0: Invalid loss, terminating training
    >>> len(history.epoch)
    1
    """

    block_hooks = True

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(
                f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. "
                "Terminating training immediately."
            )
        print_msg(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
