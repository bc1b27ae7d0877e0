"""Trees and forests of scikit-learn as layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.ensembling.ask import say
from kohort.workflow.ensembling.frozen import NoLayers, constant, table

_LEAF = -1  # the child of a leaf, in scikit-learn


@dataclass(frozen=True)
class Tree:
    """A tree by its nodes: `value` is `(nodes, columns)`, a leaf is its own child.

    A row goes left where its feature is not above the threshold; where the feature is missing,
    `gaps_left` says whether it does.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    gaps_left: np.ndarray
    value: np.ndarray
    depth: int


def is_tree(member: Any) -> bool:
    """Whether it is a single tree."""
    return any(base.__name__ == "BaseDecisionTree" for base in type(member).__mro__)


def tree_of(member: Any, value: np.ndarray | None = None) -> Tree:
    """A single fitted tree; its values are probabilities or amounts unless told."""
    if member.n_outputs_ > 1:
        raise NoLayers("trees of several targets")
    nodes = member.tree_
    if value is None:
        value = nodes.value[:, 0]
        if hasattr(member, "classes_"):
            value = value / value.sum(axis=1, keepdims=True)
    gaps_left = np.asarray(nodes.missing_go_to_left)
    return made_tree(
        nodes.children_left == _LEAF, nodes.feature, nodes.threshold,
        nodes.children_left, nodes.children_right, gaps_left, value, nodes.max_depth,
    )  # fmt: skip


def made_tree(
    leaf: np.ndarray,
    feature: np.ndarray,
    threshold: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    gaps_left: np.ndarray,
    value: np.ndarray,
    depth: int,
) -> Tree:
    """A tree from what its nodes hold; of leaves only the value is looked at."""
    own = np.arange(len(leaf))
    left, right = np.where(leaf, own, left), np.where(leaf, own, right)
    feature, gaps_left = np.where(leaf, 0, feature), ~leaf & gaps_left.astype(bool)
    return Tree(feature, threshold, left, right, gaps_left, value, depth)


@say.of("BaseDecisionTree")
def _tree(member: Any, x: Any) -> Any:
    return ops.squeeze(answers([tree_of(member)], x), 1)


@say.of("ForestClassifier", "ForestRegressor")
def _forest(member: Any, x: Any) -> Any:
    return ops.mean(answers([tree_of(tree) for tree in member.estimators_], x), axis=1)


def answers(trees: Sequence[Tree], x: Any) -> Any:
    """What each tree says, `(None, trees, columns)`: all go down a level at a time, together.

    The nodes of all trees stand in one table. Tables are frozen embeddings, whose float32 holds
    row numbers below 2²⁴ exactly.
    """
    roots = np.cumsum([0, *(len(tree.left) for tree in trees[:-1])])

    def nodes(name: str, start: np.ndarray | None = None) -> np.ndarray:
        parts = [getattr(tree, name) for tree in trees]
        starts = [0] * len(parts) if start is None else start
        return np.concatenate([part + first for part, first in zip(parts, starts, strict=True)])

    at = constant(x, roots)
    feature = table("feature", nodes("feature"))
    threshold = table("threshold", _below(nodes("threshold")))
    left, right = (table(side, nodes(side, roots)) for side in ("left", "right"))
    gaps_left = nodes("gaps_left")
    gaps = table("gaps", gaps_left) if gaps_left.any() else None
    one = layers.Reshape((len(trees),))
    for _ in range(max(tree.depth for tree in trees)):
        asked = ops.take_along_axis(x, ops.cast(one(feature(at)), "int32"), axis=1)
        goes_left = ops.less_equal(asked, one(threshold(at)))
        if gaps is not None:
            lost = ops.logical_and(ops.isnan(asked), one(gaps(at)) > 0)
            goes_left = ops.logical_or(goes_left, lost)
        at = ops.where(goes_left, one(left(at)), one(right(at)))
    return table("value", nodes("value"))(at)


def _below(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 that is not above: x ≤ it, for a float32 x, just where x ≤ threshold."""
    with np.errstate(over="ignore"):  # gradient boosting splits off gaps at 10³⁰⁰
        near = threshold.astype("float32")
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)
