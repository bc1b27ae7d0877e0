"""`model.summary()` as an HTML table, which notebooks show for a model."""

from __future__ import annotations

from typing import Any

from kohort.models.summary import (
    is_chain,
    layer_rows,
    readable_memory_size,
    totals,
)
from kohort.utils.notebook import html_table, html_text


def html_summary(model: Any) -> str:
    """The layers with shapes, parameters and connections, and the totals.

    >>> from kohort import layers, models
    >>> html = html_summary(models.Sequential([layers.Input((3,)), layers.Dense(2, name="a<b")]))
    >>> "a&lt;b (Dense)</td>" in html, "<b>8</b> parameters" in html
    (True, True)
    """
    chain = is_chain(model)
    titles = ["Layer (type)", "Output shape", "Parameters", *([] if chain else ["Connected to"])]
    rows = []
    for row in layer_rows(model):
        shape = "?" if row.shape is None else str(row.shape)
        params = "not built" if row.params is None else row.params
        links = ", ".join(name for name, _, _ in row.connections)
        rows.append([f"{row.name} ({row.kind})", shape, params, *([] if chain else [links])])
    found = totals(model)
    (count, size), (trained, _) = found.total, found.trainable
    sizes = f"parameters ({readable_memory_size(size)}), {trained:,} trainable"
    return "\n".join(
        [
            html_text(f"“{model.name}”", strong=type(model).__name__),
            html_table(titles, rows),
            html_text(sizes, strong=f"{count:,}"),
        ]
    )
