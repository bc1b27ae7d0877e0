"""The graph of a model as TensorBoard's graph page shows it."""

from __future__ import annotations

import json
from typing import Any

from kohort.core import tree
from kohort.core.graph import Graph
from kohort.monitor.library import message


def graph_def(model: Any) -> Any:
    """Return the layers of a model and the tensors between them as a GraphDef.

    A model inside the model is a scope, which the page can open. Nodes have the class, shapes,
    number of parameters and configuration of a layer. A model whose `call` is code shows its
    layers without connections.
    """
    drawn = _Drawing()
    drawn.model(model, "", [])
    return message("GraphDef", node=drawn.nodes, versions=message("VersionDef", producer=22))


def layer_graph(model: Any) -> Graph | None:
    """The graph between inputs and outputs; None for a model whose `call` is code."""
    if hasattr(model, "_as_functional"):  # a Sequential model
        model = model._as_functional()
    graph = getattr(model, "_graph", None)
    return graph if isinstance(graph, Graph) else None


def keras_json(model: Any) -> str | None:
    """A model's JSON, of which TensorBoard draws the conceptual graph; None where it cannot."""
    if layer_graph(model) is None:
        return None
    text = model.to_json()
    return text if _drawable(json.loads(text)) else None


def _drawable(config: Any) -> bool:
    """Whether all arguments in the graph are tensors: TensorBoard fails at constants."""
    if isinstance(config, list):
        return all(map(_drawable, config))
    if not isinstance(config, dict):
        return True
    arguments = [x for call in config.get("inbound_nodes") or () for x in call.get("args", ())]
    flat = [x for argument in arguments for x in _listed(argument)]
    return all(isinstance(x, dict) for x in flat) and all(map(_drawable, config.values()))


def _listed(argument: Any) -> list[Any]:
    return argument if isinstance(argument, list) else [argument]


class _Drawing:
    """The nodes so far."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.names: set[str] = set()

    def model(self, model: Any, scope: str, inputs: list[str]) -> list[str]:
        """Draw a model that is called on the nodes `inputs`; return the nodes of its outputs."""
        graph = layer_graph(model)
        if graph is None:
            layers = model.layers
            return [self.node(scope + each.name, each, inputs, []) for each in layers] or inputs
        made: dict[int, str] = {}  # the node that a tensor comes from
        if inputs:
            made = {id(x): name for x, name in zip(graph.inputs, inputs, strict=False)}
        for nodes in graph.nodes_by_depth.values():
            for node in nodes:
                sources = [made[id(x)] for x in node.input_tensors if id(x) in made]
                tensors = node.output_tensors
                if all(id(x) in made for x in tensors):  # an input that the outer model feeds
                    continue
                names = self.operation(scope, node.operation, sources, tensors)
                if len(names) != len(tensors):
                    names = names[:1] * len(tensors)
                made |= {id(x): name for x, name in zip(tensors, names, strict=True)}
        return [made[id(x)] for x in graph.outputs]

    def operation(
        self, scope: str, operation: Any, sources: list[str], tensors: list[Any]
    ) -> list[str]:
        """Draw one call of a layer or operation."""
        name = scope + operation.name
        if layer_graph(operation) is not None:
            return self.model(operation, f"{self.unique(name)}/", sources)
        return [self.node(name, operation, sources, tensors)]

    def unique(self, name: str) -> str:
        """The name, with a number where a layer is called again."""
        found, count = name, 0
        while found in self.names:
            count += 1
            found = f"{name}_{count}"
        self.names.add(found)
        return found

    def node(self, name: str, operation: Any, sources: list[str], tensors: list[Any]) -> str:
        """Add a node and return its name."""
        name = self.unique(name)
        shapes = [tuple(x.shape) for x in tree.flatten(tensors) if x is not None]
        kind = type(operation).__name__
        kind = "Placeholder" if kind == "InputLayer" else kind
        attributes = _attributes(operation, shapes)
        self.nodes.append(message("NodeDef", name=name, op=kind, input=sources, attr=attributes))
        return name


def _attributes(operation: Any, shapes: list[tuple[int | None, ...]]) -> dict[str, Any]:
    """What the page shows of a node, and the shapes that it writes along the edges."""
    listed = [message("TensorShapeProto", dim=[_dim(size) for size in shape]) for shape in shapes]
    found = {
        "_output_shapes": message("AttrValue", list=message("AttrValue.ListValue", shape=listed))
    }
    if hasattr(operation, "count_params") and getattr(operation, "built", False):
        found["parameters"] = message("AttrValue", i=operation.count_params())
    try:
        config = json.dumps(operation.get_config(), default=str)
    except NotImplementedError:  # a user's layer
        return found
    return found | {"config": message("AttrValue", s=config.encode())}


def _dim(size: int | None) -> Any:
    return message("TensorShapeProto.Dim", size=-1 if size is None else size)
