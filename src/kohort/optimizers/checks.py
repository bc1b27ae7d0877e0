"""Checks of an optimiser's arguments, and the spellings of Keras 2."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from kohort.core.variable import Variable
from kohort.optimizers.schedules import InverseTimeDecay


def standardize_learning_rate(learning_rate: Any, kwargs: dict[str, Any]) -> Any:
    """Return the learning rate; `lr` and `decay` among the further arguments change it."""
    if "lr" in kwargs:
        warnings.warn("The `lr` argument is deprecated, use `learning_rate` instead.", stacklevel=4)
        learning_rate = kwargs.pop("lr")
    decay = kwargs.pop("decay", None)
    if kwargs:
        raise ValueError(f"Argument(s) not recognized: {kwargs}")
    if decay:
        warnings.warn(
            "The `decay` argument of Keras 2 is deprecated. It is read as "
            f"`learning_rate=InverseTimeDecay({learning_rate}, 1, {decay})`.",
            stacklevel=4,
        )
        learning_rate = InverseTimeDecay(learning_rate, 1, decay)
    is_number = isinstance(learning_rate, (int, float, np.number)) or isinstance(
        learning_rate, Variable
    )
    is_scalar = getattr(learning_rate, "shape", None) == ()
    if not (callable(learning_rate) or is_number or is_scalar) or learning_rate is True:
        raise ValueError(
            "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or "
            "a callable (that takes in the current iteration value and returns the corresponding "
            f"learning rate value). Received instead: learning_rate={learning_rate}"
        )
    return learning_rate


def check_options(optimizer: Any) -> None:
    """Check the options that all optimisers share against each other."""
    steps = optimizer.gradient_accumulation_steps
    if steps and not steps >= 2:
        raise ValueError(
            "`gradient_accumulation_steps` must be an integer >= 2. Received: "
            f"gradient_accumulation_steps={steps}"
        )
    if optimizer.use_ema:
        _check_ema(optimizer.ema_momentum, optimizer.ema_overwrite_frequency)
    names = ("clipnorm", "clipvalue", "global_clipnorm")
    given = {name: getattr(optimizer, name) for name in names}
    if sum(value is not None for value in given.values()) > 1:
        raise ValueError(
            "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
            + ", ".join(f"{name}={value}" for name, value in given.items())
        )


def _check_ema(momentum: float, frequency: Any) -> None:
    if momentum > 1 or momentum < 0:
        raise ValueError(
            f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={momentum}"
        )
    if frequency and (not isinstance(frequency, int) or frequency < 1):
        raise ValueError(
            "`ema_overwrite_frequency` must be an integer >= 1 or None. Received: "
            f"ema_overwrite_frequency={frequency}"
        )
