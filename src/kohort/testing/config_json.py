"""Configurations as JSON that tells tuples from lists."""

from __future__ import annotations

import json
from typing import Any

_TUPLE = "__json_tuple__"


def to_json(config: Any) -> str:
    """Return a configuration as JSON.

    >>> from_json(to_json({"shape": (1, [2])}))
    {'shape': (1, [2])}
    """
    return json.dumps(_mark(config), sort_keys=True, indent=1)


def from_json(text: str) -> Any:
    """Read what `to_json` wrote."""
    return json.loads(text, object_hook=lambda d: tuple(d[_TUPLE]) if set(d) == {_TUPLE} else d)


def _mark(value: Any) -> Any:
    if isinstance(value, tuple):
        return {_TUPLE: [_mark(item) for item in value]}
    if isinstance(value, list):
        return [_mark(item) for item in value]
    if isinstance(value, dict):
        return {key: _mark(item) for key, item in value.items()}
    return value
