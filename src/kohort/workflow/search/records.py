"""What a study keeps with its trials, and how to read it."""

from __future__ import annotations

from typing import Any

import numpy as np
from optuna.trial import TrialState

OURS = "kohort:"
IDENTITY, SPACE = f"{OURS}identity", f"{OURS}space"  # of the study
WORKER, VALUES, ATTEMPT = f"{OURS}worker", f"{OURS}hp", f"{OURS}attempt"  # of a trial
SET_ASIDE = f"{OURS}set_aside"  # of a trial that was not run: why
STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "running": TrialState.RUNNING,
    "waiting": TrialState.WAITING,
}


def row(trial: Any) -> dict[str, Any]:
    """A trial as plain values."""
    kept = trial.user_attrs
    duration = trial.duration
    return {
        "number": trial.number,
        "state": next(name for name, state in STATES.items() if state == trial.state),
        "values": kept.get(f"{OURS}values") or (list(trial.values) if trial.values else None),
        "hp": kept.get(VALUES, {}),
        "seconds": None if duration is None else duration.total_seconds(),
        "reason": kept.get(f"{OURS}reason", ""),
        "attributes": {key: value for key, value in kept.items() if not key.startswith(OURS)},
    }


def importance(study: Any, objective: int = 0) -> dict[str, float]:
    """The share of each parameter in the objective's variation, greatest first; sum 1.

    PED-ANOVA: how the best trials' values of a parameter differ from all trials' (Watanabe et al.
    2023). Empty for fewer than four complete trials, or where the objective does not vary.
    """
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(done) < 4 or np.ptp([t.values[objective] for t in done]) == 0:
        return {}
    minimised = study.directions[objective].name == "MINIMIZE"
    sign = 1.0 if minimised else -1.0
    return get_param_importances(
        study,
        evaluator=PedAnovaImportanceEvaluator(),
        target=lambda trial: sign * trial.values[objective],
    )
