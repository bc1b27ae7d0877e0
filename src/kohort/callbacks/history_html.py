"""A history as an HTML table, which notebooks show for what `fit` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kohort.utils.notebook import html_table, html_text


def history_table(history: Mapping[str, Sequence[Any]]) -> str:
    """First and last value of each metric, its lowest and highest, and their epochs (from 1).

    >>> print(history_table({"loss": [3.0, 1.0, 2.0]}).splitlines()[-2])
    <tr><td style="text-align:left">loss</td><td>3</td><td>2</td><td
    style="text-align:left">1 (epoch 2)</td><td style="text-align:left">3 (epoch 1)</td></tr>
    """
    count = max(map(len, history.values()), default=0)
    rows = []
    for name, values in history.items():
        if any(np.ndim(value) or isinstance(value, str) for value in values):
            continue  # a callback of the user's may log anything
        numbers = np.asarray(values, float)
        if not np.isfinite(numbers).any():
            continue
        extremes = int(np.nanargmin(numbers)), int(np.nanargmax(numbers))
        named = [f"{numbers[i]:.4g} (epoch {i + 1})" for i in extremes]
        rows.append((name, numbers[0], numbers[-1], *named))
    titles = ("", "first", "last", "lowest", "highest")
    return f"{html_text(f'{count} epochs')}\n{html_table(titles, rows)}"
