"""Amounts as people read them."""

from __future__ import annotations


def amount(value: float) -> str:
    """Four digits, and thousands written out.

    >>> amount(0.123456), amount(21.2), amount(119_612.4)
    ('0.1235', '21.2', '119,612')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"
