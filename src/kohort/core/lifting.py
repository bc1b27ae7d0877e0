"""Writes to variables inside JAX's loops and branches, carried out as values.

A function that `jax.lax.scan` traces may assign to a Variable (a seed, a moving mean). The
assigned array lives in the trace, so it has to leave it as one more output, and to enter the
next iteration as one more input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from kohort.core import frame as frames
from kohort.core import tree
from kohort.core.variable import Variable, autocast


class Called(NamedTuple):
    """What a call gave: the variables' new arrays, the outputs, the losses added."""

    values: list[Any]
    outputs: Any
    losses: list[Any]


class Lift:
    """Variables that a transformation takes through as arrays."""

    def __init__(self) -> None:
        self.variables: dict[Variable, None] = {}
        self.missed: dict[Variable, None] = {}

    def values(self) -> list[Any]:
        """The arrays that the variables hold before."""
        with autocast(None):
            return [variable.value for variable in self.variables]

    def call(self, values: list[Any], function: Callable[..., Any], *args: Any) -> Called:
        """Call `function` with the variables at `values`."""
        with frames.Frame(dict(zip(self.variables, values, strict=True))) as frame:
            outputs = arrays(function(*args))
        self.missed |= {v: None for v in frame.updates if v not in self.variables}
        return Called([frame.values[v] for v in self.variables], outputs, frame.losses)


def lifted(transformation: Callable[[Lift], tuple[list[Any], Any]]) -> Any:
    """Return the result of `transformation(lift) -> (values, result)`, and assign the values.

    It is done again where it wrote to variables that were not known before.

    >>> total = Variable(0)
    >>> def run(lift):
    ...     def body(i, values):
    ...         return lift.call(values, lambda: total.assign_add(i)).values
    ...     return jax.lax.fori_loop(0, 4, body, lift.values()), None
    >>> lifted(run); int(total.value)
    6
    """
    lift = Lift()
    values, result = transformation(lift)
    while lift.missed:
        lift.variables |= lift.missed
        lift.missed = {}
        values, result = transformation(lift)
    for variable, value in zip(lift.variables, values, strict=True):
        variable.assign(value)
    return result


def rematerialized(
    function: Callable[..., Any], add_loss: Callable[[Any], None] | None = None
) -> Callable[..., Any]:
    """`function`, computed again in the backward pass instead of keeping its inner values.

    What it assigns to variables comes out of it; `add_loss` gets the losses that it adds.
    """

    def again(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = jax.tree.flatten((args, kwargs))
        inputs = {i: leaf for i, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)}

        def run(lift: Lift) -> tuple[list[Any], Any]:
            def call(values: list[Any], given: dict[int, Any]) -> Called:
                filled = [given.get(i, leaf) for i, leaf in enumerate(leaves)]
                args, kwargs = jax.tree.unflatten(structure, filled)
                return lift.call(values, lambda: function(*args, **kwargs))

            called = jax.checkpoint(call)(lift.values(), inputs)
            return called.values, called

        called = lifted(run)
        if add_loss is not None:
            for loss in called.losses:
                add_loss(loss)
        return called.outputs

    return again


def arrays(structure: Any) -> Any:
    """Variables by their arrays, wherever they are in a structure."""
    return tree.map_structure(lambda x: x.value if isinstance(x, Variable) else x, structure)
