"""Ctrl-C is heard at any moment."""

from __future__ import annotations

import _thread
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def heard() -> Iterator[None]:
    """Where a `KeyboardInterrupt` would be lost, it is raised again a moment later.

    Python drops what is raised in callbacks of the garbage collector and in `__del__`; JAX has
    such a callback, in which an interruption often ends that came while other code was not Python.
    """
    before = sys.unraisablehook

    def again(dropped: Any) -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            later = threading.Timer(0.05, _thread.interrupt_main)  # now it would be dropped, too
            later.daemon = True
            later.start()
        else:
            before(dropped)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before
