"""Weights found by optimisation: none negative, sum one, of least loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from kohort.workflow.ensembling.combine import as_members, average
from kohort.workflow.failure import WorkflowError

Loss = Callable[[np.ndarray, np.ndarray], float]
Gradient = Callable[[np.ndarray], tuple[float, np.ndarray]]


def simplex(predictions: ArrayLike, y: np.ndarray, loss: str | Loss = "mse") -> np.ndarray:
    """The weights w >= 0, Σ wᵢ = 1 that minimise loss(y, Σᵢ wᵢ pᵢ), shape `(members,)`.

    `predictions`, shape `(members, rows, …)`, must be of rows that the members did not train on.
    `loss` is `"mse"`, `"log_loss"` (with probabilities; both are convex, so the minimum is the one
    there is) or any smooth function of `(y, prediction)`. For a score with steps, such as accuracy,
    use `greedy`. The optimiser is SciPy's SLSQP.

    Source: Breiman (1996), "Stacked regressions"; van der Laan, Polley and Hubbard (2007), "Super
    learner".

    >>> y = np.zeros(3)
    >>> simplex([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [3.0, 3.0, 3.0]], y)
    array([0.2, 0.8, 0. ])
    """
    from scipy.optimize import minimize

    p = as_members(predictions).astype("float64")
    fine = np.flatnonzero(np.isfinite(p.reshape(len(p), -1)).all(axis=1))
    if not len(fine):
        raise WorkflowError(
            "At least one member must have finite predictions.", "none", "leave out failed members"
        )
    target, jac = _target(p[fine], y, loss)
    count = len(fine)
    found = minimize(
        target,
        np.full(count, 1 / count),
        jac=jac,
        method="SLSQP",
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    inner = np.where(found.x > 1e-6, found.x, 0.0)
    weights = np.zeros(len(p))
    # A step that failed must not cost more than no optimisation at all.
    usable = np.isfinite(found.fun) and inner.any() and found.fun <= _value(target, count)
    weights[fine] = inner / inner.sum() if usable else 1 / count
    return weights


def _value(target: Callable, count: int) -> float:
    start = target(np.full(count, 1 / count))
    return start[0] if isinstance(start, tuple) else start


def _target(p: np.ndarray, y: np.ndarray, loss: str | Loss) -> tuple[Callable, bool | None]:
    """The loss of weights, and whether it comes with its gradient."""
    if callable(loss):
        # Divided by its start, so that the tolerance means the same for every unit.
        scale = abs(loss(y, average(p))) or 1.0
        return lambda w: loss(y, np.tensordot(w, p, axes=1)) / scale, None
    if loss == "mse":
        return _squares(p.reshape(len(p), -1), np.asarray(y, float).reshape(-1)), True
    if loss == "log_loss":
        return _log_loss(_true_class(p, np.asarray(y))), True
    raise WorkflowError(
        'loss must be "mse", "log_loss" or a function of (y, prediction).',
        repr(loss),
        "give one of them",
    )


def _squares(p: np.ndarray, y: np.ndarray) -> Gradient:
    """mean (Σ wᵢ eᵢ)² = wᵀ C w, C the matrix of mean products of the members' errors."""
    errors = p - y
    products = errors @ errors.T / len(y)
    products /= np.trace(products) / len(p) or 1.0
    return lambda w: (float(w @ products @ w), 2 * products @ w)


def _true_class(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The probability that each member gives to the truth, shape `(members, cases)`."""
    if p.ndim == 3 and p.shape[-1] > 1 and y.ndim == 1:
        return p[:, np.arange(len(y)), y.astype(int)]
    flat, truth = p.reshape(len(p), -1), y.reshape(-1)
    return np.where(truth == 1, flat, 1 - flat)


def _log_loss(q: np.ndarray) -> Gradient:
    q = np.clip(q, 1e-7, 1)

    def value(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = np.maximum(w @ q, 1e-12)
        return float(-np.log(mixed).mean()), -(q / mixed).mean(axis=1)

    return value
