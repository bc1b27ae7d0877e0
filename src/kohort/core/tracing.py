"""For what a program is traced, where that decides the form of its operations."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_local = threading.local()


@contextlib.contextmanager
def _within(name: str) -> Iterator[None]:
    before = getattr(_local, name, False)
    setattr(_local, name, True)
    try:
        yield
    finally:
        setattr(_local, name, before)


def portable() -> contextlib.AbstractContextManager[None]:
    """Trace one form for all platforms: no forms that are faster on this one alone.

    >>> with portable():
    ...     is_portable()
    True
    """
    return _within("portable")


def is_portable() -> bool:
    """Whether a program for other engines is being traced: in the forms that all of them know."""
    return getattr(_local, "portable", False)


def together() -> contextlib.AbstractContextManager[None]:
    """Trace what `jax.vmap` will give a member axis, weights included.

    >>> with together():
    ...     is_together()
    True
    """
    return _within("together")


def is_together() -> bool:
    """Whether the weights will have a member axis: some operations are slow then."""
    return getattr(_local, "together", False)
