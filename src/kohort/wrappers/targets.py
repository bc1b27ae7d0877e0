"""Labels and amounts as a network learns them, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Codes:
    """Class numbers; `classes` is how many classes there are."""

    classes: int

    @property
    def outputs(self) -> int:
        """Units of the last layer."""
        return 1 if self.classes == 2 else self.classes

    @property
    def task(self) -> str:
        """What the network is to learn."""
        return "binary" if self.classes == 2 else "multi-class"

    def encode(self, codes: np.ndarray, model: Any) -> np.ndarray:
        """Class numbers as the loss of `model` takes them: numbers, or one column a class."""
        width = model.output_shape[-1]
        if width != self.outputs and width != self.classes:
            raise ValueError(
                f"The model must have {self.classes} outputs for {self.classes} classes"
                f"{' (or one)' if self.classes == 2 else ''}. Received: output shape "
                f"{model.output_shape}. Let the build function take `n_outputs`."
            )
        if width == 1:
            return codes.astype("float32")[:, None]
        if "sparse" in _loss_name(model):
            return codes.astype("int32")
        return np.eye(self.classes, dtype="float32")[codes]

    def probabilities(self, outputs: np.ndarray, model: Any) -> np.ndarray:
        """Outputs as `(rows, classes)`, each row of sum 1."""
        p = outputs.astype("float64")
        logits = getattr(model.loss, "from_logits", False)
        if p.shape[-1] == 1:
            yes = 1 / (1 + np.exp(-p)) if logits else p
            return np.concatenate([1 - yes, yes], axis=1)
        if logits:
            p = np.exp(p - p.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Scale:
    """Amounts, less `mean` and over `deviation`, `(targets,)` both; `flat`: y was `(rows,)`."""

    mean: np.ndarray
    deviation: np.ndarray
    flat: bool
    task: str = "regression"

    @classmethod
    def of(cls, y: np.ndarray, scaled: bool) -> Scale:
        """The scale of targets; that which changes nothing, unless `scaled`."""
        columns = y.reshape(len(y), -1)
        if not scaled:
            return cls(np.zeros(columns.shape[1]), np.ones(columns.shape[1]), y.ndim == 1)
        deviation = columns.std(axis=0)
        return cls(columns.mean(axis=0), np.where(deviation > 0, deviation, 1), y.ndim == 1)

    @property
    def outputs(self) -> int:
        """Units of the last layer."""
        return len(self.mean)

    def encode(self, y: np.ndarray, model: Any) -> np.ndarray:
        """Amounts as the network learns them, `(rows, targets)`."""
        if model.output_shape[-1] != self.outputs:
            raise ValueError(
                f"The model must have an output for each of the {self.outputs} target(s). "
                f"Received: output shape {model.output_shape}. Let the build function take "
                "`n_outputs`."
            )
        return ((y.reshape(len(y), -1) - self.mean) / self.deviation).astype("float32")

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Outputs as amounts."""
        y = outputs.reshape(len(outputs), -1).astype("float64") * self.deviation + self.mean
        return y[:, 0] if self.flat else y


def _loss_name(model: Any) -> str:
    """The loss that `compile` was given, by name."""
    loss = model.loss
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    return name.lower()
