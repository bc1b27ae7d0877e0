"""The base of initialisers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kohort.core.component import Component


class Initializer(Component, module="keras.initializers"):
    """Base of initialisers: write `__call__(self, shape, dtype=None)`, which returns the array.

    >>> class Halves(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return Constant(0.5)(shape, dtype)
    >>> from kohort.initializers import Constant
    >>> Halves()((2,))
    Array([0.5, 0.5], dtype=float32)
    """

    def __init__(self) -> None:
        pass  # an initialiser has no name

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Return an array of `shape` and `dtype` (`floatx()` unless told)."""
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def clone(self) -> Initializer:
        """A new initialiser of the same configuration."""
        return type(self).from_config(self.get_config())
