"""Nearest neighbours of scikit-learn as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import ops
from kohort.workflow.ensembling.ask import say
from kohort.workflow.ensembling.frozen import NoLayers, differences, squared_distances, table


@say.of("KNeighborsClassifier", "KNeighborsRegressor")
def _nearest(member: Any, x: Any) -> Any:
    """The mean of the k nearest rows' amounts, or of their classes as 0 and 1.

    All training rows stand in the model. Of rows that are equally far, the first is nearer, where
    scikit-learn's choice follows from the order in which it happened to see them.
    """
    if member.weights not in ("uniform", "distance"):
        raise NoLayers("weights= a function")
    if not isinstance(member._fit_X, np.ndarray):
        raise NoLayers("trained on a sparse matrix")
    distances = _distances(member, x, member._fit_X)
    negative, rows = ops.top_k(-distances, member.n_neighbors)
    told = table("told", _told(member))(rows)
    if member.weights == "uniform":
        return ops.mean(told, axis=1)
    far = -negative
    here = ops.cast(ops.equal(far, 0), "float32")  # rows that are equal speak alone
    some = ops.max(here, axis=-1, keepdims=True)
    weights = ops.where(some > 0, here, 1 / ops.where(some > 0, 1.0, far))
    weights = ops.expand_dims(weights / ops.sum(weights, axis=-1, keepdims=True), -1)
    return ops.sum(told * weights, axis=1)


def _distances(member: Any, x: Any, points: np.ndarray) -> Any:
    if member.effective_metric_ in ("euclidean", "sqeuclidean"):
        squared = squared_distances(x, points)
        return ops.sqrt(squared) if member.effective_metric_ == "euclidean" else squared
    apart = ops.abs(differences(x, points))
    if member.effective_metric_ in ("manhattan", "cityblock", "l1"):
        return ops.sum(apart, axis=-1)
    if member.effective_metric_ == "chebyshev":
        return ops.max(apart, axis=-1)
    p, w = (member.effective_metric_params_.get(name) for name in "pw")
    if member.effective_metric_ == "minkowski" and w is None:
        return ops.power(ops.sum(ops.power(apart, p), axis=-1), 1 / p)
    raise NoLayers(f"metric={member.effective_metric_!r}")


def _told(member: Any) -> np.ndarray:
    """What each training row says: a row for each."""
    y = np.asarray(member._y)
    if not hasattr(member, "classes_"):
        return y.reshape(len(y), -1)
    if isinstance(member.classes_, list):
        raise NoLayers("several targets of classes")
    return np.eye(len(member.classes_))[y.ravel()]
