"""Estimators of scikit-learn that let several others speak: votes, bags and AdaBoost, as layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.ensembling.ask import Question, decide, say, vote
from kohort.workflow.ensembling.frozen import affine, both, first_largest, table
from kohort.workflow.ensembling.trees import answers, is_tree, tree_of


def opinions(
    members: Sequence[Any], x: Any, ask: Question = say, classes: int = 0, features: Any = None
) -> Any:
    """What each member says, `(None, members, columns)`; trees go down together.

    Args:
        members: fitted estimators.
        ask: `say` or `vote`.
        classes: how many there are, where some members may not know all.
        features: the columns that each member looks at; all unless told.
    """
    if all(map(is_tree, members)):
        found = []
        for number, member in enumerate(members):
            tree = tree_of(member)
            value = tree.value
            if ask is vote:
                value = np.eye(value.shape[1])[value.argmax(axis=1)]
            places = _places(member, classes)
            value = value if places is None else value @ places
            seen = tree.feature if features is None else features[number][tree.feature]
            found.append(replace(tree, value=value, feature=seen))
        return answers(found, x)
    told = []
    for number, member in enumerate(members):
        own = x if features is None else ops.take(x, features[number].tolist(), axis=-1)
        places, one = _places(member, classes), ask(member, own)
        told.append(one if places is None else affine(one, places, np.zeros(classes)))
    return ops.stack(told, axis=1)


def _places(member: Any, classes: int) -> np.ndarray | None:
    """1 where the member's class is one of all, `(own classes, classes)`; None if it knows all."""
    own = np.asarray(getattr(member, "classes_", ()))
    return None if len(own) in (0, classes) or not classes else np.eye(classes)[own.astype(int)]


def weighted(told: Any, weights: np.ndarray) -> Any:
    """Σᵢ wᵢ yᵢ of opinions: `(None, columns)`."""
    columns_first = ops.transpose(told, (0, 2, 1))
    return ops.squeeze(affine(columns_first, weights.reshape(-1, 1), np.zeros(1)), -1)


@say.of("VotingClassifier", "VotingRegressor")
def _voting(member: Any, x: Any) -> Any:
    given = member._weights_not_none
    weights = np.ones(len(member.estimators_)) if given is None else np.asarray(given, "float64")
    if getattr(member, "voting", None) == "hard":
        votes = weighted(opinions(member.estimators_, x, vote), weights)
        return first_largest(votes, len(member.classes_))
    return weighted(opinions(member.estimators_, x), weights / weights.sum())


@say.of("BaggingClassifier", "BaggingRegressor")
def _bagging(member: Any, x: Any) -> Any:
    everything = np.arange(member.n_features_in_)
    features: Any = [np.asarray(own) for own in member.estimators_features_]
    if all(np.array_equal(own, everything) for own in features):
        features = None
    classes = len(getattr(member, "classes_", ()))
    told = opinions(member.estimators_, x, say, classes, features)
    return ops.mean(told, axis=1)


@decide.of("AdaBoostClassifier")
def _adaboost(member: Any, x: Any) -> Any:
    """Σᵢ wᵢ v(i) / Σᵢ wᵢ, where v is 1 for the class that i names, -1 / (classes - 1) for others.

    Source: Zhu, Zou, Rosset and Hastie, "Multi-class AdaBoost" (2009).
    """
    classes = len(member.classes_)
    w = member.estimator_weights_[: len(member.estimators_)]
    votes = weighted(opinions(member.estimators_, x, vote), w / w.sum())
    if classes == 2:
        return 2.0 * (votes[:, 1:] - votes[:, :1])
    against: Any = -1 / (classes - 1)
    return layers.Rescaling(1 - against, against)(votes)


@say.of("AdaBoostClassifier")
def _adaboost_says(member: Any, x: Any) -> Any:
    decision, classes = decide(member, x), len(member.classes_)
    if classes == 2:
        return both(layers.Activation("sigmoid")(decision))
    return layers.Softmax()(layers.Rescaling(1 / (classes - 1))(decision))


@say.of("AdaBoostRegressor")
def _weighted_median(member: Any, x: Any) -> Any:
    """The least answer that, with all below it, has half of the weight."""
    told = ops.squeeze(opinions(member.estimators_, x), -1)
    count = len(member.estimators_)
    w = member.estimator_weights_[:count]
    ordered = ops.squeeze(table("weight", w / w.sum())(ops.argsort(told, axis=-1)), -1)
    slack = np.full(count, 1e-6)  # of sums in float32: just a half must count as that
    below = affine(ordered, np.triu(np.ones((count, count))), slack)
    first = first_largest(ops.cast(below >= 0.5, "float32"), count)
    return ops.sum(ops.sort(told, axis=-1) * first, axis=-1, keepdims=True)
