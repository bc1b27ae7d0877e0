"""Samplers by name, for Optuna's ask and tell."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kohort.errors import MissingExtra, with_remedies
from kohort.workflow.search.failure import require_optuna

SAMPLERS = (
    "random",
    "grid",
    "coarse_to_fine",
    "quasi_random",
    "tpe",
    "bayesian",
    "genetic",
    "cmaes",
)


def sampler(
    name: str, seed: int = 0, *, start: int = 0, trials: int | None = None, **options: Any
) -> Any:
    """Return an Optuna sampler.

    With `start`, the number of trials so far, a resumed search draws other numbers than before.

    - `"random"`: uniform on each parameter's scale.
    - `"grid"`: every point once in random order; a range without steps has ten values.
    - `"coarse_to_fine"`: random, then `rounds=1` times denser around the `best=3` trials; the
      planned number of `trials` is shared out equally (or `per_round=`).
    - `"quasi_random"`: a scrambled Sobol sequence, which leaves no gaps.
    - `"tpe"`: tree-structured Parzen estimators, parameters together (Bergstra et al. 2011).
    - `"bayesian"`: a Gaussian process with expected improvement.
    - `"genetic"`: NSGA-II (Deb et al. 2002), for several objectives too; a population is a quarter
      of the planned `trials`.
    - `"cmaes"`: covariance matrix adaptation (Hansen 2016), for one objective of numbers.

    `options` go to the sampler's class.

    >>> sampler("coarse_to_fine", seed=1, trials=60, rounds=2).per_round
    20
    """
    require_optuna()
    if name not in SAMPLERS:
        rule = f"The sampler must be one of {', '.join(SAMPLERS)}."
        raise ValueError(with_remedies(rule, repr(name), ["choose one, or pass an Optuna sampler"]))
    stream = int(np.random.SeedSequence((seed, start)).generate_state(1)[0])
    if name == "coarse_to_fine" and trials:
        options.setdefault("per_round", math.ceil(trials / (options.get("rounds", 1) + 1)))
    if name == "genetic" and trials:
        options.setdefault("population_size", min(max(trials // 4, 8), 50))
    own = _own(name, seed, start, stream, options)
    return own or _from_optuna(name, stream, options)


def _own(name: str, seed: int, start: int, stream: int, options: dict[str, Any]) -> Any:
    from kohort.workflow.search.coarse import CoarseToFine
    from kohort.workflow.search.gaussian import GaussianProcess
    from kohort.workflow.search.independent import QuasiRandom
    from kohort.workflow.search.unvisited import Unvisited

    if name == "coarse_to_fine":
        return CoarseToFine(stream, **options)
    if name == "bayesian":
        return GaussianProcess(seed, start, **options)
    if name == "quasi_random":
        return QuasiRandom(seed, **options)
    return Unvisited(stream, **options) if name == "grid" else None


def _from_optuna(name: str, seed: int, options: dict[str, Any]) -> Any:
    from optuna import samplers

    if name == "random":
        return samplers.RandomSampler(seed=seed, **options)
    if name == "tpe":
        together = {"multivariate": True, "group": True, "constant_liar": True}
        return samplers.TPESampler(**{"seed": seed, **together, **options})
    if name == "genetic":
        return samplers.NSGAIISampler(seed=seed, **options)
    try:
        import cmaes  # noqa: F401
    except ImportError as error:
        raise MissingExtra("cmaes", "search", "The sampler 'cmaes'") from error
    return samplers.CmaEsSampler(**{"seed": seed, "warn_independent_sampling": False, **options})
