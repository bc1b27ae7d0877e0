"""Process-wide settings: the default float type, epsilon, image layout, logging switches."""

from __future__ import annotations

_FLOATS = {"bfloat16", "float16", "float32", "float64"}
_LAYOUTS = {"channels_last", "channels_first"}

_values: dict[str, object] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "interactive_logging": True,
    "traceback_filtering": True,
    "max_epochs": None,
    "max_steps_per_epoch": None,
    "flash_attention": None,
}


def floatx() -> str:
    """The default float type of weights and inputs, as a string.

    >>> floatx()
    'float32'
    """
    return str(_values["floatx"])


def set_floatx(value: str) -> None:
    """Set the default float type: bfloat16, float16, float32 or float64."""
    if value not in _FLOATS:
        raise ValueError(f"Unknown `floatx` value: {value}. Expected one of {sorted(_FLOATS)}")
    _values["floatx"] = str(value)


def epsilon() -> float:
    """The small number that guards divisions and logarithms (1e-7)."""
    return float(_values["epsilon"])  # type: ignore[arg-type]


def set_epsilon(value: float) -> None:
    """Set the small number that guards divisions and logarithms."""
    _values["epsilon"] = value


def image_data_format() -> str:
    """The default image layout, `'channels_last'` or `'channels_first'`."""
    return str(_values["image_data_format"])


def set_image_data_format(data_format: str) -> None:
    """Set the default image layout."""
    _values["image_data_format"] = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """Return the layout in lower case; None means the default layout."""
    if data_format is None:
        return image_data_format()
    data_format = str(data_format).lower()
    if data_format not in _LAYOUTS:
        raise ValueError(
            "The `data_format` argument must be one of "
            f"{{'channels_first', 'channels_last'}}. Received: data_format={data_format}"
        )
    return data_format


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to standard output (True) or to the `logging` module."""
    return bool(_values["interactive_logging"])


def enable_interactive_logging() -> None:
    """Print progress to standard output."""
    _values["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Send progress to the `logging` module."""
    _values["interactive_logging"] = False


def is_traceback_filtering_enabled() -> bool:
    """Whether tracebacks hide Kohort's own frames (kept for Keras scripts)."""
    return bool(_values["traceback_filtering"])


def enable_traceback_filtering() -> None:
    """Accepted for Keras scripts; Kohort's tracebacks are short as they are."""
    _values["traceback_filtering"] = True


def disable_traceback_filtering() -> None:
    """Accepted for Keras scripts; Kohort's tracebacks are short as they are."""
    _values["traceback_filtering"] = False


def max_epochs() -> int | None:
    """The cap on the epochs of any `fit`, or None."""
    return _values["max_epochs"]  # type: ignore[return-value]


def set_max_epochs(max_epochs: int | None) -> None:
    """Cap the epochs of any `fit` (to try a long script quickly)."""
    _values["max_epochs"] = max_epochs


def max_steps_per_epoch() -> int | None:
    """The cap on the steps of an epoch of any `fit`, or None."""
    return _values["max_steps_per_epoch"]  # type: ignore[return-value]


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Cap the steps of an epoch of any `fit`, `evaluate` and `predict`."""
    _values["max_steps_per_epoch"] = max_steps_per_epoch


def backend() -> str:
    """The name of the engine, always `'jax'`."""
    return "jax"


def enable_flash_attention() -> None:
    """Let attention layers made from now on use flash attention, where the device has it."""
    _values["flash_attention"] = True


def disable_flash_attention() -> None:
    """Let attention layers made from now on use no flash attention, unless they are told to."""
    _values["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """Whether it was enabled (True) or disabled (False); None where nothing was said."""
    return _values["flash_attention"]  # type: ignore[return-value]
