"""Bayesian search: a Gaussian process as the model of the objective, expected improvement."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from kohort.workflow.search.distributions import features, from_unit, is_ordered, to_unit
from kohort.workflow.search.independent import QuasiRandom

_SCALES = (0.2, 0.05, 0.0125)  # of the steps around the best trials, as shares of a range


def expected_improvement(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    """How far below `best` a normal variable lies in the mean: `(b - m) Phi(z) + s phi(z)`.

    Here `z = (b - m) / s`. Source: Jones, Schonlau, Welch 1998, equation 15.

    >>> expected_improvement(np.array([0.0, 1.0]), np.array([1.0, 1e-12]), best=0.0)
    array([0.3989, 0.    ])
    """
    from scipy.special import ndtr

    z = (best - mean) / deviation
    return (best - mean) * ndtr(z) + deviation * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


class GaussianProcess(BaseSampler):
    """`startup` quasi-random trials, then the point with the greatest expected improvement.

    The process has a Matern 5/2 kernel with a length for each column, and noise; logarithmic
    parameters are modelled on their scale, choices without an order as one column a choice, and a
    conditional parameter that a trial lacks as its middle. Running trials count as if they had
    already given the best value ("constant liar", Ginsbourger et al. 2010): a batch spreads.
    Several objectives are joined with random weights for each trial (ParEGO, Knowles 2006).
    """

    def __init__(self, seed: int, start: int = 0, startup: int = 10, candidates: int = 250):
        self.random = np.random.default_rng((seed, start))
        self.startup, self.candidates = startup, candidates
        self._first = QuasiRandom(seed)
        self._kernel: Any = None
        self._fitted_to = 0  # columns

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if len(done) < self.startup:
            return {}
        known = {name: d for t in done for name, d in t.distributions.items()}
        return {name: d for name, d in sorted(known.items()) if not d.single()}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        if not search_space:
            return {}
        states = (TrialState.COMPLETE, TrialState.RUNNING)
        trials = study.get_trials(deepcopy=False, states=states)
        trials = [t for t in trials if t.number != trial.number]
        points = [
            [t.params.get(name, from_unit(d, 0.5)) for name, d in search_space.items()]
            for t in trials
        ]
        values = self._losses(study, trials)
        proposals = self._proposals(list(search_space.values()), points, values)
        columns = self._columns(search_space, points + proposals)
        seen, new = columns[: len(points)], columns[len(points) :]
        mean, deviation = self._predict(seen, values, new)
        gain = expected_improvement(mean, deviation, values.min())
        gain[(new[:, None] == seen[None]).all(-1).any(1)] = -1.0  # never the same point again
        return dict(zip(search_space, proposals[int(gain.argmax())], strict=True))

    def sample_independent(self, study: Any, trial: Any, param_name: str, distribution: Any) -> Any:
        return self._first.sample_independent(study, trial, param_name, distribution)

    def _losses(self, study: Any, trials: list[Any]) -> np.ndarray:
        """One standardised number a trial, less is better; running trials get the best."""
        signs = [1.0 if d.name == "MINIMIZE" else -1.0 for d in study.directions]
        done = np.array([t.state == TrialState.COMPLETE for t in trials])
        table = np.array([t.values for t in trials if t.values is not None]) * signs
        if len(signs) > 1:
            low, high = table.min(0), table.max(0)
            scaled = self.random.dirichlet(np.ones(len(signs))) * (table - low)
            scaled /= np.where(high > low, high - low, 1.0)
            table = scaled.max(1, keepdims=True) + 0.05 * scaled.sum(1, keepdims=True)
        losses = table[:, 0]
        losses = (losses - losses.mean()) / (losses.std() or 1.0)
        values = np.full(len(trials), losses.min())
        values[done] = losses
        return values

    def _proposals(
        self, distributions: list[Any], points: list[list[Any]], values: np.ndarray
    ) -> list[list[Any]]:
        """Points anywhere, and points near the best ones."""
        count = len(distributions)
        shares = self.random.random((self.candidates, count))
        best = [
            [to_unit(d, v) for d, v in zip(distributions, points[i], strict=True)]
            for i in values.argsort()[:5]
        ]
        near = np.repeat(best, self.candidates // len(best), axis=0)
        scale = self.random.choice(_SCALES, (len(near), 1))
        moved = near + scale * self.random.normal(size=near.shape)
        # A choice has no neighbours: now and then another one is tried.
        fixed = ~np.array([is_ordered(d) for d in distributions])
        jumps = self.random.random(near.shape)
        moved[:, fixed] = np.where(self.random.random(near.shape) < 0.2, jumps, near)[:, fixed]
        rows = np.concatenate([shares, moved])
        return [[from_unit(d, s) for d, s in zip(distributions, row, strict=True)] for row in rows]

    def _columns(self, search_space: dict[str, Any], points: list[list[Any]]) -> np.ndarray:
        blocks = zip(search_space.values(), zip(*points, strict=True), strict=True)
        return np.concatenate([features(d, values) for d, values in blocks], axis=1)

    def _predict(
        self, x: np.ndarray, y: np.ndarray, new: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
        from threadpoolctl import threadpool_limits

        # Once for a sampler's batch: the running trials that join say nothing about the kernel.
        fresh = self._kernel is None or self._fitted_to != x.shape[1]
        if fresh:
            lengths = Matern(np.ones(x.shape[1]), (0.05, 20.0), nu=2.5)
            noise = WhiteKernel(0.01, (1e-6, 1.0))
            self._kernel = ConstantKernel(1.0, (0.05, 20.0)) * lengths + noise
        optimizer = "fmin_l_bfgs_b" if fresh else None
        process = GaussianProcessRegressor(self._kernel, optimizer=optimizer, alpha=1e-8)
        # Threads only get in each other's way in matrices this small.
        with warnings.catch_warnings(), threadpool_limits(1):
            warnings.simplefilter("ignore")  # a length at its bound is an unimportant parameter
            process.fit(x, y)
            mean, deviation = process.predict(new, return_std=True)
        self._kernel, self._fitted_to = process.kernel_, x.shape[1]
        # The noise is not uncertainty about the objective.
        variance = deviation**2 - process.kernel_.k2.noise_level
        return mean, np.sqrt(np.maximum(variance, 1e-12))
