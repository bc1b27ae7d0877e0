"""`model.summary()`: a table of the layers, their shapes and parameters, and the totals."""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from kohort.core import settings, tree
from kohort.layers import Layer
from kohort.models.functional import Functional
from kohort.utils.printing import print_msg

_BLUE, _GREEN, _CYAN, _RED = 33, 34, 45, 9
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


@dataclass
class Row:
    """What the table says about a layer. `shape` is a structure of tuples, or None."""

    name: str
    kind: str
    shape: Any
    params: int | None
    connections: list[tuple[str, int, int]]
    trainable: bool | None


@dataclass
class Totals:
    """(number of scalars, bytes) of the parts; `optimizer` is None where it is not built."""

    trainable: tuple[int, float]
    non_trainable: tuple[int, float]
    optimizer: tuple[int, float] | None

    @property
    def total(self) -> tuple[int, float]:
        """All parts together."""
        parts = [self.trainable, self.non_trainable, self.optimizer or (0, 0.0)]
        return sum(p[0] for p in parts), sum(p[1] for p in parts)


# ---- what there is to say


def layer_rows(
    model: Any, expand_nested: bool = False, layer_range: Sequence[str] | None = None
) -> list[Row]:
    """The rows of the table.

    >>> from kohort import layers, models
    >>> rows = layer_rows(models.Sequential([layers.Input((3,)), layers.Dense(2, name="out")]))
    >>> rows[0].name, rows[0].shape, rows[0].params
    ('out', (None, 2), 8)
    """
    items = model.operations if isinstance(model, Functional) else model.layers
    first, stop = layer_bounds(items, layer_range)
    nodes = None if is_chain(model) else model._graph.nodes
    return [row for item in items[first:stop] for row in _rows(item, nodes, expand_nested, 0)]


def _rows(item: Any, nodes: Any, expand_nested: bool, level: int) -> Iterator[Row]:
    prefix = "   " * level + "└ " if level else ""
    built = getattr(item, "built", True)
    params = (item.count_params() if isinstance(item, Layer) else 0) if built else None
    weights = getattr(item, "weights", [])
    trainable = bool(item.trainable) if weights else None
    links = _connections(item, nodes) if nodes is not None else []
    yield Row(prefix + item.name, class_name(item), _output_shape(item), params, links, trainable)
    if expand_nested:
        for child in getattr(item, "layers", None) or []:
            yield from _rows(child, nodes, expand_nested, level + 1)


def class_name(item: Any) -> str:
    if isinstance(item, Layer):
        return type(item).__name__
    from kohort.ops import keras_names

    return keras_names.keras_class_of(item.function.__name__)[1]


def _output_shape(item: Any) -> Any:
    """The shape of the last call's outputs, else what `build` was told leads to."""
    nodes = item._inbound_nodes
    if nodes:
        shapes = tree.flatten(
            tree.map_structure(lambda x: _Shape(x.shape), nodes[-1].output_tensors)
        )
        return shapes[0].dims if len(shapes) == 1 else [s.dims for s in shapes]
    shapes = item.__dict__.get("_build_shapes")
    if not shapes:
        return None
    try:
        if hasattr(item, "output_shape") and tree.is_shape(item.output_shape):
            return item.output_shape
        shapes = shapes.get("shapes_dict", shapes)
        return item.compute_output_shape(*shapes.values())
    except Exception:
        return None


@dataclass(frozen=True)
class _Shape:
    dims: tuple[int | None, ...]


def _connections(item: Any, nodes: Any) -> list[tuple[str, int, int]]:
    return [
        (
            x._keras_history.operation.name,
            x._keras_history.node_index,
            x._keras_history.tensor_index,
        )
        for node in item._inbound_nodes
        if node in nodes
        for x in node.input_tensors
    ]


def is_chain(model: Any) -> bool:
    """Whether each layer just follows the one before, so that connections need no column."""
    if not isinstance(model, Functional):
        return True
    levels = list(model._graph.nodes_by_depth.values())
    if any(len(nodes) > 1 or len(nodes[0].input_tensors) > 1 for nodes in levels):
        return False
    inside = {node for nodes in levels for node in nodes}
    return all(sum(n in inside for n in layer._inbound_nodes) <= 1 for layer in model.layers)


def layer_bounds(items: Sequence[Any], layer_range: Sequence[str] | None) -> tuple[int, int]:
    """First position and the one after the last, from two names (or patterns)."""
    if layer_range is None:
        return 0, len(items)
    if len(layer_range) != 2:
        raise ValueError(
            "layer_range must be a list or tuple of length 2. Received: "
            f"layer_range = {layer_range} of length {len(layer_range)}"
        )
    if not all(isinstance(name, str) for name in layer_range):
        raise ValueError(f"layer_range should contain string type only. Received: {layer_range}")
    lower, upper = (
        [i for i, item in enumerate(items) if re.match(name, item.name)] for name in layer_range
    )
    if not lower or not upper:
        raise ValueError(
            f"Passed layer_names do not match the layer names in the model. Received: {layer_range}"
        )
    if min(lower) > max(upper):
        return min(upper), max(lower) + 1
    return min(lower), max(upper) + 1


