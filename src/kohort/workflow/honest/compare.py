"""Is one candidate better than another, when both were judged on the same folds?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest.splits import Fold


@dataclass(frozen=True)
class Comparison:
    """The mean difference first - second, its interval, and how surprising it is by chance."""

    difference: float
    low: float
    high: float
    t: float
    p_value: float
    degrees: int
    level: float = 0.95

    @property
    def clear(self) -> bool:
        """Whether the interval leaves no doubt about the sign."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        sign = "clear" if self.clear else "could be chance"
        return (
            f"{self.difference:+.4g} ({self.level:.0%} interval {self.low:.4g} to "
            f"{self.high:.4g}, p = {self.p_value:.3f}): {sign}"
        )


def corrected_t_test(
    first: ArrayLike,
    second: ArrayLike,
    folds: int | Sequence[Fold],
    level: float = 0.95,
) -> Comparison:
    """The corrected resampled t-test for scores of two candidates on the same folds.

        t = d̄ / √((1/J + n_validation/n_train) s²),  J - 1 degrees of freedom

    `first` and `second`, shape `(J,)`, hold a score for each fold (of all repeats). Folds share
    training rows, so their differences are not independent and the plain paired test rejects far
    too often; the second term allows for that. `folds` is the number K (then
    n_validation/n_train = 1/(K - 1), repeated or not), or the list of folds itself.

    Sources: Nadeau and Bengio (2003), "Inference for the generalization error"; for repeated
    K-fold: Bouckaert and Frank (2004), "Evaluating the replicability of significance tests".

    >>> print(corrected_t_test([0.81, 0.84, 0.80, 0.83], [0.79, 0.83, 0.79, 0.80], folds=4))
    +0.0175 (95% interval -0.005772 to 0.04077, p = 0.096): could be chance
    """
    from scipy.stats import t as student

    d = np.asarray(first, float) - np.asarray(second, float)
    if d.ndim != 1 or len(d) < 2 or not np.isfinite(d).all():
        raise WorkflowError(
            "A comparison needs at least two pairs of finite scores.",
            f"differences {np.array2string(d, threshold=6, precision=3)}",
            "leave out candidates that failed in some fold",
        )
    mean, error, degrees = float(d.mean()), corrected_error(d, folds), len(d) - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.float64(mean) / error if mean else np.float64(0)
    reach = float(student.ppf((1 + level) / 2, degrees)) * error
    p_value = float(2 * student.sf(abs(t), degrees))
    return Comparison(mean, mean - reach, mean + reach, float(t), p_value, degrees, level)


def corrected_error(values: np.ndarray, folds: int | Sequence[Fold]) -> float:
    """√((1/J + n_validation/n_train) s²): the standard error of a mean over J folds."""
    if isinstance(folds, int):
        if folds < 2:
            raise WorkflowError("folds must be at least 2.", str(folds), "give the number K")
        ratio = 1 / (folds - 1)
    else:
        if len(folds) != len(values):
            raise WorkflowError(
                "There must be a score for each fold.",
                f"{len(values)} scores, {len(folds)} folds",
                "give the folds that the scores come from",
            )
        ratio = float(np.mean([len(fold.validation) / len(fold.train) for fold in folds]))
    return float(np.sqrt((1 / len(values) + ratio) * np.var(values, ddof=1)))
