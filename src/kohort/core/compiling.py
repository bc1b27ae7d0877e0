"""How whole programs are compiled."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import jax

_CONVOLUTIONS = "xla_cpu_experimental_ynn_fusion_type"
"""Which operations XLA on a CPU gives to a library; the convolutions there use a core only."""
_WITHOUT = "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"


def compiled(function: Callable[..., Any]) -> Any:
    """`jax.jit` for a program that no other program calls, with the options that suit networks.

    >>> float(compiled(lambda x: x + 1)(1.0))
    2.0
    """
    return jax.jit(function, compiler_options=_options())


@functools.cache
def _options() -> dict[str, str] | None:
    if jax.default_backend() != "cpu" or _CONVOLUTIONS in os.environ.get("XLA_FLAGS", ""):
        return None
    options = {_CONVOLUTIONS: _WITHOUT}
    try:  # another version of XLA may not know them
        jax.jit(lambda: 0, compiler_options=options).lower().compile()
    except jax.errors.JaxRuntimeError:
        return None
    return options
