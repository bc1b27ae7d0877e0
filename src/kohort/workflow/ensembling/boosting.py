"""Gradient boosting of scikit-learn as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.ensembling.ask import decide, say
from kohort.workflow.ensembling.frozen import NoLayers, affine, both, matches
from kohort.workflow.ensembling.trees import Tree, answers, made_tree, tree_of

_LINKS = {"IdentityLink": lambda raw: raw, "LogLink": ops.exp}


@decide.of("GradientBoostingClassifier", "GradientBoostingRegressor")
def _boosted(member: Any, x: Any) -> Any:
    """f(x) = f₀ + η Σ tree(x), one sum a class."""
    if member.init not in (None, "zero"):
        raise NoLayers(f"{type(member).__name__} with init=")
    own = member.estimators_  # (stages, 1), or (stages, classes)
    trees = []
    for stage in own:
        for column, tree in enumerate(stage):
            value = np.zeros((tree.tree_.node_count, own.shape[1]))
            value[:, column] = member.learning_rate * tree.tree_.value[:, 0, 0]
            trees.append(tree_of(tree, value))
    origin = np.zeros((1, member.n_features_in_), "float32")
    there = member.decision_function if hasattr(member, "classes_") else member.predict
    steps = [[tree.predict(origin)[0] for tree in stage] for stage in own]
    return _sum(trees, np.ravel(there(origin)) - member.learning_rate * np.sum(steps, axis=0), x)


@say.of("GradientBoostingClassifier", "GradientBoostingRegressor")
def _boosted_says(member: Any, x: Any) -> Any:
    raw = decide(member, x)
    if not hasattr(member, "classes_"):
        return raw
    return _chances(raw * 2.0 if member.loss == "exponential" else raw)


@decide.of("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
def _histograms(member: Any, x: Any) -> Any:
    """f(x) = f₀ + Σ tree(x), one sum a class; rows with gaps go the way that was learnt."""
    trees = [
        _tree_of_bins(tree, column, len(stage))
        for stage in member._predictors
        for column, tree in enumerate(stage)
    ]
    if member.is_categorical_ is not None:
        x = _with_sides(member, trees, x)
    return _sum(trees, np.ravel(member._baseline_prediction), x)


@say.of("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
def _histograms_say(member: Any, x: Any) -> Any:
    raw = decide(member, x)
    if hasattr(member, "classes_"):
        return _chances(raw)
    return _LINKS[type(member._loss.link).__name__](raw)


def _sum(trees: list[Tree], start: np.ndarray, x: Any) -> Any:
    offset: Any = start.tolist()
    return layers.Rescaling(1.0, offset)(ops.sum(answers(trees, x), axis=1))


def _chances(raw: Any) -> Any:
    if raw.shape[-1] == 1:
        return both(layers.Activation("sigmoid")(raw))
    return layers.Softmax()(raw)


def _tree_of_bins(predictor: Any, column: int, columns: int) -> Tree:
    """A tree whose values stand in one of so many columns."""
    nodes = predictor.nodes
    value = np.zeros((len(nodes), columns))
    value[:, column] = nodes["value"]
    return made_tree(
        nodes["is_leaf"] > 0, nodes["feature_idx"], nodes["num_threshold"].copy(),
        nodes["left"], nodes["right"], nodes["missing_go_to_left"], value, nodes["depth"].max(),
    )  # fmt: skip


def _with_sides(member: Any, trees: list[Tree], x: Any) -> Any:
    """The columns as the trees know them, and one more for each split by categories.

    It is 0 where the row goes left, 1 where it goes right: so such splits have a threshold, too.
    """
    own = member.is_categorical_
    encoder = member._preprocessor.named_transformers_["encoder"]
    columns = np.concatenate([np.flatnonzero(own), np.flatnonzero(~own)])
    x = ops.take(x, columns.tolist(), axis=-1)
    predictors = [tree for stage in member._predictors for tree in stage]
    parts, width = [x], x.shape[-1]
    for number, known in enumerate(encoder.categories_):
        sides: list[np.ndarray] = []
        unknown: list[float] = []
        for tree, predictor in zip(trees, predictors, strict=True):
            nodes = predictor.nodes
            split = (nodes["is_categorical"] > 0) & (nodes["feature_idx"] == number)
            for node in np.flatnonzero(split & (nodes["is_leaf"] == 0)):
                words = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
                bits = np.unpackbits(words.astype("<u4").view("u1"), bitorder="little")
                tree.feature[node], tree.threshold[node] = width + len(sides), 0.5
                sides.append(1.0 - bits)
                unknown.append(1.0 - nodes["missing_go_to_left"][node])
        if sides:
            names = _names(known)
            right = np.stack(sides, axis=1)[: len(names)]
            parts.append(affine(matches(x, number, names), right - unknown, np.array(unknown)))
            width += len(sides)
    return layers.Concatenate()(parts) if len(parts) > 1 else x


def _names(categories: np.ndarray) -> np.ndarray:
    if categories.dtype.kind not in "fiub":
        raise NoLayers("categories that are texts")
    names = categories.astype("float64")
    return names[~np.isnan(names)]
