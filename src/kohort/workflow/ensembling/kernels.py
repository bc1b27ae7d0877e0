"""Support vector machines of scikit-learn as layers."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.ensembling.ask import decide, say, vote
from kohort.workflow.ensembling.frozen import (
    NoLayers,
    affine,
    first_largest,
    squared_distances,
)

_MACHINES = ("SVC", "NuSVC", "SVR", "NuSVR")
_ROUNDS = 5  # of the coupling, which came to its end after four at most in trials


@say.of(*_MACHINES)
def _says(member: Any, x: Any) -> Any:
    """Σ αᵢ k(xᵢ, x) + b: an amount; of classes their probabilities, or one vote.

    Source: Chang and Lin, *LIBSVM* (2011), whose solutions scikit-learn holds.
    """
    if not hasattr(member, "classes_"):
        return affine(_kernel(member, x), member.dual_coef_.T, member.intercept_)
    if not len(member._probA):
        return vote(member, x)
    a, b = member._probA, member._probB
    return _probabilities(_duels(member, x), a, b, _pairs(member), len(member.classes_))


@vote.of(*_MACHINES)
def _votes(member: Any, x: Any) -> Any:
    """The class that wins most duels."""
    classes = len(member.classes_)
    if member.break_ties and classes > 2:
        return first_largest(decide(member, x), classes)
    return first_largest(_won(_duels(member, x), _pairs(member), classes), classes)


@decide.of(*_MACHINES)
def _decision(member: Any, x: Any) -> Any:
    """Duels won, and for equally many a third at most for how clearly; or the duels themselves."""
    duels, pairs, classes = _duels(member, x), _pairs(member), len(member.classes_)
    if classes == 2:
        return -duels
    if member.decision_function_shape == "ovo":
        return duels
    clear = affine(duels, _sides(pairs, classes) @ [1, -1], np.zeros(classes))
    return _won(duels, pairs, classes) + clear / (3 * (ops.abs(clear) + 1))


def _pairs(member: Any) -> list[tuple[int, int]]:
    return list(combinations(range(len(member.classes_)), 2))


def _sides(pairs: list[tuple[int, int]], classes: int) -> np.ndarray:
    """1 where a class is the first, and where it is the second, of a pair."""
    sides = np.zeros((len(pairs), classes, 2))
    for number, pair in enumerate(pairs):
        sides[number, pair, [0, 1]] = 1
    return sides


def _won(duels: Any, pairs: list[tuple[int, int]], classes: int) -> Any:
    first, second = np.moveaxis(_sides(pairs, classes), -1, 0)
    return affine(ops.cast(duels > 0, "float32"), first - second, second.sum(axis=0))


def _duels(member: Any, x: Any) -> Any:
    """Above 0 for the first of each pair of classes."""
    pairs, ends = _pairs(member), np.cumsum(member.n_support_)
    own = [np.arange(end - n, end) for n, end in zip(member.n_support_, ends, strict=True)]
    weights = np.zeros((len(member.support_vectors_), len(pairs)))
    for column, (i, j) in enumerate(pairs):
        weights[own[i], column] = member._dual_coef_[j - 1, own[i]]
        weights[own[j], column] = member._dual_coef_[i, own[j]]
    return affine(_kernel(member, x), weights, member._intercept_)


def _kernel(member: Any, x: Any) -> Any:
    if member._sparse:
        raise NoLayers("trained on a sparse matrix")
    points = np.asarray(member.support_vectors_)
    if member.kernel == "rbf":
        return ops.exp(squared_distances(x, points) * -float(member._gamma))
    if member.kernel not in ("linear", "poly", "sigmoid"):
        raise NoLayers(f"kernel={member.kernel!r}")
    product = affine(x, points.T, np.zeros(len(points)))
    if member.kernel == "linear":
        return product
    inner = product * float(member._gamma) + float(member.coef0)
    return ops.tanh(inner) if member.kernel == "sigmoid" else ops.power(inner, int(member.degree))


def _probabilities(
    decision: Any, a: np.ndarray, b: np.ndarray, pairs: list[tuple[int, int]], classes: int
) -> Any:
    """From σ(-a d - b), the chance of the first of each pair, to one chance for each class.

    min ½ pᵀQp with Σp = 1, Q as in Wu, Lin and Weng, "Probability estimates for multi-class
    classification by pairwise coupling" (2004), algorithm 2; a row stops where libsvm stops.
    """
    scaled = layers.Rescaling((-a).tolist(), (-b).tolist())(decision)
    r = ops.clip(layers.Activation("sigmoid")(scaled), 1e-7, 1 - 1e-7)
    over = np.zeros((2, len(pairs), classes, classes))  # R[i, j]: the chance of i over j
    for column, (i, j) in enumerate(pairs):
        over[0, column, i, j] = over[1, column, j, i] = 1
    won, lost = over.reshape(2, len(pairs), -1)
    square = layers.Reshape((classes, classes))
    chances = square(affine(r, won - lost, lost.sum(axis=0)))
    mirrored = ops.transpose(chances, (0, 2, 1))
    trace = ops.sum(ops.square(mirrored), axis=-1)
    places = np.eye(classes * classes)[:: classes + 1]
    q = square(affine(trace, places, np.zeros(classes * classes))) - chances * mirrored
    p = affine(trace, np.zeros((classes, classes)), np.full(classes, 1 / classes))
    for _ in range(_ROUNDS):
        p = _round(p, q, trace, classes)
    return p


def _round(p: Any, q: Any, trace: Any, classes: int) -> Any:
    """Each class's chance in turn, as the others ask for; rows at their end stay as they are."""
    new, qp = p, ops.squeeze(ops.matmul(q, ops.expand_dims(p, -1)), -1)
    error = ops.max(ops.abs(qp - _total(p * qp)), axis=-1, keepdims=True)
    for t in range(classes):
        own = slice(t, t + 1)
        step = (_total(new * qp) - qp[:, own]) / trace[:, own]
        new = (new + ops.pad(step, ((0, 0), (t, classes - 1 - t)))) / (1 + step)
        qp = (qp + step * q[:, t]) / (1 + step)
    return ops.where(error < 0.005 / classes, p, new)


def _total(x: Any) -> Any:
    return ops.sum(x, axis=-1, keepdims=True)
