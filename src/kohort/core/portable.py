"""Whether a program is traced for other engines: then in the forms that all of them know."""

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
    _local.on = True
    try:
        yield
    finally:
        _local.on = before


def is_portable() -> bool:
    """Whether a portable program is being traced."""
    return getattr(_local, "on", False)
