"""A model's graph in the DOT language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from kohort.utils.model_drawing_graph import Box, Drawing


class Dot:
    """DOT source, with the part of `pydot.Dot`'s interface that needs no Graphviz.

    >>> print(Dot("digraph G {}").to_string())
    digraph G {}
    """

    def __init__(self, source: str):
        self._source = source

    def to_string(self) -> str:
        """The source."""
        return self._source

    def write(self, path: str | Path, format: str = "raw") -> bool:
        """Write the source to a file (`format` "raw" or "dot": pictures need `plot_model`)."""
        if format not in ("raw", "dot"):
            raise ValueError(
                "Without pydot and Graphviz only DOT source can be written here. "
                f"Received: format={format!r}. Draw with `keras.utils.plot_model`."
            )
        Path(path).write_text(self._source, encoding="utf-8")
        return True

    def __str__(self) -> str:
        return self._source


def dot_source(
    drawing: Drawing, rankdir: str, dpi: int, splines: str, subgraph: bool = False
) -> str:
    """The source of a drawing; with `subgraph` only the dashed cluster of a nested model."""
    if subgraph:
        return "\n".join(_cluster(drawing))
    head = [
        "digraph G {",
        f"rankdir={rankdir};",
        "concentrate=True;",
        f"dpi={dpi};",
        f"splines={splines};",
        "node [shape=record];",
    ]
    return "\n".join([*head, *_body(drawing), "}"]) + "\n"


def _cluster(drawing: Drawing) -> Iterator[str]:
    yield f"subgraph {drawing.key} {{"
    yield "style=dashed;"
    yield f'label="{_quoted(drawing.name)}";'
    yield "labeljust=l;"
    yield from _body(drawing)
    yield "}"


def _body(drawing: Drawing) -> Iterator[str]:
    for child in drawing.children:
        if isinstance(child, Drawing):
            yield from _cluster(child)
        else:
            yield f"{child.key} [fontname=Helvetica, border=0, margin=0, label=<{_table(child)}>];"
    for source, target in drawing.edges:
        yield f"{source} -> {target} [penwidth=2];"


def _table(box: Box) -> str:
    """The box as a table in Graphviz's HTML, as Keras draws it."""
    span = max(1, len(box.cells))
    title = f"<b>{escape(box.kind)}</b>"
    if box.name is not None:
        title = f"<b>{escape(box.name)}</b> ({escape(box.kind)})"
    rows = [
        f'<tr><td colspan="{span}" bgcolor="black"><font point-size="16" color="white">'
        f"{title}</font></td></tr>"
    ]
    if box.activation is not None:
        rows.append(
            f'<tr><td bgcolor="white" colspan="{span}"><font point-size="14">'
            f"Activation: <b>{escape(box.activation)}</b></font></td></tr>"
        )
    cells = [
        f'<td bgcolor="{cell.color}"><font point-size="14" color="white">'
        f"<b>{cell.value}</b></font></td>"
        if cell.color
        else f'<td bgcolor="white"><font point-size="14">{cell.name}: '
        f"<b>{escape(cell.value)}</b></font></td>"
        for cell in box.cells
    ]
    if cells:
        rows.append(f"<tr>{''.join(cells)}</tr>")
    table = '<table border="0" cellborder="1" bgcolor="black" cellpadding="10">'
    return f"{table}{''.join(rows)}</table>"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
