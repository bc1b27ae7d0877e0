"""A history as an HTML table, which notebooks show for what `fit` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np


def history_table(history: Mapping[str, Sequence[Any]]) -> str:
    """First and last value of each metric, its lowest and highest, and their epochs (from 1).

    >>> print(history_table({"loss": [3.0, 1.0, 2.0]}))
    <p>3 epochs</p>
    <table>
    <tr><th></th><th>first</th><th>last</th><th>lowest</th><th>highest</th></tr>
    <tr><td>loss</td><td>3</td><td>2</td><td>1 (epoch 2)</td><td>3 (epoch 1)</td></tr>
    </table>
    """
    count = max(map(len, history.values()), default=0)
    titles = ("", "first", "last", "lowest", "highest")
    lines = [f"<p>{count} epochs</p>", "<table>", _row(titles, "th")]
    for name, values in history.items():
        if any(np.ndim(value) or isinstance(value, str) for value in values):
            continue  # a callback of the user's may log anything
        numbers = np.asarray(values, float)
        if not np.isfinite(numbers).any():
            continue
        low, high = int(np.nanargmin(numbers)), int(np.nanargmax(numbers))
        ends = [f"{numbers[i]:.4g}" for i in (0, -1)]
        extremes = [f"{numbers[i]:.4g} (epoch {i + 1})" for i in (low, high)]
        lines.append(_row([escape(name), *ends, *extremes], "td"))
    return "\n".join([*lines, "</table>"])


def _row(cells: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"
