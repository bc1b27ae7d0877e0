"""The tree of objects that hold state, as Keras's files name it.

A group's path is the path of attributes that leads to the object: public attributes come
first, then private ones, each in alphabetical order; `layers/<class name>` inside lists.
Where the attributes of a base class are plumbing, `add_family` leaves them out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kohort.core.naming import to_snake_case
from kohort.core.symbolic import Operation
from kohort.layers import Layer
from kohort.losses import Loss
from kohort.metrics import Metric
from kohort.optimizers import Optimizer

SAVEABLE = (Operation, Metric, Optimizer, Loss)
CONTAINER = (list, tuple, Mapping)


@dataclass(frozen=True)
class _Family:
    base: type
    plumbing: Callable[[], Collection[str]]
    keep: frozenset[str]
    first: tuple[str, ...]

    @functools.cached_property
    def skip(self) -> frozenset[str]:
        """The names that the walk over all attributes leaves out."""
        return frozenset(self.plumbing()) - self.keep | frozenset(self.first)


_families: list[_Family] = []


def add_family(
    base: type,
    plumbing: Callable[[], Collection[str]],
    keep: Collection[str] = (),
    first: Collection[str] = (),
) -> None:
    """Say which attributes of a base class (and of all its subclasses) hold no state.

    Args:
        base: the class.
        plumbing: gives the names to leave out; called once, when first needed.
        keep: names of those that hold state all the same.
        first: names that are walked before all others.
    """
    _families.insert(0, _Family(base, plumbing, frozenset(keep), tuple(first)))


def _family_of(obj: Any) -> tuple[tuple[str, ...], frozenset[str]]:
    """(names walked first, names left out) for an object."""
    found = next((family for family in _families if isinstance(obj, family.base)), None)
    return (found.first, found.skip) if found is not None else ((), frozenset())


def is_saveable(obj: Any) -> bool:
    """Whether an object may have a group of its own in a file."""
    return isinstance(obj, SAVEABLE)


def children(obj: Any) -> Iterator[tuple[str, Any]]:
    """The saveable objects and containers in the attributes, with their names."""
    first, skip = _family_of(obj)
    for name in first:
        yield name, getattr(obj, name)
    for name in sorted(dir(obj), key=_public_first):
        if name.startswith("__") or name in skip:
            continue
        try:
            child = getattr(obj, name)
        except Exception:
            continue
        if is_saveable(child) or isinstance(child, CONTAINER):
            yield name, child


def _public_first(name: str) -> str:
    return f"~{name}" if name.startswith("_") else name


def items(container: Any) -> Iterator[tuple[str, Any]]:
    """The saveable objects and containers in a list, tuple or dict, with their keys.

    The key is the class name in snake case with a counter, since layer names differ from
    one instance of a model to the next.
    """
    counts: dict[str, int] = {}
    for item in container.values() if isinstance(container, Mapping) else container:
        if is_saveable(item):
            key = to_snake_case(type(item).__name__)
        elif isinstance(item, CONTAINER):
            key = "container"
        else:
            continue
        count = counts[key] = counts.get(key, -1) + 1
        yield f"{key}_{count}" if count else key, item


def join(path: str, name: str) -> str:
    """A path one step longer."""
    return f"{path}/{name}" if path else name


_LATE = {"_losses", "_build_shapes", "_added_metrics", "_runtime", "_born_trainable_set",
         "_initial_weights", "_input_shape_arg", "_init_args", "_inbound_nodes"}  # fmt: skip

add_family(Operation, lambda: dir(Operation) + list(_LATE))
add_family(Layer, lambda: dir(Layer(name="reference")) + list(_LATE))
add_family(Loss, lambda: dir(Loss(name="reference")))
add_family(Metric, lambda: dir(Metric(name="reference")))
add_family(
    Optimizer,
    lambda: [*dir(Optimizer(0.0, name="reference")), "_slots"],
)
