"""Scopes of Keras's public API: stateless, symbolic, device."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.frame import Frame
from kohort.core.variable import Variable

_local = threading.local()


class StatelessScope(Frame):
    """Keras's name for a Frame: variables read and write into the scope, not themselves.

    Args:
        state_mapping: (variable, value) pairs.
        collect_losses: kept for Keras's sake; losses are always collected.

    >>> v = Variable(1.0)
    >>> with StatelessScope([(v, 2.0)]) as scope:
    ...     _ = v.assign(v + 1)
    >>> float(scope.get_current_value(v)), float(v)
    (3.0, 1.0)
    """

    def __init__(
        self,
        state_mapping: Any = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ):
        values = {}
        for pair in state_mapping or ():
            variable, value = pair
            if not isinstance(variable, Variable):
                raise ValueError(
                    "Invalid reference variable in StatelessScope: all keys in argument `mapping` "
                    f"must be Variable instances. Received instead: {variable}"
                )
            array = jnp.asarray(
                value.value if isinstance(value, Variable) else value, variable.dtype
            )
            if array.shape != variable.shape:
                raise ValueError(
                    "Invalid variable value in StatelessScope: all values in argument `mapping` "
                    "must be tensors with a shape that matches the corresponding variable shape. "
                    f"For variable {variable}, received invalid value {value} with shape "
                    f"{array.shape}"
                )
            values[variable] = array
        super().__init__(values)
        self.collect_losses = collect_losses

    def get_current_value(self, variable: Variable) -> Any:
        """The value of the variable in this scope, or None."""
        return self.values.get(variable)


class SymbolicScope:
    """Marks that code runs on symbolic tensors (kept for Keras's sake)."""

    def __enter__(self) -> SymbolicScope:
        return self

    def __exit__(self, *exc: object) -> None:
        return None


@contextmanager
def device(device_name: str | jax.Device) -> Iterator[None]:
    """Place new arrays on a device: `"cpu:0"`, `"gpu:1"`, or one of JAX's."""
    if isinstance(device_name, str):
        kind, _, number = device_name.lower().partition(":")
        place = jax.devices(kind)[int(number or 0)]
    elif isinstance(device_name, jax.Device):
        place = device_name
    else:
        raise ValueError(
            "Invalid value for argument `device_name`. Expected a string like 'gpu:0' or a "
            f"`jax.Device` instance. Received: device_name='{device_name}'"
        )
    with jax.default_device(place):
        yield
