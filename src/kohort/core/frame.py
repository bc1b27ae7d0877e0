"""The Frame: the one ambient object of Kohort.

While a Frame is open, reading a variable or a hyperparameter gives the array that the
Frame holds for it, and assigning to a variable writes into the Frame. So code that looks
imperative (a user's `call`, an optimiser's `assign`) runs as a pure function of arrays:

    with Frame(values) as frame:
        y = model(x)
    return y, frame.updates, frame.losses
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_local = threading.local()


def current() -> Frame | None:
    """The innermost open Frame, or None."""
    return getattr(_local, "frame", None)


def valid_rows() -> Any:
    """Which rows of the batch count: bools `(batch,)`, or None where all do."""
    frame = current()
    return None if frame is None else frame.valid


class Frame:
    """Arrays that stand for variables and hyperparameters, and what was written since.

    Args:
        values: variable -> array, read in place of the variable's own value.
        leaves: (component id, field name) -> scalar array, for hyperparameters.
        valid: `(batch,)` bools, which rows of the batch count, where one is filled up to a common
            size; None where all do.
    """

    def __init__(
        self,
        values: Mapping[Any, Any] | None = None,
        leaves: Mapping[tuple[int, str], Any] | None = None,
        valid: Any = None,
    ):
        self.values = dict(values or {})
        self.leaves = dict(leaves or {})
        self.updates: dict[Any, Any] = {}
        self.losses: list[Any] = []
        self.valid = valid
        self._outer: Frame | None = None

    def __enter__(self) -> Frame:
        self._outer = current()
        if self._outer is not None and not self.leaves:
            self.leaves = self._outer.leaves
        if self._outer is not None and self.valid is None:
            self.valid = self._outer.valid
        _local.frame = self
        return self

    def __exit__(self, *exc: object) -> None:
        _local.frame = self._outer

    def read(self, variable: Any) -> Any:
        """The array that stands for `variable` here or in an outer Frame, or None."""
        frame: Frame | None = self
        while frame is not None:
            if variable in frame.values:
                return frame.values[variable]
            frame = frame._outer
        return None

    def write(self, variable: Any, value: Any) -> None:
        """Keep `value` as the new value of `variable`."""
        self.values[variable] = self.updates[variable] = value

    def leaf(self, owner: object, name: str) -> Any:
        """The array of a hyperparameter, or None where it is a constant."""
        return self.leaves.get((id(owner), name))

    def add_loss(self, loss: Any) -> None:
        """Collect a penalty term."""
        self.losses.append(loss)


@contextmanager
def suspended() -> Iterator[None]:
    """Close all Frames for a while: what is made inside is real, not part of a trace."""
    frame = current()
    _local.frame = None
    try:
        yield
    finally:
        _local.frame = frame
