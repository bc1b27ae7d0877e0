"""Values as JSON can hold them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Numbers that are not finite as None, arrays as lists, keys as text; the rest as it is.

    >>> plain({"a": np.float32(0.5), 1: [float("inf"), True], "c": np.arange(2)})
    {'a': 0.5, '1': [None, True], 'c': [0, 1]}
    """
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "__array__"):
        return plain(np.asarray(value).tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
