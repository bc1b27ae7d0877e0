"""Fields that most layers share: activations, initialisers, regularisers, constraints."""

from __future__ import annotations

from typing import Any

from kohort import activations, constraints, initializers, regularizers
from kohort.core.component import field


def activation(default: Any = None) -> Any:
    """A field for an activation: a name, a function or None."""
    return field(default, convert=activations.get, serialize=activations.serialize)


def initializer(default: Any) -> Any:
    """A field for an initialiser: a name, an object or a function."""
    return field(default, convert=initializers.get)


def regularizer(config: bool = True) -> Any:
    """A field for a regulariser; None by default."""
    return field(None, convert=regularizers.get, config=config)


def constraint() -> Any:
    """A field for a constraint; None by default."""
    return field(None, convert=constraints.get)


def positive_int(default: Any = ..., name: str = "units") -> Any:
    """A field for a size that must be a positive whole number."""

    def check(key: str, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise ValueError(
                f"Received an invalid value for `{key}`, expected a positive integer. "
                f"Received: {key}={value}"
            )

    return field(check=check) if default is ... else field(default, check=check)
