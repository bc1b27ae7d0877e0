"""Samplers that draw each parameter when it is asked for: the base, and the Sobol sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.samplers import BaseSampler

from kohort.workflow.search.distributions import from_unit

_COLUMNS = 64  # parameters that share one sequence; the ones beyond are drawn at random


class Independent(BaseSampler):
    """A sampler that draws each parameter when it is asked for."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        return {}


class QuasiRandom(Independent):
    """Trial i, parameter j of a scrambled Sobol sequence: no gaps, no clusters.

    The point follows from the seed and the trial's number, so that batches, processes and resumed
    searches continue one sequence, from the first trial on. Source: Sobol 1967; Owen 1998.
    """

    def __init__(self, seed: int):
        super().__init__(seed)
        self.seed = seed
        self._points = np.empty((0, _COLUMNS))

    def sample_independent(self, study: Any, trial: Any, param_name: str, distribution: Any) -> Any:
        column = len(trial.params)
        if column >= _COLUMNS:
            return from_unit(distribution, self.random.random())
        if trial.number >= len(self._points):
            from scipy.stats.qmc import Sobol

            sequence = Sobol(_COLUMNS, scramble=True, rng=np.random.default_rng(self.seed))
            self._points = sequence.random_base2(max(6, trial.number.bit_length()))
        return from_unit(distribution, self._points[trial.number, column])
