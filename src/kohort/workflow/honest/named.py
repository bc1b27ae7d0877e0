"""The scores that have a name, and whether more of each is better."""

from __future__ import annotations

from kohort.workflow import scores
from kohort.workflow.honest import per_row

NAMED: dict[str, tuple[scores.Score, bool]] = {
    "log_loss": (per_row.log_loss, False),
    "accuracy": (per_row.accuracy, True),
    "roc_auc": (scores.roc_auc, True),
    "average_precision": (scores.average_precision, True),
    "mae": (per_row.mean_absolute_error, False),
    "mse": (per_row.mean_squared_error, False),
    "rmse": (per_row.root_mean_squared_error, False),
    "r_squared": (scores.r_squared, True),
}
