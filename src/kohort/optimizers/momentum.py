"""Steps along the gradient, and along its sign: SGD and Lion."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort.core.component import hyper, is_zero
from kohort.optimizers.optimizer import Optimizer


def _check_momentum(name: str, value: Any) -> None:
    is_array = getattr(value, "shape", None) == ()
    if not is_array and (not isinstance(value, (int, float)) or value < 0 or value > 1):
        raise ValueError(f"`{name}` must be a float between [0, 1]. Received: {name}={value}")


class SGD(Optimizer):
    """Stochastic gradient descent, with (Nesterov) momentum if wanted.

    `p ← p - lr g`; with momentum `v ← momentum v - lr g` and `p ← p + v`, or, for
    `nesterov`, `p ← p + momentum v - lr g`.

    Args:
        learning_rate: 0.01 unless told.
        momentum: between 0 and 1.
        nesterov: whether the gradient counts ahead of the momentum.

    >>> SGD(0.1, momentum=0.9).get_config()["momentum"]
    0.9
    """

    learning_rate: float = 0.01
    momentum: float = hyper(0.0, low=0, high=1, check=_check_momentum)
    nesterov: bool = False

    def slot_groups(self) -> list[tuple[str, ...]]:
        """The velocity, if there is momentum."""
        return [] if is_zero(self.momentum) else [("momentum",)]

    def update(self, p: Any, g: Any, lr: Any, step: Any, v: Any = None) -> Any:
        """One step of a parameter."""
        if v is None:
            return p - g * lr, ()
        v = v * self.momentum - g * lr
        return p + (v * self.momentum - g * lr if self.nesterov else v), (v,)


def _check_beta(name: str, value: Any) -> None:
    if isinstance(value, (int, float)) and not 0 < value <= 1:
        raise ValueError(
            f"Argument `{name}` must be in the [0, 1] range. Otherwise, the optimizer degenerates "
            f"to SignSGD. Received: {name}={value}."
        )


class Lion(Optimizer):
    """Steps of one size along the sign of a momentum (Chen et al., 2023).

    `p ← p - lr sign(β₁ m + (1 - β₁) g)`, then `m ← β₂ m + (1 - β₂) g`. Take a learning rate
    3 to 10 times smaller than for Adam, and as much more weight decay.
    """

    learning_rate: float = 0.001
    beta_1: float = hyper(0.9, low=0, high=1, check=_check_beta)
    beta_2: float = hyper(0.99, low=0, high=1, neutral=None)
    slots = ("momentum",)

    def update(self, p: Any, g: Any, lr: Any, step: Any, m: Any) -> Any:
        """One step of a parameter."""
        direction = jnp.sign(m * self.beta_1 + g * (1.0 - self.beta_1))
        return p - lr * direction, (m * self.beta_2 + g * (1.0 - self.beta_2),)
