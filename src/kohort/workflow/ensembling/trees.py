"""Trees of scikit-learn as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.ensembling.frozen import NoLayers, both, constant, table

_TREES = ("DecisionTree", "ExtraTree", "RandomForest", "ExtraTrees")
_LEAF = -1  # the child of a leaf, in scikit-learn


def say(member: Any, x: Any) -> Any:
    """What fitted trees say of `x`: single trees, random forests, extra trees, gradient boosting.

    Of a classifier a probability for each class, of a regressor one amount.
    """
    kind = type(member).__name__.removesuffix("Classifier").removesuffix("Regressor")
    if kind in _TREES:
        if member.n_outputs_ > 1:
            raise NoLayers("trees of several targets")
        trees = [t.tree_ for t in getattr(member, "estimators_", [member])]
        values = [t.value[:, 0] for t in trees]
        if hasattr(member, "classes_"):
            values = [v / v.sum(axis=1, keepdims=True) for v in values]
        return _mean(trees, values, x)
    if kind == "GradientBoosting" and member.init in (None, "zero"):
        return _boosted(member, x)
    raise NoLayers(f"{type(member).__name__} has no layers that say the same")


def _boosted(member: Any, x: Any) -> Any:
    """f(x) = f₀ + η Σ tree(x), one sum a class; of classes its softmax, or sigmoid."""
    own = member.estimators_  # (stages, 1), or (stages, classes)
    stages, sums = own.shape
    values = []
    for stage in own:
        for column, tree in enumerate(stage):
            value = np.zeros((tree.tree_.node_count, sums))
            value[:, column] = member.learning_rate * own.size * tree.tree_.value[:, 0, 0]
            values.append(value)
    origin = np.zeros((1, member.n_features_in_), "float32")
    classes = len(getattr(member, "classes_", ()))
    say = member.decision_function if classes else member.predict
    there = np.ravel(say(origin))
    steps = [[tree.predict(origin)[0] for tree in stage] for stage in own]
    start: Any = (there - member.learning_rate * np.sum(steps, axis=0)).tolist()
    raw = layers.Rescaling(1.0, start)(_mean([t.tree_ for t in own.ravel()], values, x))
    if classes > 2:
        raw = layers.Softmax()(raw)
    elif classes == 2:
        second = layers.Activation("sigmoid")(raw * (2.0 if member.loss == "exponential" else 1.0))
        raw = both(second)
    return raw


def _mean(trees: list[Any], values: list[np.ndarray], x: Any) -> Any:
    """The mean of the trees' `values`: all trees go down a level at a time, together.

    The nodes of all trees stand in one table; a leaf is its own child. Tables are frozen
    embeddings, whose float32 holds row numbers below 2²⁴ exactly.
    """
    sizes = [t.node_count for t in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    own = np.concatenate([np.arange(n) + r for n, r in zip(sizes, roots, strict=True)])
    leaf = np.concatenate([t.children_left for t in trees]) == _LEAF

    def children(side: str) -> np.ndarray:
        found = [getattr(t, side) + r for t, r in zip(trees, roots, strict=True)]
        return np.where(leaf, own, np.concatenate(found))

    at = constant(x, roots)
    feature = table("feature", np.where(leaf, 0, np.concatenate([t.feature for t in trees])))
    threshold = table("threshold", _below(np.concatenate([t.threshold for t in trees])))
    left = table("left", children("children_left"))
    right = table("right", children("children_right"))
    one = layers.Reshape((len(trees),), name="one")
    for _ in range(max(t.max_depth for t in trees)):
        asked = ops.take_along_axis(x, ops.cast(one(feature(at)), "int32"), axis=1)
        at = ops.where(ops.less_equal(asked, one(threshold(at))), one(left(at)), one(right(at)))
    answer = table("value", np.concatenate(values))(at)
    return ops.mean(answer, axis=1)


def _below(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 that is not above: x ≤ it, for a float32 x, just where x ≤ threshold."""
    near = threshold.astype("float32")
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
