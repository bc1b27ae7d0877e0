"""How whole programs are compiled."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import jax

_OPTIONS = {
    # Convolutions, unlike products and sums, use one core in the library that XLA asks by itself.
    "xla_cpu_experimental_ynn_fusion_type": (
        "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"
    ),
    # Bits; by itself XLA takes 256 at most. A processor with shorter vectors uses its own.
    "xla_cpu_prefer_vector_width": "512",
}


def compiled(function: Callable[..., Any]) -> Any:
    """`jax.jit` for a program that no other program calls, with the options that suit networks.

    >>> float(compiled(lambda x: x + 1)(1.0))
    2.0
    """
    return jax.jit(function, compiler_options=_options())


@functools.cache
def _options() -> dict[str, str]:
    if jax.default_backend() != "cpu":
        return {}
    by_user = os.environ.get("XLA_FLAGS", "")
    options = {name: value for name, value in _OPTIONS.items() if name not in by_user}
    if _are_known(options):
        return options
    return {name: value for name, value in options.items() if _are_known({name: value})}


def _are_known(options: dict[str, str]) -> bool:
    """Whether this version of XLA knows the options."""
    try:
        jax.jit(lambda: 0, compiler_options=options).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
