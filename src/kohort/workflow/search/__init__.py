"""Hyperparameter search: the space, samplers, studies, pruning and curves."""

from kohort.workflow.search.curves import read_curves, write_curves
from kohort.workflow.search.failure import StudyError, require_optuna
from kohort.workflow.search.identity import identity
from kohort.workflow.search.result import Search
from kohort.workflow.search.run import search
from kohort.workflow.search.samplers import SAMPLERS, sampler
from kohort.workflow.search.space import HyperParameters

__all__ = [
    "SAMPLERS",
    "HyperParameters",
    "Search",
    "Study",
    "StudyError",
    "identity",
    "read_curves",
    "repair",
    "sampler",
    "search",
    "write_curves",
]


def __getattr__(name: str):
    """`Study` and `repair` need Optuna, so they are imported when they are asked for."""
    if name not in ("Study", "repair"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_optuna()
    from kohort.workflow.search.journal import repair
    from kohort.workflow.search.study import Study

    return Study if name == "Study" else repair
