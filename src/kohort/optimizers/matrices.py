"""Optimisers that treat a weight as a matrix: Adafactor and Muon."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from kohort.core.component import hyper, is_zero
from kohort.core.variable import Variable, convert_to_tensor
from kohort.optimizers.moments import corrected_rate, moments
from kohort.optimizers.optimizer import Optimizer


def _rms(x: Any) -> Any:
    return jnp.sqrt(jnp.mean(jnp.square(x)))


class Adafactor(Optimizer):
    """Second moments of matrices kept as row and column means (Shazeer & Stern, 2018).

    Args:
        beta_2_decay: the second moments decay by `1 - t^beta_2_decay`.
        epsilon_1, epsilon_2: guards of the gradient and of the parameter's scale.
        clip_threshold: limit on the root mean square of an update.
        relative_step: kept for Keras's sake; the learning rate is limited by `1 / sqrt(t)`
            either way.
    """

    learning_rate: float = 0.001
    beta_2_decay: float = hyper(-0.8, high=0, neutral=None)
    epsilon_1: float = hyper(1e-30, low=0, neutral=None)
    epsilon_2: float = hyper(1e-3, low=0, neutral=None)
    clip_threshold: float = hyper(1.0, low=0, neutral=None)
    relative_step: bool = True

    def build_slots(self, variables: Sequence[Variable]) -> None:
        """Row means, column means (dummies for vectors) and second moments."""
        for variable in variables:
            shape, name, dtype = variable.shape, variable.name, variable.dtype
            slots: list[Variable] = []
            if len(shape) < 2:
                slots = [Variable(0, dtype="int32", trainable=False, name=name) for _ in "rc"]
                for slot in slots:
                    self._track_variable(slot)
            elif not variable.overwrite_with_gradient:
                for part in (shape[:-1], shape[:-2] + shape[-1:]):
                    slots.append(self.add_variable(part, dtype=dtype, name=name))
            if not variable.overwrite_with_gradient:
                slots.append(self.add_variable_from_reference(variable, "velocity"))
            self._slots[variable] = slots

    def prepare(self, lr: Any, step: Any) -> tuple[Any, ...]:
        """The limited learning rate and the decay of the second moments."""
        return jnp.minimum(lr, 1 / jnp.sqrt(step)), 1 - jnp.power(step, self.beta_2_decay)

    def update(self, p: Any, g: Any, rate: Any, decay: Any, r: Any, c: Any, v: Any) -> Any:
        """One step of a parameter."""
        square = jnp.square(g) + self.epsilon_1
        if p.ndim >= 2:
            r = decay * r + (1 - decay) * jnp.mean(square, axis=-1)
            c = decay * c + (1 - decay) * jnp.mean(square, axis=-2)
            rows = r / jnp.mean(r, axis=-1, keepdims=True)
            v = rows[..., None] * c[..., None, :]
        else:
            v = decay * v + (1 - decay) * square
        u = g / jnp.sqrt(v)
        u = u / jnp.maximum(1.0, _rms(u) / self.clip_threshold)
        return p - jnp.maximum(self.epsilon_2, _rms(p)) * rate * u, (r, c, v)


class Muon(Optimizer):
    """Orthogonalised momentum for matrices, Adam for the rest (Jordan et al., 2024).

    Five Newton–Schulz iterations turn the momentum of a matrix into (about) its nearest
    orthogonal matrix, which is the step. Parameters that are not matrices, embeddings and
    `exclude_layers` are trained by AdamW.

    Args:
        adam_beta_1, adam_beta_2, adam_weight_decay, epsilon: AdamW's.
        weight_decay: that of matrices.
        exclude_layers: regular expressions; paths that match are trained by AdamW.
        exclude_embeddings: whether embeddings are trained by AdamW.
        muon_a, muon_b, muon_c: the polynomial of an iteration.
        adam_lr_ratio: AdamW's learning rate over Muon's.
        momentum, nesterov: of matrices.
        ns_steps: the number of iterations.
        rms_rate: the root mean square of a step, in learning rates; None: not adjusted.
    """

    learning_rate: float = 0.001
    adam_beta_1: float = hyper(0.9, low=0, high=1, neutral=None)
    adam_beta_2: float = hyper(0.999, low=0, high=1, neutral=None)
    adam_weight_decay: float | None = hyper(0.004, low=0)
    epsilon: float = hyper(1e-7, low=0, neutral=None)
    weight_decay: float | None = hyper(0.004, low=0)
    exclude_layers: Any = None
    exclude_embeddings: bool = True
    muon_a: float = hyper(3.4445, neutral=None)
    muon_b: float = hyper(-4.7750, neutral=None)
    muon_c: float = hyper(2.0315, neutral=None)
    adam_lr_ratio: float = hyper(1, low=0, neutral=1)
    momentum: float = hyper(0.95, low=0, high=1, neutral=None)
    ns_steps: int = 5
    nesterov: bool = True
    rms_rate: float | None = hyper(0.2, low=0, neutral=None)

    after_name: ClassVar = (
        "exclude_layers", "exclude_embeddings", "muon_a", "muon_b", "muon_c", "adam_lr_ratio",
        "momentum", "ns_steps", "nesterov", "rms_rate",
    )  # fmt: skip

    def __post_init__(self) -> None:
        self.exclude_layers = self.exclude_layers or []

    def _should_use_adamw(self, variable: Variable) -> bool:
        path = variable.path
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in path.lower()):
            return True
        return any(re.search(pattern, path) for pattern in self.exclude_layers)

    def build_slots(self, variables: Sequence[Variable]) -> None:
        """A momentum for each parameter, a second moment for those of AdamW."""
        for variable in variables:
            names = ["momentum", "velocity"]
            if variable.overwrite_with_gradient:
                names = []
            elif not self._should_use_adamw(variable):
                names = ["momentum"]
            self._slots[variable] = [self.add_variable_from_reference(variable, n) for n in names]

    def prepare(self, lr: Any, step: Any) -> tuple[Any, ...]:
        """The learning rates of Muon and of AdamW."""
        adam_lr = lr * self.adam_lr_ratio
        return lr, corrected_rate(adam_lr, step, self.adam_beta_1, self.adam_beta_2)

    def update(self, p: Any, g: Any, lr: Any, alpha: Any, m: Any, v: Any = None) -> Any:
        """One step of a parameter."""
        if v is not None:
            m, v = moments(g, m, v, self.adam_beta_1, self.adam_beta_2)
            return p - m * alpha / (jnp.sqrt(v) + self.epsilon), (m, v)
        m = m + g + m * (self.momentum - 1)
        direction = g + self.momentum * m if self.nesterov else m
        direction = self.zeropower_via_newtonschulz5(direction, self.ns_steps)
        return p - self.lr_adjust(lr * direction), (m,)

    def lr_adjust(self, x: Any) -> Any:
        """Scale a step to the root mean square `rms_rate` (Liu et al., 2025)."""
        if self.rms_rate is None:
            return x
        return x * float(max(x.shape[0], x.shape[1])) ** 0.5 * self.rms_rate

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> jax.Array:
        """Return about `U Vᵀ` of the singular value decomposition `U S Vᵀ` of a matrix."""
        x = convert_to_tensor(x)
        if x.ndim < 2:
            raise ValueError(
                "Expected gradient or momentum to have at least 2 dimensions. "
                f"Received: shape={x.shape}"
            )
        tall = x.shape[-2] > x.shape[-1]
        x = jnp.swapaxes(x, -1, -2) if tall else x
        x = x / (jnp.sqrt(jnp.sum(jnp.square(x), axis=(-2, -1), keepdims=True)) + 1e-7)
        for _ in range(steps):
            gram = x @ jnp.swapaxes(x, -1, -2)
            x = self.muon_a * x + (self.muon_b * gram + self.muon_c * gram @ gram) @ x
        return jnp.swapaxes(x, -1, -2) if tall else x

    def _apply_weight_decay(self, variables: Sequence[Variable]) -> None:
        for variable in variables:
            adamw = self._should_use_adamw(variable)
            decay = self.adam_weight_decay if adamw else self.weight_decay
            if self._use_weight_decay(variable) and not is_zero(decay):
                self._decay(variable, decay)