def totals(model: Any) -> Totals:
    """How many parameters of which kind, and their bytes."""
    optimizer = getattr(model, "optimizer", None)
    return Totals(
        _size(model.trainable_weights),
        _size(model.non_trainable_weights),
        _size(optimizer.variables) if model.compiled and optimizer and optimizer.built else None,
    )


def _size(variables: Sequence[Any]) -> tuple[int, float]:
    unique = {id(v): v for v in variables}.values()
    count = sum(math.prod(v.shape) for v in variables)
    return count, float(sum(math.prod(v.shape) * _bytes(v.dtype) for v in unique))


def _bytes(dtype: str) -> float:
    return 0.5 if dtype in ("int4", "uint4") else jnp.dtype(dtype).itemsize


def readable_memory_size(size: float) -> str:
    """Bytes in a fitting unit.

    >>> readable_memory_size(28), readable_memory_size(4096)
    ('28.00 B', '4.00 KB')
    """
    unit = 0
    while size >= 1024:
        size, unit = size / 1024, unit + 1
        if unit == len(_UNITS):
            unit -= 1
            break
    return f"{size:.2f} {_UNITS[unit]}"


# ---- how it is said


def print_summary(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], None] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print the table of a model.

    Args:
        model: the model.
        line_length: the width of the table.
        positions: where each column ends, as parts of the width.
        print_fn: gets the text instead of the terminal.
        expand_nested: whether models inside are listed layer by layer.
        show_trainable: whether a column says which layers are trained.
        layer_range: the first and the last layer to list, by name or pattern.
    """
    rows = layer_rows(model, expand_nested, layer_range)
    table = _table(rows, is_chain(model), line_length, positions, show_trainable)
    if print_fn is None and not settings.is_interactive_logging_enabled():
        print_fn = print_msg
    from rich.console import Console

    if print_fn is None:
        _print(Console(highlight=False), model, table)
        return
    console = Console(highlight=False, force_terminal=False, color_system=None)
    with console.capture() as capture:
        _print(console, model, table)
    if print_fn is print_msg:
        print_msg(capture.get(), line_break=False)
    else:
        print_fn(capture.get())


def _table(
    rows: Sequence[Row],
    chain: bool,
    line_length: int | None,
    positions: Sequence[float] | None,
    show_trainable: bool,
) -> Any:
    from rich.table import Column, Table

    titles = [("Layer (type)", "left"), ("Output Shape", "left"), ("Param #", "right")]
    width, ends = 88, list(positions or [0.45, 0.80, 1.0])
    if not chain:
        titles.append(("Connected to", "left"))
        width, ends = 108, list(positions or [0.3, 0.56, 0.74, 1.0])
    if show_trainable:
        titles.append(("Trainable", "center"))
        width, ends = width + 12, [p * 0.90 for p in ends] + [1.0]
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)
    columns: list[Any] = []
    start = 0
    for (title, justify), end in zip(titles, ends, strict=False):
        if int(end * width) - start < 4:
            raise ValueError("Insufficient console width to print summary.")
        columns.append(Column(title, justify=justify, width=int(end * width) - start))  # type: ignore[arg-type]
        start = int(end * width)
    table = Table(*columns, width=width, show_lines=True)
    for row in rows:
        table.add_row(*_cells(row, chain, show_trainable))
    return table


def _cells(row: Row, chain: bool, show_trainable: bool) -> list[str]:
    from rich.markup import escape

    name = f"{escape(row.name)} ({_color(escape(row.kind), _BLUE)})"
    params = (
        _color(f"{row.params:,}", _GREEN)
        if row.params is not None
        else (f"{_color(0, _GREEN)} (unbuilt)")
    )
    cells = [name, _shape_text(row.shape), params]
    if not chain:
        links = [
            f"{escape(n)}[{_color(node, _GREEN)}][{_color(tensor, _GREEN)}]"
            for n, node, tensor in row.connections
        ]
        cells.append(", ".join(links) or "-")
    if show_trainable:
        flags = {True: f"[bold]{_color('Y', _GREEN)}[/]", False: f"[bold]{_color('N', _RED)}[/]"}
        cells.append("[bold]-[/]" if row.trainable is None else flags[row.trainable])
    return cells


def _color(text: Any, number: int) -> str:
    return f"[color({number})]{text}[/]"


def _shape_text(shape: Any) -> str:
    if shape is None:
        return "?"
    if tree.is_shape(shape) or shape == ():
        return f"({', '.join(_color(d, _CYAN if d is None else _GREEN) for d in shape)})"
    if isinstance(shape, dict):
        return "{" + ", ".join(f"{k}: {_shape_text(v)}" for k, v in shape.items()) + "}"
    inner = ", ".join(_shape_text(s) for s in shape)
    return f"[{inner}]" if isinstance(shape, list) else f"({inner})"


def _print(console: Any, model: Any, table: Any) -> None:
    from rich.markup import escape

    console.print(f'[bold]Model: "{escape(model.name)}"[/]')
    console.print(table)
    found = totals(model)
    lines = [
        ("Total params", found.total),
        ("Trainable params", found.trainable),
        ("Non-trainable params", found.non_trainable),
    ]
    if found.optimizer is not None:
        lines.append(("Optimizer params", found.optimizer))
    for title, (count, size) in lines:
        console.print(
            f"[bold] {title}: [/]{_color(f'{count:,}', _GREEN)} ({readable_memory_size(size)})"
        )
