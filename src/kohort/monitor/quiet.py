"""A training never dies for its monitor: one warning, and on it goes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from kohort.errors import KohortWarning


class Quiet:
    """Turns failures into warnings, one for each subject.

    >>> quiet = Quiet("TensorBoard")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     for _ in range(2):
    ...         with quiet.attempt("the disk"):
    ...             raise OSError("it is full")
    >>> [str(each.message) for each in caught]
    ['TensorBoard: the disk: it is full. Training goes on without it.']
    """

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.failed: set[str] = set()

    @contextmanager
    def attempt(self, subject: str, *errors: type[Exception]) -> Iterator[None]:
        """Run a block; a failure (`OSError` unless told) is a warning, the first time.

        Args:
            subject: what the block is about, as the warning names it.
            errors: the exceptions that count as failures.
        """
        failures = errors or (OSError,)
        try:
            yield
        except failures as error:
            self.warn(subject, f"{error or type(error).__name__}. Training goes on without it.")

    def warn(self, subject: str, text: str) -> None:
        """Warn of a subject, once."""
        if subject not in self.failed:
            self.failed.add(subject)
            warnings.warn(f"{self.owner}: {subject}: {text}", KohortWarning, stacklevel=2)
