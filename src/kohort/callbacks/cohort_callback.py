"""CohortCallback: watches a whole cohort."""

from __future__ import annotations

from typing import Any

import numpy as np


class CohortCallback:
    """Base class of what follows a cohort, epoch by epoch, with all members at once.

    `logs` has an array over all members for each name; NaN stands for members that no longer
    train. `cohort.drop(numbers)` ends the training of members, `cohort.members` has their rows,
    labels and histories.

    A member's own callbacks (early stopping, learning-rate schedules) are Keras's: see `Member`.

    >>> class Best(CohortCallback):
    ...     def on_epoch_end(self, cohort, epoch, logs):
    ...         print(epoch, int(np.nanargmin(logs["loss"])))
    """

    every_epoch: bool = True
    """Whether `on_epoch_end` has to be called after every epoch; otherwise the calls may leave out
    epochs, which lets a cohort run several of them in one go."""
    at_once: bool = True
    """Whether these calls have to come before the next epoch. For a callback that only looks (and
    drops nobody) they need not: a cohort then trains up to 16 epochs, or two seconds, in one
    go, and tells of each afterwards."""

    def on_train_begin(self, cohort: Any) -> None:
        """Called before the first epoch."""

    def on_epoch_end(self, cohort: Any, epoch: int, logs: dict[str, np.ndarray]) -> None:
        """Called after each epoch, after the members' own callbacks."""

    def on_wait(self, cohort: Any) -> None:
        """Called some ten times a second while epochs run; `cohort.progress` grows meanwhile."""

    def on_train_end(self, cohort: Any) -> None:
        """Called when no member trains any more."""

    def on_train_failed(self, cohort: Any, error: BaseException) -> None:
        """Called in place of `on_train_end` where the training ends by an exception."""
