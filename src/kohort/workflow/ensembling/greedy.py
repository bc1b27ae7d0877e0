"""Greedy ensemble selection with repeats, for a score of any kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kohort.workflow.ensembling.combine import as_members
from kohort.workflow.failure import WorkflowError
from kohort.workflow.scores import Score


@dataclass(frozen=True)
class Greedy:
    """`weights`, shape `(members,)`, sum 1; `order` of the picks; the score after each pick.

    With several bags the weights are their mean, and `order` and `path` those of the first bag.
    """

    weights: np.ndarray
    order: list[int]
    path: list[float]


def greedy(
    predictions: ArrayLike,
    y: np.ndarray,
    score: Score,
    *,
    higher: bool = True,
    picks: int = 50,
    start: int = 1,
    bags: int = 1,
    share: float = 0.5,
    seed: int = 0,
) -> Greedy:
    """Adds again and again the member that improves the average most; members may come twice.

    `predictions`, shape `(members, rows, …)`, must be of rows that the members did not train on
    (out-of-fold, say). The ensemble begins with the `start` best members; the picks up to the best
    score on the path count, so it is never worse on these rows than its best member. `bags` > 1
    repeats the selection among a random `share` of the members and averages the weights, which
    guards against overfitting the rows. Members with NaN are never picked.

    Source: Caruana, Niculescu-Mizil, Crew and Ksikes (2004), "Ensemble selection from libraries of
    models".

    >>> y = np.array([0.0, 1.0, 2.0])
    >>> found = greedy([y + 1, y - 1, y + 5], y, lambda y, p: np.abs(y - p).mean(), higher=False)
    >>> found.weights, found.order
    (array([0.5, 0.5, 0. ]), [0, 1])
    """
    p = as_members(predictions)
    fine = np.flatnonzero(np.isfinite(p.reshape(len(p), -1)).all(axis=1))
    if not len(fine) or picks < 1 or start < 1 or bags < 1 or not 0 < share <= 1:
        raise WorkflowError(
            "A greedy selection needs a member without NaN, positive counts and 0 < share <= 1.",
            f"{len(fine)} members without NaN, picks={picks}, start={start}, bags={bags}, "
            f"share={share}",
            "leave out what you did not mean to set",
        )
    generator = np.random.default_rng(seed)
    sign = 1 if higher else -1
    weights, first = np.zeros(len(p)), None
    for _ in range(bags):
        size = len(fine) if bags == 1 else max(1, round(share * len(fine)))
        bag = np.sort(generator.choice(fine, size, replace=False))
        order, path = _select(p[bag], y, score, sign, picks, start)
        np.add.at(weights, bag[order], 1 / (len(order) * bags))
        first = first or ([int(bag[i]) for i in order], path)
    assert first is not None  # bags >= 1
    return Greedy(weights, *first)


def _select(
    p: np.ndarray, y: np.ndarray, score: Score, sign: int, picks: int, start: int
) -> tuple[list[int], list[float]]:
    single = np.array([_signed(score, sign, y, member) for member in p])
    order = [int(i) for i in np.argsort(-single, kind="stable")[: min(start, picks)]]
    total = p[order].sum(axis=0, dtype="float64")
    path = [_signed(score, sign, y, total / len(order))]
    while len(order) < picks:
        tries = [_signed(score, sign, y, (total + member) / (len(order) + 1)) for member in p]
        order.append(int(np.argmax(tries)))
        total += p[order[-1]]
        path.append(max(tries))
    best, skipped = int(np.argmax(path)), len(order) - len(path)
    return order[: best + 1 + skipped], [sign * value for value in path[: best + 1]]


def _signed(score: Score, sign: int, y: np.ndarray, prediction: np.ndarray) -> float:
    value = score(y, prediction)
    return -np.inf if np.isnan(value) else sign * value
