"""Coarse to fine: a random search, then denser ones around the best."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.trial import TrialState

from kohort.workflow.search.distributions import from_unit, is_ordered, levels, to_unit
from kohort.workflow.search.independent import Independent


class CoarseToFine(Independent):
    """`per_round` random trials, then `rounds` times as many in a box around the `best` ones.

    In round r a parameter is drawn uniformly, on its own scale, from the interval that the best
    trials so far span, widened on each side by `shrink**r / 2` of the range and cut at its bounds.
    So an unimportant parameter, in which the best differ, stays free, and an important one
    narrows. Choices without an order are drawn from those of the best.
    """

    def __init__(
        self, seed: int, per_round: int = 20, rounds: int = 1, best: int = 3, shrink: float = 0.25
    ):
        super().__init__(seed)
        self.per_round, self.rounds, self.best, self.shrink = per_round, rounds, best, shrink

    def sample_independent(self, study: Any, trial: Any, param_name: str, distribution: Any) -> Any:
        done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        stage = min(self.rounds, len(done) // self.per_round)
        leading = ranked(study, done)[: self.best] if stage else []
        centres = [t.params[param_name] for t in leading if param_name in t.params]
        if not centres:
            return from_unit(distribution, self.random.random())
        if not is_ordered(distribution):
            kept = [value for value in levels(distribution) or [] if value in centres]
            return kept[self.random.integers(len(kept))]
        shares = [to_unit(distribution, value) for value in centres]
        margin = self.shrink**stage / 2
        low, high = max(0.0, min(shares) - margin), min(1.0, max(shares) + margin)
        return from_unit(distribution, self.random.uniform(low, high))


def ranked(study: Any, trials: list[Any]) -> list[Any]:
    """The trials, best first; with several objectives by the mean of their ranks."""
    if not trials:
        return []
    signs = [1.0 if direction.name == "MINIMIZE" else -1.0 for direction in study.directions]
    values = np.array([t.values for t in trials]) * signs
    ranks = values.argsort(axis=0, kind="stable").argsort(axis=0, kind="stable")
    return [trials[i] for i in ranks.mean(axis=1).argsort(kind="stable")]
