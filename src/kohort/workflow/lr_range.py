"""The learning-rate range test (Smith 2017): which rates train, and which are too large."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kohort.cohort.ramp import losses_while_rising
from kohort.workflow.failure import WorkflowError
from kohort.workflow.trainings import Data, candidate, maker

_SMOOTHING = 0.9
_DIVERGED = 4.0  # times the best loss


@dataclasses.dataclass(frozen=True)
class LearningRateRange:
    """What the range test saw.

    `rates` `(steps,)` and `losses` `(seeds, steps)` are the curves; `smoothed` `(steps,)` is the
    median over seeds of the smoothed losses. `suggestion` is the rate where the loss falls
    fastest, `best` the rate of the lowest loss, `diverges` the first rate at which the loss is
    lost (None: none).
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float
    best: float
    diverges: float | None

    def __str__(self) -> str:
        end = (
            f"it is lost from {self.diverges:.2g} on"
            if self.diverges is not None
            else f"it is not lost up to {self.rates[-1]:.2g}"
        )
        return (
            f"The loss falls fastest at a learning rate of {self.suggestion:.2g}, is lowest at "
            f"{self.best:.2g}, and {end} ({len(self.losses)} seeds). Start with "
            f"{self.suggestion:.2g}."
        )

    def _repr_html_(self) -> str:
        from kohort.workflow.notebook import rates_html

        return rates_html(self)

    @property
    def by_seed(self) -> np.ndarray:
        """The smoothed losses of each seed, `(seeds, steps)`."""
        return smooth_losses(self.losses)

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses over the rates with `kohort.plot.lr_range`; returns the Axes."""
        from kohort import plot

        return plot.lr_range(self, ax=ax)


def lr_range(
    build_or_model: Any,
    x: Any,
    y: Any,
    seeds: int = 3,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 150,
    batch_size: int = 32,
    sample_weight: Any = None,
    seed: int = 0,
) -> LearningRateRange:
    """Raise the learning rate from `low` to `high`, a little each step, and watch the loss.

    All seeds train at once, as one compiled program. The loss falls where the rate is useful, and
    rises where it is too large; the rate of the steepest fall is a good one to start with.
    Source: L. N. Smith, Cyclical Learning Rates for Training Neural Networks, 2017.

    Args:
        build_or_model: a function that returns a compiled model, or a compiled model.
        x, y, sample_weight: arrays, as for `fit`.
        seeds: how many trainings, with other first weights and row orders.
        low, high: the rates at the ends.
        steps: how many batches.

    >>> import numpy as np, kohort as keras
    >>> x = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> found = lr_range(model, x, 2 * x, batch_size=8)
    >>> 1e-3 < found.suggestion < 1
    True
    """
    if not 0 < low < high or steps < 10 or seeds < 1:
        raise WorkflowError(
            "The rates must rise from a positive one, in at least 10 steps, for at least 1 seed.",
            f"low={low}, high={high}, steps={steps}, seeds={seeds}",
            "leave them at their defaults",
        )
    data = Data.of(x, y, sample_weight)
    make = maker(build_or_model)
    made = [candidate(make, seed + i, data, batch_size) for i in range(seeds)]
    rates = np.geomspace(low, high, steps, dtype=np.float32)
    losses = losses_while_rising(made, data.arrays, rates, batch_size)
    return read_range(rates, losses)


def read_range(rates: np.ndarray, losses: np.ndarray) -> LearningRateRange:
    """Read the curves: suggestion, best and diverging rate.

    Args:
        rates: `(steps,)`, rising.
        losses: `(seeds, steps)`; not finite once a training is lost.
    """
    smoothed = np.median(smooth_losses(losses), axis=0)
    finite = np.isfinite(smoothed)
    if not finite[0]:
        raise WorkflowError(
            "The loss must be a number at the lowest rate.", f"a loss of {smoothed[0]}",
            "look for NaN in the data, or choose a lower `low`",
        )  # fmt: skip
    best = int(np.nanargmin(np.where(finite, smoothed, np.inf)))
    lost = ~finite | (smoothed > _DIVERGED * smoothed[best])
    lost[: best + 1] = False
    steepest = _steepest(smoothed[: best + 1])
    return LearningRateRange(
        rates, losses, smoothed, float(rates[steepest]), float(rates[best]),
        float(rates[np.argmax(lost)]) if lost.any() else None,
    )  # fmt: skip


def _steepest(losses: np.ndarray) -> int:
    """Where the loss falls most over a tenth of the steps around; the noisy first tenth apart."""
    reach = max(len(losses) // 20, 1)
    if len(losses) <= 4 * reach:
        return len(losses) // 2
    falls = losses[2 * reach :] - losses[: -2 * reach]
    return int(np.argmin(falls[reach:])) + 2 * reach


def smooth_losses(losses: np.ndarray) -> np.ndarray:
    """The bias-corrected exponential mean along the steps; infinite once not finite."""
    out, mean = np.empty(losses.shape, np.float64), np.zeros(len(losses))
    for i in range(losses.shape[1]):
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * losses[:, i].astype(np.float64)
        out[:, i] = mean / (1 - _SMOOTHING ** (i + 1))
    return np.where(np.isfinite(out), out, np.inf)
