"""The two ways in which a job can fail for a reason that its user can mend."""

from __future__ import annotations

from kohort.errors import with_remedies


class WorkflowError(ValueError):
    """The job cannot go on: the message says the rule, what came, and numbered remedies.

    >>> print(WorkflowError("DATA must hold rows.", "an empty file", "check the file"))
    DATA must hold rows. Received: an empty file.
      1. check the file
    """

    def __init__(self, rule: str, received: str, *remedies: str):
        super().__init__(with_remedies(rule, received, remedies))


class UsageError(WorkflowError):
    """The call itself is incomplete or contradictory (exit code 2 on the command line)."""
