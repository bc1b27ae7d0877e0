"""The host part of a model: the layers in front that turn raw rows into numbers.

Strings cannot be traced. The calls of the graph that must run on the host (lookups of strings,
hashes, texts) are run on the raw rows before the compiled program sees them; the program then
starts from what they gave. So a saved model takes raw rows.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from kohort.core import tree
from kohort.core.graph import Graph
from kohort.core.host import PREPARED, is_prepared, to_host
from kohort.core.symbolic import Node
from kohort.layers.preprocessing.host import HostLayer
from kohort.layers.preprocessing.lookups import IntegerLookup
from kohort.models.adapting import is_adaptable


class HostPart:
    """The calls of a graph that run on the host, and the tensors that the rest starts from.

    Args:
        graph: the model's graph.
        adapting: whether layers that learn by `adapt` belong to it although they could be traced:
            members of a cohort, which share a program, learn from different rows.
    """

    def __init__(self, graph: Graph, adapting: bool = False):
        self.graph, self.adapting = graph, adapting
        self.nodes = self._host_nodes()
        made = {id(x) for x in graph.inputs}
        made |= {id(x) for node in self.nodes for x in node.output_tensors}
        rest = [n for n in self._in_order() if n not in self.nodes]
        used = [x for n in rest for x in n.input_tensors] + graph.outputs
        self.cut: list[Any] = list({id(x): x for x in used if id(x) in made}.values())

    def _in_order(self) -> list[Node]:
        nodes = (n for level in self.graph.nodes_by_depth.values() for n in level)
        return [n for n in nodes if not n.is_input]

    def _host_nodes(self) -> list[Node]:
        order = self._in_order()
        wanted: set[Node] = set()
        for node in reversed(order):  # what a call of the host needs is of the host too
            if node in wanted or self._wants(node):
                wanted |= {node, *(p for p in node.parents if not p.is_input)}
        free = [n for n in order if n in wanted]
        trained = {n for n in free if getattr(n.operation, "weights", None)}
        for node in trained:
            if any(x.dtype == "string" for x in node.input_tensors):
                raise ValueError(
                    "A layer that takes strings runs on the host, where nothing is trained. "
                    f"Received: layer '{node.operation.name}' with weights and string inputs.\n"
                    "  1. Call the layers that take strings in the outer model.\n"
                    "  2. Or map the strings to numbers before `fit`."
                )
        return [n for n in free if not (trained & {n, *_ancestors(n)})]

    def _wants(self, node: Node) -> bool:
        operation = node.operation
        if any(x.dtype == "string" for x in node.input_tensors):
            return True
        if self.adapting and is_adaptable(operation) and not operation.weights:
            return True
        return isinstance(operation, HostLayer) and not (
            isinstance(operation, IntegerLookup) and operation.oov_method == "floormod"
        )

    def __call__(self, flat: list[Any]) -> dict[str, np.ndarray]:
        """What the program starts from, for these inputs in the graph's order."""
        values = {id(x): v for x, v in zip(self.graph.inputs, flat, strict=True)}

        def fill(x: Any) -> Any:
            return values.get(id(x), x)

        for node in self.nodes:
            args = tree.map_structure(fill, node.args)
            kwargs = tree.map_structure(fill, node.kwargs)
            outputs = _run(node.operation, args, kwargs)
            values |= {
                id(x): v for x, v in zip(node.output_tensors, tree.flatten(outputs), strict=True)
            }
        found = {self._key(i): np.asarray(values[id(x)]) for i, x in enumerate(self.cut)}
        if any(v.dtype == object for v in found.values()):
            raise ValueError(
                "Strings cannot go into or out of a compiled program. Received: a model that "
                "gives strings on. Call the layer that makes strings on what `predict` returns."
            )
        return found

    def _key(self, number: int) -> str:
        return f"{PREPARED[self.adapting]}{number:03}"

    def values(self, prepared: dict[str, Any]) -> dict[int, Any]:
        """`id(tensor) -> array`, where a run of the rest of the graph starts."""
        return {id(x): prepared[self._key(i)] for i, x in enumerate(self.cut)}


def _run(operation: Any, args: tuple, kwargs: dict) -> Any:
    if isinstance(operation, HostLayer):
        return operation.on_host(*args, **kwargs)
    return operation(*args, **kwargs)


def _ancestors(node: Node) -> set[Node]:
    found: set[Node] = set()
    stack = list(node.parents)
    while stack:
        parent = stack.pop()
        if parent not in found:
            found.add(parent)
            stack += parent.parents
    return found


def part_of(graph: Graph, adapting: bool = False) -> HostPart:
    """The host part of a graph, found once."""
    parts = graph.__dict__.setdefault("_host_parts", {})
    if adapting not in parts:
        parts[adapting] = HostPart(graph, adapting)
    return parts[adapting]


def started(graph: Graph, prepared: dict[str, Any]) -> dict[int, Any]:
    """The values from which a run of the rest of the graph starts."""
    adapting = any(key.startswith(PREPARED[True]) for key in prepared)
    return part_of(graph, adapting).values(prepared)


def prepare(model: Any, x: Any, adapting: bool = False) -> Any:
    """Raw rows as the compiled program takes them; as they are where there is no host part.

    Raises:
        ValueError: where strings would reach the program.
    """
    if x is None or is_prepared(x):
        return x
    functional = _graph_model(model, x)
    if functional is not None and part_of(functional._graph, adapting).nodes:
        flat = functional._standardize_inputs(tree.map_structure(_rows, x), warn=False)
        return part_of(functional._graph, adapting)(
            [np.asarray(v) if isinstance(v, jax.Array) else v for v in flat]
        )
    if any(_is_text(v) for v in tree.flatten(x)):
        raise ValueError(
            "Strings cannot go into a compiled program. Received: text rows for a model that is "
            "not made of layers in a known order, or has no layer for them.\n"
            "  1. Build the model with the functional API (or Sequential), its input with "
            "dtype='string', and put a TextVectorization, StringLookup or Hashing first.\n"
            "  2. Or map the rows first: model.fit(vectorize(texts), y)."
        )
    return x


def has_host_part(model: Any, adapting: bool = False) -> bool:
    """Whether a (built) model has layers that run on the host."""
    functional = _graph_model(model, None)
    return functional is not None and bool(part_of(functional._graph, adapting).nodes)


def _graph_model(model: Any, x: Any) -> Any:
    """The functional model behind a Sequential or functional one; None for others."""
    from kohort.models.functional import Functional
    from kohort.models.sequential import Sequential

    if isinstance(model, Sequential):
        first = next(iter(model.layers), None)
        if model._tail is None and isinstance(first, HostLayer) and hasattr(x, "shape"):
            model.build((None, *x.shape[1:]))
        return model._as_functional()
    plain = isinstance(model, Functional) and type(model).call is Functional.call
    return model if plain else None


def _is_text(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "OSU" and x.size > 0


def _rows(x: Any) -> Any:
    return to_host(x) if _is_text(x) else x
