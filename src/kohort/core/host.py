"""Values that stay on the host: strings, and what a model's host part made of raw rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.core.variable import Variable

PREPARED = {False: "host:", True: "fold:"}
"""How the keys of prepared inputs begin; "fold:" where layers that learn are among them."""


def is_prepared(inputs: Any) -> bool:
    """Whether these inputs are what a model's host part gave (`models/host_part.py`)."""
    return isinstance(inputs, dict) and any(
        isinstance(k, str) and k.startswith(tuple(PREPARED.values())) for k in inputs
    )


def to_host(x: Any) -> np.ndarray:
    """Any input as a NumPy array; strings as objects of type `str`.

    >>> to_host([b"a", "b"])
    array(['a', 'b'], dtype=object)
    """
    if isinstance(x, Variable):
        x = x.value
    if hasattr(x, "to_numpy"):
        x = x.to_numpy()
    array = np.asarray(x)
    if array.dtype.kind not in "OSU":
        return array
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8")
    if array.dtype.kind == "U":
        return array.astype(object)
    flat = [v.decode("utf-8") if isinstance(v, bytes) else v for v in array.ravel()]
    if not all(isinstance(v, str) for v in flat):
        if all(isinstance(v, (int, float, np.number, np.bool_)) for v in flat):
            return np.asarray(flat).reshape(array.shape)
        flat = [v if isinstance(v, str) else str(v) for v in flat]
    out = np.empty(len(flat), object)
    out[:] = flat
    return out.reshape(array.shape)
