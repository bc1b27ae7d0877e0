"""What can go wrong with a search, and the one place that asks for Optuna."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kohort.errors import MissingExtra
from kohort.saving.atomic import atomic_file
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


@contextmanager
def writing(path: Path, rule: str, remedy: str) -> Iterator[Path]:
    """A file beside `path` that replaces it at the end; a full disk gives a `StudyError`."""
    try:
        with atomic_file(path) as draft:
            yield draft
    except OSError as error:
        raise StudyError(rule, f"{path}: {error.strerror or error}", remedy) from error
