"""A step size for each weight, from its past gradients: Adagrad and its heirs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort.core.component import field, hyper, is_zero
from kohort.initializers import Constant
from kohort.optimizers.optimizer import Optimizer


class RMSprop(Optimizer):
    """The gradient over its root mean square (Tieleman & Hinton, 2012).

    `v ← ρ v + (1 - ρ) g²` and `p ← p - lr g / sqrt(v + ε)`. `centered` subtracts the square
    of the mean gradient from `v`; `momentum` accumulates the steps.
    """

    learning_rate: float = 0.001
    rho: float = hyper(0.9, low=0, high=1, neutral=None)
    momentum: float = hyper(0.0, low=0, high=1)
    epsilon: float = hyper(1e-7, low=0, neutral=None)
    centered: bool = False

    def slot_groups(self) -> list[tuple[str, ...]]:
        """The mean square; the momentum and the mean gradient where they are used."""
        groups: list[tuple[str, ...]] = [("velocity",)]
        if not is_zero(self.momentum):
            groups.append(("momentum",))
        if self.centered:
            groups.append(("average_gradient",))
        return groups

    def update(self, p: Any, g: Any, lr: Any, step: Any, v: Any, *more: Any) -> Any:
        """One step of a parameter."""
        rho, slots = self.rho, list(more)
        v = rho * v + (1 - rho) * jnp.square(g)
        variance = v
        if self.centered:
            slots[-1] = rho * slots[-1] + (1 - rho) * g
            variance = v - jnp.square(slots[-1])
        increment = lr * g / jnp.sqrt(variance + self.epsilon)
        if len(slots) > self.centered:
            slots[0] = increment = self.momentum * slots[0] + increment
        return p - increment, (v, *slots)


class Adagrad(Optimizer):
    """The gradient over the root of the sum of its squares (Duchi et al., 2011).

    `a ← a + g²` and `p ← p - lr g / sqrt(a + ε)`.
    """

    learning_rate: float = 0.001
    initial_accumulator_value: float = 0.1
    epsilon: float = hyper(1e-7, low=0, neutral=None)
    slots = ("accumulator",)

    def slot_initializer(self, slot: str) -> Any:
        """The accumulator starts at `initial_accumulator_value`."""
        return Constant(self.initial_accumulator_value)

    def update(self, p: Any, g: Any, lr: Any, step: Any, a: Any) -> Any:
        """One step of a parameter."""
        a = a + jnp.square(g)
        return p - lr * g / jnp.sqrt(a + self.epsilon), (a,)


class Adadelta(Optimizer):
    """Steps in the units of the parameter (Zeiler, 2012).

    `a ← ρ a + (1 - ρ) g²`, `Δ = -sqrt(d + ε) / sqrt(a + ε) g`, `d ← ρ d + (1 - ρ) Δ²` and
    `p ← p + lr Δ`. A learning rate of 1 is the paper's.
    """

    learning_rate: float = 0.001
    rho: float = hyper(0.95, low=0, high=1, neutral=None)
    epsilon: float = hyper(1e-7, low=0, neutral=None)
    slots = ("accumulated_grad", "accumulated_delta_var")

    def update(self, p: Any, g: Any, lr: Any, step: Any, a: Any, d: Any) -> Any:
        """One step of a parameter."""
        rho, epsilon = self.rho, self.epsilon
        a = rho * a + (1 - rho) * jnp.square(g)
        delta = -jnp.sqrt(d + epsilon) * g / jnp.sqrt(a + epsilon)
        d = rho * d + (1 - rho) * jnp.square(delta)
        return p + lr * delta, (a, d)


def _check_not_negative(name: str, value: Any) -> None:
    if isinstance(value, (int, float)) and value < 0.0:
        raise ValueError(f"`{name}` needs to be positive or zero. Received: {name}={value}.")


def _check_not_positive(name: str, value: Any) -> None:
    if isinstance(value, (int, float)) and value > 0.0:
        raise ValueError(f"`{name}` needs to be negative or zero. Received: {name}={value}.")


class Ftrl(Optimizer):
    """Follow the regularised leader, for sparse linear models (McMahan et al., 2013).

    With `n' = n + g²` and `σ = (n'^-α - n^-α) / lr` (α is `learning_rate_power`):
    `z ← z + g + 2 λ_shrinkage p - σ p`, and `p ← (clip(z, ±λ₁) - z) / (n'^-α / lr + 2 λ₂)`,
    where `λ₂` also has `beta / (2 lr)`.
    """

    learning_rate: float = 0.001
    learning_rate_power: float = hyper(-0.5, high=0, neutral=None, check=_check_not_positive)
    initial_accumulator_value: float = field(0.1, check=_check_not_negative)
    l1_regularization_strength: float = hyper(0.0, low=0, check=_check_not_negative)
    l2_regularization_strength: float = hyper(0.0, low=0, check=_check_not_negative)
    l2_shrinkage_regularization_strength: float = hyper(0.0, low=0, check=_check_not_negative)
    beta: float = hyper(0.0, low=0)
    slots = ("accumulator", "linear")

    def slot_initializer(self, slot: str) -> Any:
        """The accumulator starts at `initial_accumulator_value`."""
        return Constant(self.initial_accumulator_value) if slot == "accumulator" else "zeros"

    def update(self, p: Any, g: Any, lr: Any, step: Any, n: Any, z: Any) -> Any:
        """One step of a parameter."""
        power = -self.learning_rate_power
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength
        if not is_zero(self.beta):
            l2 = l2 + self.beta / (2.0 * lr)
        new_n = n + jnp.square(g)
        shrunk = g
        if not is_zero(self.l2_shrinkage_regularization_strength):
            shrunk = g + 2 * self.l2_shrinkage_regularization_strength * p
        z = z + shrunk - (new_n**power - n**power) / lr * p
        quadratic = new_n**power / lr + 2 * l2
        return (jnp.clip(z, -l1, l1) - z) / quadratic, (new_n, z)
