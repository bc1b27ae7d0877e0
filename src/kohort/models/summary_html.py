"""`model.summary()` as an HTML table, which notebooks show for a model."""

from __future__ import annotations

from html import escape
from typing import Any

from kohort.models.summary import (
    is_chain,
    layer_rows,
    readable_memory_size,
    totals,
)

_LEFT = ' style="text-align:left"'


def html_summary(model: Any) -> str:
    """The layers with shapes, parameters and connections, and the totals.

    >>> from kohort import layers, models
    >>> html = html_summary(models.Sequential([layers.Input((3,)), layers.Dense(2, name="a<b")]))
    >>> "<td>a&lt;b (Dense)</td>" in html, "<b>8</b> parameters" in html
    (True, True)
    """
    chain = is_chain(model)
    titles = ["Layer (type)", "Output shape", "Parameters", *([] if chain else ["Connected to"])]
    lines = [f"<p><b>{escape(type(model).__name__)}</b> “{escape(model.name)}”</p>", "<table>"]
    lines.append("<tr>" + "".join(f"<th{_LEFT}>{title}</th>" for title in titles) + "</tr>")
    for row in layer_rows(model):
        shape = "?" if row.shape is None else str(row.shape)
        params = "not built" if row.params is None else f"{row.params:,}"
        links = ", ".join(name for name, _, _ in row.connections)
        cells = [f"{row.name} ({row.kind})", shape, params, *([] if chain else [links])]
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    found = totals(model)
    (count, size), (trained, _) = found.total, found.trainable
    lines.append("</table>")
    lines.append(
        f"<p><b>{count:,}</b> parameters ({readable_memory_size(size)}), {trained:,} trainable</p>"
    )
    return "\n".join(lines)
