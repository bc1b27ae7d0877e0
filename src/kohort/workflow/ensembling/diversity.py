"""How much members differ, and what their differing is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kohort.workflow.ensembling.combine import as_members, average
from kohort.workflow.failure import WorkflowError


@dataclass(frozen=True)
class Diversity:
    """Matrices have shape `(members, members)`; members are compared in pairs.

    - `error_correlation`: of the members' errors; 1 means that they fail alike
    - `disagreement`: the share of rows on which two members decide differently (classification)
    - `q_statistic`: Yule's Q of being right: 0 independent, 1 right and wrong together, -1 in turn
    - `member_error`, `ensemble_error`, `ambiguity`: of the squared error (of probabilities: the
      Brier score), where ensemble_error = mean member_error - ambiguity, exactly
    """

    names: list[str]
    error_correlation: np.ndarray
    disagreement: np.ndarray | None
    q_statistic: np.ndarray | None
    member_error: np.ndarray
    ensemble_error: float
    ambiguity: float

    def table(self) -> str:
        """A line a member: its error, and how it differs from the others on average."""
        width = max(6, *map(len, self.names))
        columns = ["error", "correlation"]
        values = [self.member_error, _with_others(self.error_correlation)]
        if self.disagreement is not None and self.q_statistic is not None:
            columns += ["disagreement", "Q"]
            values += [_with_others(self.disagreement), _with_others(self.q_statistic)]
        lines = [f"{'member':<{width}}" + "".join(f"{name:>14}" for name in columns)]
        for i, name in enumerate(self.names):
            lines.append(f"{name:<{width}}" + "".join(f"{column[i]:>14.4g}" for column in values))
        return "\n".join(lines)

    def __str__(self) -> str:
        return (
            f"{self.table()}\nensemble error {self.ensemble_error:.4g} = mean member error "
            f"{self.member_error.mean():.4g} - ambiguity {self.ambiguity:.4g}"
        )


def diversity(
    predictions: ArrayLike, y: ArrayLike, task: str | None = None, names: list[str] | None = None
) -> Diversity:
    """Measures the members' differences on rows that they did not train on.

    `predictions` has shape `(members, rows, …)`: amounts, or probabilities with `y` the classes,
    shape `(rows,)`. `task` is `"regression"` or `"classification"`; None tells them apart by `y`
    (whole numbers, and predictions between 0 and 1).

    Sources: Krogh and Vedelsby (1995), "Neural network ensembles, cross validation, and active
    learning", for the ambiguity; Kuncheva and Whitaker (2003), "Measures of diversity in classifier
    ensembles", for disagreement and Q; Yule (1900).

    >>> print(diversity([[1.0, 1.0], [-1.0, 1.5]], [0.0, 1.0]))
    member         error   correlation
    0                0.5            -1
    1              0.625            -1
    ensemble error 0.03125 = mean member error 0.5625 - ambiguity 0.5312
    """
    p, truth = as_members(predictions).astype("float64"), np.asarray(y)
    if p.shape[1] != len(truth) or not np.isfinite(p).all():
        raise WorkflowError(
            "Diversity needs finite predictions for each row of y.",
            f"predictions {p.shape}, y {truth.shape}",
            "leave out members that failed",
        )
    if p.ndim == 3 and p.shape[-1] == 1:
        p = p[..., 0]
    truth = truth[:, 0] if truth.ndim == 2 and truth.shape[1] == 1 else truth
    task = task or _task(p, truth)
    goal = truth.astype("float64")
    if p.ndim == 3 and truth.ndim == 1:
        goal = np.eye(p.shape[-1])[truth.astype(int)]
    errors = (p - goal).reshape(len(p), -1)
    mean = average(p)
    disagreement = q = None
    if task == "classification":
        decided, right = _decisions(p, truth)
        disagreement = np.array([[np.mean(a != b) for b in decided] for a in decided])
        q = _q_statistic(right.astype(float))
    return Diversity(
        names or [str(i) for i in range(len(p))],
        _correlation(errors),
        disagreement,
        q,
        (errors**2).mean(axis=1),
        float(((mean - goal) ** 2).mean()),
        float(((p - mean) ** 2).mean()),
    )


def _task(p: np.ndarray, y: np.ndarray) -> str:
    whole = y.dtype.kind in "bui" or bool((y == np.round(y)).all())
    return "classification" if whole and p.min() >= 0 and p.max() <= 1 else "regression"


def _decisions(p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each member decides, and whether it is right, both `(members, decisions)`."""
    if p.ndim == 3 and y.ndim == 1:
        decided = p.argmax(axis=-1)
        return decided, decided == y
    decided = (p > 0.5).reshape(len(p), -1)
    return decided, decided == (y == 1).reshape(-1)


def _correlation(errors: np.ndarray) -> np.ndarray:
    centred = errors - errors.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1))
    known = length > 1e-12 * np.abs(errors).max(initial=1e-300)
    scaled = np.where(known, 1 / np.where(known, length, 1), np.nan)[:, None] * centred
    return scaled @ scaled.T


def _q_statistic(right: np.ndarray) -> np.ndarray:
    """Q = (N¹¹N⁰⁰ - N⁰¹N¹⁰) / (N¹¹N⁰⁰ + N⁰¹N¹⁰), NaN where both products are 0."""
    wrong = 1 - right
    both, none = right @ right.T, wrong @ wrong.T
    one, other = right @ wrong.T, wrong @ right.T
    above, below = both * none - one * other, both * none + one * other
    return np.where(below > 0, above / np.where(below > 0, below, 1), np.nan)


def _with_others(matrix: np.ndarray) -> np.ndarray:
    """The mean over the other members, NaN where there is none."""
    off = np.where(np.eye(len(matrix), dtype=bool), np.nan, matrix)
    known = np.isfinite(off).sum(axis=1)
    return np.where(known > 0, np.nansum(off, axis=1) / np.maximum(known, 1), np.nan)
