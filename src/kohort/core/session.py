"""`clear_session`: forget names and compiled programs."""

from __future__ import annotations

import gc
from collections.abc import Callable

from kohort.core import dtypes, naming

_on_clear: list[Callable[[], None]] = []


def on_clear(action: Callable[[], None]) -> Callable[[], None]:
    """Register something to forget when a session is cleared."""
    _on_clear.append(action)
    return action


def clear_session(free_memory: bool = True) -> None:
    """Start names at zero again, drop compiled programs, and free memory."""
    naming.reset_names()
    dtypes.reset_dtype_policy()
    for action in _on_clear:
        action()
    if free_memory:
        gc.collect()
