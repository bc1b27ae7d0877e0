"""Whether lambdas in files may be loaded: no, unless somebody who trusts the file says so."""

from __future__ import annotations

import threading

_local = threading.local()


class SafeModeScope:
    """Fix `safe_mode` for all that is deserialised inside."""

    def __init__(self, safe_mode: bool | None = True):
        self.safe_mode = safe_mode

    def __enter__(self) -> None:
        self.before = in_safe_mode()
        _local.safe_mode = self.safe_mode

    def __exit__(self, *exc: object) -> None:
        _local.safe_mode = self.before


def in_safe_mode() -> bool | None:
    """The `safe_mode` of the open scope, or None where there is none."""
    return getattr(_local, "safe_mode", None)


def enable_unsafe_deserialization() -> None:
    """Allow lambdas from files in this process. Only for files that you trust."""
    _local.safe_mode = False
