"""Masks travel beside tensors: which steps of a sequence count."""

from __future__ import annotations

import weakref
from typing import Any

_masks: dict[int, tuple[Any, Any]] = {}


def get_mask(x: Any) -> Any:
    """The mask of a tensor, or None."""
    if hasattr(x, "_keras_mask"):
        return x._keras_mask
    entry = _masks.get(id(x))
    return entry[1] if entry is not None else None


def set_mask(x: Any, mask: Any) -> None:
    """Attach a mask to a tensor; it lives as long as the tensor."""
    try:
        x._keras_mask = mask
    except AttributeError:
        key, forget = id(x), _masks.pop  # at exit the name `_masks` may go before the tensor
        _masks[key] = (weakref.ref(x, lambda _: forget(key, None)), mask)
