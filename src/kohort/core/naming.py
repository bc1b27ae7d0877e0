"""Names: snake case, global counters (`dense`, `dense_1`), and the stack of name scopes."""

from __future__ import annotations

import re
import threading
from collections import defaultdict

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


def _scopes() -> list[name_scope]:
    if not hasattr(_local, "scopes"):
        _local.scopes = []
    return _local.scopes


class name_scope:
    """Prefix the paths of variables made inside with `name`; each thread has its own stack.

    Args:
        name: a text without `/`.
        caller: who opens it. A scope that its caller has open already is not opened twice, so
            that `super().build()` inside `build()` gives no doubled path.
        deduplicate: False opens it twice all the same.
        override_parent: a path that takes the place of the scopes outside.

    >>> with name_scope("encoder"):
    ...     current_path()
    'encoder'
    """

    def __init__(
        self,
        name: str,
        caller: object = None,
        deduplicate: bool = True,
        override_parent: str | None = None,
    ):
        check_name(name)
        self.name, self.caller = name, caller
        self.deduplicate, self.override_parent = deduplicate, override_parent
        self._pop_on_exit = False

    def __enter__(self) -> name_scope:
        stack = _scopes()
        mine = self.deduplicate and self.caller is not None and bool(stack)
        if not (mine and stack[-1].caller is self.caller and stack[-1].name == self.name):
            stack.append(self)
            self._pop_on_exit = True
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pop_on_exit:
            _scopes().pop()


def check_name(name: object) -> None:
    """Stop where a name cannot be part of a path."""
    if not isinstance(name, str) or "/" in name:
        raise ValueError(
            "Argument `name` must be a string and cannot contain character `/`. "
            f"Received: name={name}"
        )


def current_path() -> str:
    """The open scopes joined by slashes."""
    parts: list[str] = []
    for scope in _scopes():
        if scope.override_parent is not None:
            parts = [part for part in scope.override_parent.split("/") if part]
        parts.append(scope.name)
    return "/".join(parts)
