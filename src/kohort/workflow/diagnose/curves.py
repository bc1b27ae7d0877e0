"""Learning curves from whatever holds them, and the figures that all checks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kohort.workflow.failure import WorkflowError

ONLY_IN_TRAINING = (
    "Dropout",
    "Noise",
    "Random",
)  # in the names of layers that make training harder


@dataclass(frozen=True)
class Curves:
    """The losses of one fit, a value an epoch, and an accuracy where there is one.

    `trivial` is the loss and `chance` the accuracy of the best guess that ignores the inputs, None
    where unknown; `hindrances` names layers that act in training only, None if no model is known.
    """

    loss: np.ndarray
    val_loss: np.ndarray | None = None
    accuracy: np.ndarray | None = None
    val_accuracy: np.ndarray | None = None
    trivial: float | None = None
    chance: float | None = None
    hindrances: tuple[str, ...] | None = None

    @property
    def epochs(self) -> int:
        return len(self.loss)

    @property
    def judged(self) -> np.ndarray:
        """The validation loss, smoothed, or the training loss where there is none."""
        return smooth(self.loss if self.val_loss is None else self.val_loss)

    @property
    def best(self) -> int:
        """The number, from 0, of the epoch with the least (smoothed) validation loss."""
        return int(np.argmin(self.judged))

    @property
    def unit(self) -> float:
        """What differences are large against: the best loss, but a tenth of the first at least."""
        first = max(abs(self.loss[0]), abs(self.judged[0]))
        return float(max(abs(self.judged.min()), 0.1 * first, 1e-12))


def smooth(values: np.ndarray) -> np.ndarray:
    """The running mean over up to five epochs, a tenth of the curve at most."""
    reach = min(2, len(values) // 20)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, np.full(2 * reach + 1, 1 / (2 * reach + 1)), mode="valid")


def noise(values: np.ndarray) -> float:
    """The standard deviation about the trend, from second differences (robust to bends).

    For white noise the second difference has 6 times its variance; the median absolute value
    divided by 0.6745 estimates the deviation.
    """
    if len(values) < 5:
        return 0.0
    return float(np.median(np.abs(np.diff(values, 2))) / 0.6745 / np.sqrt(6))


def read(result: Any) -> list[dict[str, np.ndarray]]:
    """Logs of one fit or several: a History, a dict of lists, pairs (loss, val_loss), or a list.

    An object with `histories` (a cross-validation's result) or `history` is asked for them.
    """
    for name in ("histories", "history"):
        if hasattr(result, name):
            return read(getattr(result, name))
    if isinstance(result, Mapping):
        if "loss" not in result:
            raise WorkflowError(
                "A history must hold the training loss.",
                f"the names {list(result)}",
                'give model.fit(…), or a dict such as {"loss": […], "val_loss": […]}',
            )
        logs = {name: np.asarray(values, "float64") for name, values in result.items()}
        # A metric that only some epochs have (validation_freq) has no place beside the others.
        return [{name: v for name, v in logs.items() if v.shape == logs["loss"].shape}]
    if isinstance(result, (list, tuple)) and result:
        return [logs for one in result for logs in read(one)]
    raise WorkflowError(
        "A diagnosis needs a History, a dict of lists, or a list of them.",
        type(result).__name__,
        "give what model.fit(…) returned",
    )


def accuracy_name(logs: Mapping[str, np.ndarray]) -> str | None:
    """The name of the first accuracy among the training logs."""
    names = [name for name in logs if "acc" in name.lower() and not name.startswith("val_")]
    return names[0] if names else None


def hindrances(model: Any) -> tuple[str, ...] | None:
    """Layers that make training harder than validation, such as dropout."""
    if model is None:
        return None
    found = (layer for layer in getattr(model, "layers", []))
    return tuple(
        layer.name
        for layer in found
        if any(word in type(layer).__name__ for word in ONLY_IN_TRAINING)
    )


def trivial_level(y: Any, loss: Any) -> tuple[float | None, float | None]:
    """The loss and the accuracy of the best constant guess for targets `y`.

    Cross-entropy: the entropy of the class shares; squared error: the variance; absolute error: the
    mean distance from the median.
    """
    if y is None:
        return None, None
    y = np.asarray(y)
    name = str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or loss).lower()
    if "crossentropy" in name:
        one_hot = y.ndim == 2 and y.shape[1] > 1
        shares = y.mean(axis=0) if one_hot else np.unique(y, return_counts=True)[1] / len(y)
        shares = shares[shares > 0]
        return float(-np.sum(shares * np.log(shares))), float(shares.max())
    if name in ("mse", "mean_squared_error"):
        return float(y.var(axis=0).mean()), None
    if name in ("mae", "mean_absolute_error"):
        return float(np.abs(y - np.median(y, axis=0)).mean()), None
    if y.ndim == 1 and y.dtype.kind in "bui":
        return None, float(np.unique(y, return_counts=True)[1].max() / len(y))
    return None, None
