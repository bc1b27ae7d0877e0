"""Points that no trial has seen: the grid, and the way out where a sampler repeats itself."""

from __future__ import annotations

from typing import Any

from optuna.trial import TrialState

from kohort.workflow.search.distributions import from_unit, levels
from kohort.workflow.search.independent import Independent
from kohort.workflow.search.records import SET_ASIDE

_COUNTING = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)


class Unvisited(Independent):
    """Draws, value by value, a point that differs from every earlier trial's.

    The trials so far form a tree: a level for each parameter in the order of asking, a branch for
    each value. A branch is closed when all its values are closed, or when a trial ended there;
    conditional parameters need no care. A continuous parameter is never closed. Where everything
    is closed, the point repeats, and `all_visited` of the last point is True.
    """

    def __init__(self, seed: int):
        super().__init__(seed)
        self.all_visited = True  # of a space without parameters there is one point

    def sample_independent(self, study: Any, trial: Any, param_name: str, distribution: Any) -> Any:
        values = levels(distribution)
        if values is None:
            self.all_visited = False
            return from_unit(distribution, self.random.random())
        known = trial.params
        others = [
            (list(t.params.items()), t.distributions)
            for t in study.get_trials(deepcopy=False, states=_COUNTING)
            if t.number != trial.number
            and SET_ASIDE not in t.user_attrs
            and known.items() <= t.params.items()
        ]
        depth = len(known)
        free = [v for v in values if not _closed(_at(others, depth, v), depth + 1)]
        if depth == 0:
            self.all_visited = not free
        return (free or values)[self.random.integers(len(free or values))]


def _at(trials: list[Any], depth: int, value: Any) -> list[Any]:
    return [t for t in trials if len(t[0]) > depth and t[0][depth][1] == value]


def _closed(trials: list[Any], depth: int) -> bool:
    if not trials:
        return False
    path, distributions = trials[0]
    if any(len(t[0]) == depth for t in trials):
        return True
    values = levels(distributions[path[depth][0]])
    return values is not None and all(_closed(_at(trials, depth, v), depth + 1) for v in values)
