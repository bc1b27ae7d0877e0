"""What can go wrong with a search, and the one place that asks for Optuna."""

from __future__ import annotations

from typing import Any

from kohort.errors import MissingExtra
from kohort.workflow.failure import WorkflowError


class StudyError(WorkflowError):
    """The study cannot go on: the rule, what came, and what to do."""


def require_optuna(purpose: str = "A hyperparameter search") -> Any:
    """Optuna, imported where it is first needed."""
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra("optuna", "search", purpose) from error
    return optuna
