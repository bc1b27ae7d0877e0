"""Small HTML tables, which notebooks show for models, histories, studies and results."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


def html_table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; every cell is escaped, numbers have four digits and stand to the right.

    >>> print(html_table(("name", "loss"), [("a<b", 0.123456), ("c", None)]))
    <table>
    <tr><th style="text-align:left">name</th><th style="text-align:left">loss</th></tr>
    <tr><td style="text-align:left">a&lt;b</td><td>0.1235</td></tr>
    <tr><td style="text-align:left">c</td><td style="text-align:left">–</td></tr>
    </table>
    """
    lines = ["<table>", "<tr>" + "".join(f"<th{_LEFT}>{escape(t)}</th>" for t in titles) + "</tr>"]
    lines += ["<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows]
    return "\n".join([*lines, "</table>"])


def html_text(text: Any, strong: Any = "") -> str:
    """A paragraph, `strong` words first in bold; all of it escaped.

    >>> html_text("and <i>the rest</i>", strong="First")
    '<p><b>First</b> and &lt;i&gt;the rest&lt;/i&gt;</p>'
    """
    parts = [f"<b>{escape(str(strong))}</b>"] if strong else []
    return f"<p>{' '.join([*parts, escape(str(text))])}</p>"


_LEFT = ' style="text-align:left"'


def _cell(value: Any) -> str:
    text = shown(value)
    return f"<td>{text}</td>" if _is_number(value) else f"<td{_LEFT}>{escape(text)}</td>"


def shown(value: Any) -> str:
    """A value as a reader wants it: whole numbers with commas, others with four digits.

    >>> shown(12345), shown(0.123456), shown(None), shown("relu"), shown(True)
    ('12,345', '0.1235', '–', 'relu', 'True')
    """
    if value is None:
        return "–"
    if not _is_number(value):
        return str(value)
    return f"{value:,}" if isinstance(value, numbers.Integral) else f"{value:.4g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
