"""Pickles and deep copies of models, by way of an archive in memory."""

from __future__ import annotations

import io
from typing import Any

from kohort.core import registry
from kohort.saving.archive import read_archive, write_archive


def pickle_model(model: Any) -> tuple[Any, tuple[bytes, dict[str, type]]]:
    """What `Model.__reduce__` returns: how to make the model again, from what.

    A pickle runs code when it is opened, whatever is in it; so lambdas are allowed inside.
    """
    buffer = io.BytesIO()
    write_archive(model, buffer)
    return unpickle_model, (buffer.getvalue(), _own_classes(model))


def unpickle_model(data: bytes, classes: dict[str, type]) -> Any:
    """Make a model from the bytes of its archive."""
    return read_archive(io.BytesIO(data), classes, compile=True, safe_mode=False)


def deepcopy_model(model: Any, memo: dict[int, Any]) -> Any:
    """A copy with variables of its own."""
    make, arguments = pickle_model(model)
    copy = memo[id(model)] = make(*arguments)
    return copy


def _own_classes(model: Any) -> dict[str, type]:
    """The user's classes in a model that are not registered."""
    kinds = {type(layer) for layer in model._flatten_layers()}
    return {
        kind.__name__: kind
        for kind in kinds
        if registry.public_name(kind) is None and kind not in registry._custom_names
    }
