"""Keras's `backend`: what scripts still take from it."""

from typing import Any

from kohort.core.dtypes import is_float as is_float_dtype
from kohort.core.dtypes import is_int as is_int_dtype
from kohort.core.dtypes import result_type, standardize_dtype
from kohort.core.naming import name_scope, unique_object_name
from kohort.core.scopes import StatelessScope, SymbolicScope
from kohort.core.session import clear_session
from kohort.core.settings import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from kohort.core.symbolic import KerasTensor, is_keras_tensor
from kohort.core.variable import Variable, convert_to_tensor

_uids: dict[str, int] = {}


def get_uid(prefix: str = "") -> int:
    """A number that grows with each call for the same prefix."""
    _uids[prefix] = _uids.get(prefix, 0) + 1
    return _uids[prefix]


__all__ = [
    "KerasTensor",
    "StatelessScope",
    "SymbolicScope",
    "Variable",
    "backend",
    "clear_session",
    "convert_to_tensor",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "name_scope",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
    "unique_object_name",
]


def __getattr__(name: str) -> Any:
    """Keras 2's functions, from the module that scripts of today do not need."""
    from kohort.backend_functions import find

    found = find(name)
    if found is None:
        raise AttributeError(f"module 'kohort.backend' has no attribute '{name}'")
    return found
