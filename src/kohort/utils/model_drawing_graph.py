"""What a picture of a model shows: a box for each layer, edges between them, nested models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kohort.core import tree
from kohort.core.symbolic import KerasTensor
from kohort.models.functional import Functional
from kohort.models.sequential import Sequential
from kohort.models.summary import class_name


@dataclass(frozen=True)
class Cell:
    """A field of a box's last row; `color` fills it where it says more than its words."""

    name: str
    value: str
    color: str | None = None


@dataclass(frozen=True)
class Show:
    """What a box tells besides the layer's class."""

    shapes: bool = False
    dtype: bool = False
    names: bool = True
    activations: bool = False
    trainable: bool = False


@dataclass
class Box:
    """A layer: its name (None: not shown), class, activation and a row of cells."""

    key: str
    name: str | None
    kind: str
    activation: str | None = None
    cells: list[Cell] = field(default_factory=list)


@dataclass
class Drawing:
    """A model: boxes and drawings of nested models in order, and the edges between the boxes.

    Edges connect `children` of one drawing; each is (key of the first box, key of the second
    box), where the boxes may lie inside nested drawings.
    """

    key: str
    name: str
    children: list[Box | Drawing] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def keys(self) -> Iterator[str]:
        """The keys of all boxes, those of nested drawings too."""
        for child in self.children:
            yield from child.keys() if isinstance(child, Drawing) else (child.key,)


def drawing_of(model: Any, show: Show, expand_nested: bool = False) -> Drawing:
    """Read a model's graph; a subclassed model is one box.

    >>> from kohort import layers, models
    >>> model = models.Sequential([layers.Input((3,)), layers.Dense(2, name="a"),
    ...                            layers.ReLU(name="b")])
    >>> drawing = drawing_of(model, Show(shapes=True))
    >>> [(box.name, box.kind) for box in drawing.children], drawing.edges
    ([('a', 'Dense'), ('b', 'ReLU')], [('n0', 'n1')])
    >>> drawing.children[0].cells[1]
    Cell(name='Output shape', value='(None, 2)', color=None)
    """
    return _Reader(show, expand_nested).drawing(model)


class _Reader:
    def __init__(self, show: Show, expand_nested: bool):
        self.show, self.expand_nested = show, expand_nested
        self.keys: dict[int, str] = {}

    def drawing(self, model: Any) -> Drawing:
        drawing = Drawing(f"cluster_{len(self.keys)}", model.name)
        operations = _operations(model)
        for operation in operations:
            nested = self._expands(operation)
            child = self.drawing(operation) if nested else self._box(operation)
            drawing.children.append(child)
        for edge in self._edges(model, operations):
            if edge not in drawing.edges:  # a shared layer is one box
                drawing.edges.append(edge)
        return drawing

    def _box(self, operation: Any) -> Box:
        key = self.keys.setdefault(id(operation), f"n{len(self.keys)}")
        name = operation.name if self.show.names else None
        activation = getattr(operation, "activation", None) if self.show.activations else None
        said = None if activation is None else _activation_name(activation)
        return Box(key, name, class_name(operation), said, list(_cells(operation, self.show)))

    def _expands(self, operation: Any) -> bool:
        return self.expand_nested and isinstance(operation, (Functional, Sequential))

    def _edges(self, model: Any, operations: list[Any]) -> Iterator[tuple[str, str]]:
        if isinstance(model, Sequential):
            for before, after in zip(operations, operations[1:], strict=False):
                yield self._exit(before, 0), self._entry(after, 0)
        elif isinstance(model, Functional):
            for operation in operations:
                for node in operation._inbound_nodes:
                    if node not in model._graph.nodes:
                        continue
                    for place, x in enumerate(node.input_tensors):
                        source, _, index = x._keras_history
                        yield self._exit(source, index), self._entry(operation, place)

    def _entry(self, operation: Any, place: int) -> str:
        """The box where the input of this place enters."""
        while self._expands(operation):
            if isinstance(operation, Sequential):
                operation = operation.layers[0]
            else:
                operation = operation.inputs[place]._keras_history.operation
        return self.keys[id(operation)]

    def _exit(self, operation: Any, index: int) -> str:
        """The box that gives the output of this number."""
        while self._expands(operation):
            operation, _, index = operation.outputs[index]._keras_history
        return self.keys[id(operation)]


def _operations(model: Any) -> list[Any]:
    if isinstance(model, Sequential):
        return model.layers
    return model.operations if isinstance(model, Functional) else [model]


def _cells(operation: Any, show: Show) -> Iterator[Cell]:
    if show.shapes:
        if type(operation).__name__ != "InputLayer":
            yield Cell("Input shape", _said(operation, "input", "shape"))
        yield Cell("Output shape", _said(operation, "output", "shape"))
    if show.dtype:
        yield Cell("Output dtype", _said(operation, "output", "dtype"))
    if show.trainable and getattr(operation, "weights", None):
        yes = operation.trainable
        text, color = ("Trainable", "forestgreen") if yes else ("Non-trainable", "firebrick")
        yield Cell("", text, color)


def _said(operation: Any, end: str, what: str) -> str:
    """Shape or dtype of the layer's symbolic inputs or outputs; "?" where it has none."""
    try:
        tensors = getattr(operation, end)
    except (ValueError, AttributeError):
        return "?"
    if isinstance(tensors, KerasTensor):
        return str(getattr(tensors, what))
    if isinstance(tensors, dict):
        return ", ".join(f"{name}: {getattr(x, what)}" for name, x in tensors.items())
    parts = [str(getattr(x, what)) for x in tree.flatten(tensors)]
    return parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"


def _activation_name(activation: Any) -> str:
    return str(getattr(activation, "name", None) or getattr(activation, "__name__", activation))
