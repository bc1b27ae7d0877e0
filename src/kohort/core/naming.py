"""Names: snake case, global counters (`dense`, `dense_1`), and the stack of name scopes."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

_counters: dict[str, int] = defaultdict(int)
_local = threading.local()


def to_snake_case(name: str) -> str:
    """Return a class name in snake case.

    >>> to_snake_case("MaxPooling2D"), to_snake_case("Conv2DTranspose")
    ('max_pooling2d', 'conv2d_transpose')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """Return `prefix`, then `prefix_1`, …: each name once until `reset_names`."""
    count = _counters[prefix]
    _counters[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def unique_object_name(name: str, prefix: str = "", zero_based: bool = False) -> str:
    """The name of an instance of class `name`: snake case with a global counter."""
    del zero_based
    return auto_name(prefix + to_snake_case(name))


def reset_names() -> None:
    """Start all counters again, as `clear_session` does."""
    _counters.clear()


def _scopes() -> list[tuple[str, object]]:
    if not hasattr(_local, "scopes"):
        _local.scopes = []
    return _local.scopes


@contextmanager
def name_scope(name: str, owner: object = None) -> Iterator[None]:
    """Prefix the paths of variables made inside with `name`.

    A scope that its owner has open already is not opened twice, so that
    `super().build()` inside `build()` gives no doubled path.
    """
    stack = _scopes()
    if owner is not None and stack and stack[-1][1] is owner:
        yield
        return
    stack.append((name, owner))
    try:
        yield
    finally:
        stack.pop()


def current_path() -> str:
    """The open scopes joined by slashes."""
    return "/".join(name for name, _ in _scopes())
