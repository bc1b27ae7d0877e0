"""First and second moments of the gradient: Adam and its relatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from kohort.core import settings
from kohort.core.component import hyper, is_zero
from kohort.core.variable import Variable, convert_to_tensor
from kohort.optimizers.optimizer import Optimizer


def _power(base: Any, step: Any) -> Any:
    return jnp.power(jnp.asarray(base, step.dtype), step)


def moments(g: Any, m: Any, v: Any, beta_1: Any, beta_2: Any) -> tuple[Any, Any]:
    """The new means of the gradient and of its square."""
    return m + (g - m) * (1 - beta_1), v + (jnp.square(g) - v) * (1 - beta_2)


def corrected_rate(lr: Any, step: Any, beta_1: Any, beta_2: Any) -> Any:
    """The learning rate, corrected for moments that start at zero."""
    return lr * jnp.sqrt(1 - _power(beta_2, step)) / (1 - _power(beta_1, step))


class Adam(Optimizer):
    """Adaptive moments (Kingma & Ba, 2014).

    `m ← m + (1 - β₁)(g - m)`, `v ← v + (1 - β₂)(g² - v)` and, with
    `α = lr sqrt(1 - β₂^t) / (1 - β₁^t)`, `p ← p - α m / (sqrt(v) + ε)`.

    Args:
        learning_rate: 0.001 unless told.
        beta_1, beta_2: decay rates of the moments.
        epsilon: the paper's "epsilon hat".
        amsgrad: divide by the largest `v` so far (Reddi et al., 2018).

    >>> p = Variable([1.0, 2.0])
    >>> Adam(0.1).apply([jnp.array([3.0, -3.0])], [p])
    >>> p.numpy().round(4).tolist()
    [0.9, 2.1]
    """

    learning_rate: float = 0.001
    beta_1: float = hyper(0.9, low=0, high=1, neutral=None)
    beta_2: float = hyper(0.999, low=0, high=1, neutral=None)
    epsilon: float = hyper(1e-7, low=0, neutral=None)
    amsgrad: bool = False

    def slot_groups(self) -> list[tuple[str, ...]]:
        """The moments; the largest second moment for `amsgrad`."""
        groups: list[tuple[str, ...]] = [("momentum", "velocity")]
        return [*groups, ("velocity_hat",)] if self.amsgrad else groups

    def prepare(self, lr: Any, step: Any) -> tuple[Any, ...]:
        """The corrected learning rate."""
        return (corrected_rate(lr, step, self.beta_1, self.beta_2),)

    def update(self, p: Any, g: Any, alpha: Any, m: Any, v: Any, largest: Any = None) -> Any:
        """One step of a parameter."""
        m, v = moments(g, m, v, self.beta_1, self.beta_2)
        if largest is None:
            return p - m * alpha / (jnp.sqrt(v) + self.epsilon), (m, v)
        largest = jnp.maximum(largest, v)
        return p - m * alpha / (jnp.sqrt(largest) + self.epsilon), (m, v, largest)


class AdamW(Adam):
    """Adam with weight decay beside the gradient, not in it (Loshchilov & Hutter, 2019)."""

    learning_rate: float = 0.001
    weight_decay: float = hyper(0.004, low=0)
    beta_1: float = hyper(0.9, low=0, high=1, neutral=None)
    beta_2: float = hyper(0.999, low=0, high=1, neutral=None)
    epsilon: float = hyper(1e-7, low=0, neutral=None)
    amsgrad: bool = False

    def __post_init__(self) -> None:
        if self.weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")


class Adamax(Optimizer):
    """Adam with the infinity norm (Kingma & Ba, 2014).

    `u ← max(β₂ u, |g|)` and `p ← p - lr m / ((1 - β₁^t) (u + ε))`.
    """

    learning_rate: float = 0.001
    beta_1: float = hyper(0.9, low=0, high=1, neutral=None)
    beta_2: float = hyper(0.999, low=0, high=1, neutral=None)
    epsilon: float = hyper(1e-7, low=0, neutral=None)
    slots = ("momentum", "norm")

    def prepare(self, lr: Any, step: Any) -> tuple[Any, ...]:
        """The learning rate and the correction of the first moment."""
        return lr, 1 - _power(self.beta_1, step)

    def update(self, p: Any, g: Any, lr: Any, correction: Any, m: Any, u: Any) -> Any:
        """One step of a parameter."""
        m = m + (g - m) * (1 - self.beta_1)
        u = jnp.maximum(self.beta_2 * u, jnp.abs(g))
        return p - lr * m / (correction * (u + self.epsilon)), (m, u)


class Nadam(Optimizer):
    """Adam with Nesterov momentum, whose decay `β₁ (1 - 0.96^t / 2)` rises (Dozat, 2015)."""

    learning_rate: float = 0.001
    beta_1: float = hyper(0.9, low=0, high=1, neutral=None)
    beta_2: float = hyper(0.999, low=0, high=1, neutral=None)
    epsilon: float = hyper(1e-7, low=0, neutral=None)
    slots = ("momentum", "velocity")

    def build_slots(self, variables: Sequence[Variable]) -> None:
        """The moments, and one product of the decays so far."""
        super().build_slots(variables)
        dtype = variables[0].dtype if variables else settings.floatx()
        self._u_product = Variable(1.0, dtype=dtype, trainable=False, name="u_product")

    def _decay_at(self, step: Any) -> Any:
        return jnp.asarray(self.beta_1, step.dtype) * (1.0 - 0.5 * _power(0.96, step))

    def _update_variables(
        self, grads: Sequence[Any], variables: Sequence[Variable], lr: Any
    ) -> None:
        product = self._u_product.value
        step = (convert_to_tensor(self.iterations) + 1).astype(product.dtype)
        self._u_product.assign(product * self._decay_at(step))
        super()._update_variables(grads, variables, lr)

    def prepare(self, lr: Any, step: Any) -> tuple[Any, ...]:
        """The learning rate, the weights of `m` and `g`, and the correction of `v`."""
        product = self._u_product.value.astype(step.dtype)
        now, following = self._decay_at(step), self._decay_at(step + 1)
        weights = following / (1 - product * following), (1 - now) / (1 - product)
        return lr, *weights, 1 - _power(self.beta_2, step)

    def update(
        self, p: Any, g: Any, lr: Any, of_m: Any, of_g: Any, correction: Any, m: Any, v: Any
    ) -> Any:
        """One step of a parameter."""
        m, v = moments(g, m, v, self.beta_1, self.beta_2)
        return p - (of_m * m + of_g * g) * lr / (jnp.sqrt(v / correction) + self.epsilon), (m, v)


class Lamb(Optimizer):
    """Adam with a step in proportion to the norm of each layer's weights (You et al., 2019).

    The Adam direction `u` is scaled by `‖p‖ / ‖u‖` (1 where either is 0).
    """

    learning_rate: float = 0.001
    beta_1: float = hyper(0.9, low=0, high=1, neutral=None)
    beta_2: float = hyper(0.999, low=0, high=1, neutral=None)
    epsilon: float = hyper(1e-7, low=0, neutral=None)
    slots = ("momentum", "velocity")

    def prepare(self, lr: Any, step: Any) -> tuple[Any, ...]:
        """The learning rate and the corrections of the moments."""
        return lr, 1 - _power(self.beta_1, step), 1 - _power(self.beta_2, step)

    def update(self, p: Any, g: Any, lr: Any, of_m: Any, of_v: Any, m: Any, v: Any) -> Any:
        """One step of a parameter."""
        m, v = moments(g, m, v, self.beta_1, self.beta_2)
        direction = (m / of_m) / (jnp.sqrt(v / of_v) + self.epsilon)
        p_norm, norm = (jnp.sqrt(jnp.sum(jnp.square(x))) for x in (p, direction))
        ratio = jnp.where((p_norm > 0) & (norm > 0), p_norm / norm, 1.0)
        return p - ratio * lr * direction, (m, v)


class ScheduleFreeAdamW(Optimizer):
    """Adam with averaging in place of a schedule (Defazio et al., 2024).

    The iterate `z` takes Adam's steps without momentum, `x` is the mean of the `z` so far, and
    the parameter is `y = (1 - β₁) z + β₁ x`.
    """

    learning_rate: float = 0.0025
    beta_1: float = hyper(0.9, low=0, high=1, neutral=None)
    beta_2: float = hyper(0.999, low=0, high=1, neutral=None)
    epsilon: float = hyper(1e-8, low=0, neutral=None)
    warmup_steps: float = hyper(0, low=0)
    slots = ("momentum", "velocity")

    def build_slots(self, variables: Sequence[Variable]) -> None:
        """The iterates `z`, which start at the parameters, and the second moments."""
        super().build_slots(variables)
        for variable, slots in self._slots.items():
            if slots:
                slots[0].assign(variable.value)

    def prepare(self, lr: Any, step: Any) -> tuple[Any, ...]:
        """The learning rate (warming up), the weight of `z`, and the correction of `v`."""
        if not is_zero(self.warmup_steps):
            lr = lr * jnp.minimum(step / self.warmup_steps, 1.0)
        return lr, 1.0 / step, 1 - _power(self.beta_2, step)

    def update(self, y: Any, g: Any, lr: Any, weight: Any, of_v: Any, z: Any, v: Any) -> Any:
        """One step of a parameter."""
        beta_1 = self.beta_1
        v = v + (jnp.square(g) - v) * (1 - self.beta_2)
        x = (y - (1 - beta_1) * z) / beta_1
        z = z - lr * g / (jnp.sqrt(v / of_v) + self.epsilon)
        x = (1 - weight) * x + weight * z
        return (1 - beta_1) * z + beta_1 * x, (z, v)
