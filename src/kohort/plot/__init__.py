"""Plots of trainings, results and networks, with matplotlib.

Each function draws on `ax`, or on a new Axes, and returns it (or a Figure of several); the
function of the same name with `_data` returns the numbers alone.
"""

from kohort.plot.attention import grad_cam, grad_cam_data, saliency, saliency_data
from kohort.plot.curves import compare, compare_data, history, history_data
from kohort.plot.embeddings import embedding, embedding_data
from kohort.plot.network import (
    activations,
    activations_data,
    filters,
    filters_data,
    weights,
    weights_data,
)
from kohort.plot.outcomes import confusion, confusion_data, residuals, residuals_data
from kohort.plot.rates import (
    calibration,
    calibration_data,
    precision_recall,
    precision_recall_data,
    roc,
    roc_data,
)
from kohort.plot.style import PlotError
from kohort.plot.sweeps import capacity, capacity_data, lr_range, lr_range_data
from kohort.plot.trials import search, search_data

__all__ = [
    "PlotError",
    "activations",
    "activations_data",
    "calibration",
    "calibration_data",
    "capacity",
    "capacity_data",
    "compare",
    "compare_data",
    "confusion",
    "confusion_data",
    "embedding",
    "embedding_data",
    "filters",
    "filters_data",
    "grad_cam",
    "grad_cam_data",
    "history",
    "history_data",
    "lr_range",
    "lr_range_data",
    "precision_recall",
    "precision_recall_data",
    "residuals",
    "residuals_data",
    "roc",
    "roc_data",
    "saliency",
    "saliency_data",
    "search",
    "search_data",
    "weights",
    "weights_data",
]
