"""Keras's `config`: process-wide settings."""

from kohort import __version__
from kohort.core.dtypes import dtype_policy, set_dtype_policy
from kohort.core.safe_mode import enable_unsafe_deserialization
from kohort.core.settings import (
    backend,
    disable_flash_attention,
    disable_interactive_logging,
    disable_traceback_filtering,
    enable_flash_attention,
    enable_interactive_logging,
    enable_traceback_filtering,
    epsilon,
    floatx,
    image_data_format,
    is_flash_attention_enabled,
    is_interactive_logging_enabled,
    is_traceback_filtering_enabled,
    max_epochs,
    max_steps_per_epoch,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    set_max_epochs,
    set_max_steps_per_epoch,
)


def version() -> str:
    """Kohort's version."""
    return __version__


def set_backend(backend: str) -> None:
    """Accept "jax", the only engine there is."""
    if backend != "jax":
        raise ValueError(f"Kohort computes with JAX alone. Received: backend={backend!r}")


def is_nnx_enabled() -> bool:
    """False: variables are Kohort's own."""
    return False


__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
    "version",
]
