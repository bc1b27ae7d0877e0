"""What a search makes small or large: a score on the validation rows, or the model's size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kohort.callbacks.monitor_callback import metric_mode
from kohort.workflow.honest.named import NAMED
from kohort.workflow.honest.per_row import PerRow
from kohort.workflow.search.failure import StudyError

_KERAS_NAMES = {
    "acc": "accuracy",
    "binary_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "mean_absolute_error": "mae",
    "mean_squared_error": "mse",
    "root_mean_squared_error": "rmse",
    "auc": "roc_auc",
}  # of metrics: a score without one has the same name


@dataclass(frozen=True)
class Objective:
    """One objective: its name, and whether more of it is better.

    `"val_loss"` is the loss of the data alone, without the penalties of regularisers: with them,
    a search over L1 or L2 would favour small factors whatever they do. `"parameters"` is the size
    of the model; other names are metrics, as in the logs.
    """

    name: str
    higher: bool

    @property
    def direction(self) -> str:
        """In Optuna's words."""
        return "maximize" if self.higher else "minimize"

    @property
    def metric(self) -> str:
        """The name among the metrics on the validation rows."""
        return self.name.removeprefix("val_")


def objectives(wanted: str | Sequence[Any], model: Any) -> list[Objective]:
    """Objectives by name, or by pairs (name, "min" or "max").

    Raises:
        StudyError: where the direction is not known.
    """
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    found = []
    for entry in names:
        name, mode = (entry, None) if isinstance(entry, str) else entry
        if mode is None:
            known = {"val_loss": "min", "parameters": "min"}
            mode = known.get(name) or metric_mode(name, model.metrics)
        if mode not in ("min", "max"):
            raise StudyError(
                "The direction of an objective must be known.",
                f"{name!r}; metrics: {', '.join(model.metrics_names)}",
                f'give ("{name}", "max") or ("{name}", "min")',
            )
        found.append(Objective(name, mode == "max"))
    return found


def score_of(objective: Objective, model: Any) -> Any:
    """The objective as a score of (labels, predictions), or None where there is none."""
    if objective.name == "val_loss":
        return loss_per_row(model)
    name = _KERAS_NAMES.get(objective.metric, objective.metric)
    return NAMED[name][0] if name in NAMED else None


def loss_per_row(model: Any) -> PerRow | None:
    """The model's loss of each row, without penalties; None for several outputs."""
    parts = model._compile_loss.parts if model._compile_loss is not None else []
    if len(parts) != 1 or parts[0].path:
        return None
    loss = parts[0].loss

    def values(y: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        outputs = prediction if prediction.ndim > 1 else prediction[:, None]
        found = np.asarray(loss.call(np.asarray(y), outputs), np.float64)
        return found.reshape(len(found), -1).mean(axis=1)

    return PerRow(values)
