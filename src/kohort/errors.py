"""Errors with numbered remedies, and the warnings of Kohort."""

from __future__ import annotations

from collections.abc import Iterable


class KohortWarning(UserWarning):
    """Training may go on, but something is probably not as meant."""


def with_remedies(rule: str, received: str, remedies: Iterable[str]) -> str:
    """Return a message: the rule, what came, and numbered remedies.

    >>> print(with_remedies("Labels must be 0 or 1.", "labels 0 to 9", ["Use Dense(10)."]))
    Labels must be 0 or 1. Received: labels 0 to 9.
      1. Use Dense(10).
    """
    lines = [f"{rule} Received: {received}."]
    lines += [f"  {i}. {text}" for i, text in enumerate(remedies, 1)]
    return "\n".join(lines)


class MissingExtra(ImportError):
    """An optional library is needed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs the package `{package}`, which is not installed. "
            f"Install it with `pip install kohort[{extra}]`."
        )
