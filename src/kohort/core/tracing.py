"""For what a program is traced, where that decides the form of its operations."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_local = threading.local()


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """Trace one form for all platforms: no forms that are faster on this one alone.

    >>> with portable():
    ...     is_portable()
    True
    """
    before = is_portable()
    _local.portable = True
    try:
        yield
    finally:
        _local.portable = before


def is_portable() -> bool:
    """Whether a program for other engines is being traced: in the forms that all of them know."""
    return getattr(_local, "portable", False)
