"""What happens around the rule: clipping, weight decay, accumulation, moving averages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.component import hyper, is_zero, touch
from kohort.core.variable import Variable, convert_to_tensor
from kohort.optimizers.checks import check_options, standardize_learning_rate
from kohort.optimizers.gradients import clip_by_global_norm, clip_by_norm, conditionally
from kohort.optimizers.state import OptimizerState

SHARED = (
    "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "use_ema", "ema_momentum",
    "ema_overwrite_frequency", "loss_scale_factor", "gradient_accumulation_steps",
)  # fmt: skip


class OptimizerSteps(OptimizerState):
    """The parts of a step that all optimisers share. Called by `Optimizer.apply`."""

    weight_decay: float | None = hyper(None, low=0)
    clipnorm: float | None = hyper(None, low=0)
    global_clipnorm: float | None = hyper(None, low=0)
    clipvalue: float | None = hyper(None, low=0)
    use_ema: bool = False
    ema_momentum: float = hyper(0.99, neutral=None)
    ema_overwrite_frequency: int | None = None
    loss_scale_factor: float | None = None
    gradient_accumulation_steps: int | None = None

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(standardize_learning_rate(learning_rate, kwargs), name)
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        check_options(self)
        self._trainable_variables: list[Variable] = []
        self._model_variables_moving_average: list[Any] = []
        self._accumulated_gradients: list[Variable] = []
        self._indices: dict[Variable, int] = {}
        self._slots: dict[Variable, list[Variable]] = {}
        self._excluded: tuple[set[Variable], str] = (set(), "")

    @property
    def iterations(self) -> Any:
        """How many updates were made."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    def _update_variables(
        self, grads: Sequence[Any], variables: Sequence[Variable], lr: Any
    ) -> None:
        raise NotImplementedError

    def _apply_to(self, grads: list[Any], variables: list[Variable]) -> None:
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables)
        else:
            self._clip_and_update(grads, variables)
        if self.use_ema:
            self._update_average()

    def _clip_and_update(self, grads: list[Any], variables: list[Variable]) -> None:
        grads = self._clip_gradients(grads)
        self._apply_weight_decay(variables)
        self._update_variables(grads, variables, self.learning_rate)

    def _clip_gradients(self, grads: Sequence[Any]) -> list[Any]:
        if not is_zero(self.clipnorm):
            return [g if g is None else clip_by_norm(g, self.clipnorm) for g in grads]
        if not is_zero(self.global_clipnorm):
            return clip_by_global_norm(grads, self.global_clipnorm)
        if not is_zero(self.clipvalue):
            limit: Any = self.clipvalue
            return [g if g is None else jnp.clip(jnp.asarray(g), -limit, limit) for g in grads]
        return list(grads)

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Leave variables, or those whose name matches one of some patterns, undecayed."""
        self._excluded = (set(var_list or ()), "|".join(sorted(set(var_names or ()))))
        touch()

    def _use_weight_decay(self, variable: Variable) -> bool:
        excluded, pattern = self._excluded
        return variable not in excluded and not (pattern and re.search(pattern, variable.name))

    def _apply_weight_decay(self, variables: Sequence[Variable]) -> None:
        if not is_zero(self.weight_decay):
            for variable in variables:
                if self._use_weight_decay(variable):
                    self._decay(variable, self.weight_decay)

    def _decay(self, variable: Variable, weight_decay: Any) -> None:
        rate = convert_to_tensor(self.learning_rate, variable.dtype)
        decay = convert_to_tensor(weight_decay, variable.dtype)
        variable.assign(variable.value - variable.value * decay * rate)

    def _is_update_step(self) -> jax.Array:
        return (self._iterations.value + 1) % self.gradient_accumulation_steps == 0

    def _accumulate(self, grads: list[Any], variables: list[Variable]) -> None:
        sums = [self._accumulated_gradients[self._indices[v]] for v in variables]
        totals = [s.value + g for s, g in zip(sums, grads, strict=True)]

        def update() -> None:
            means = [t / self.gradient_accumulation_steps for t in totals]
            self._clip_and_update(means, variables)
            for s in sums:
                s.assign(jnp.zeros(s.shape, s.dtype))

        def wait() -> None:
            for s, total in zip(sums, totals, strict=True):
                s.assign(total)

        conditionally(self._is_update_step(), update, wait, [*variables, *self.variables])

    def _overwrite_with_gradients(
        self, grads: list[Any], variables: list[Variable]
    ) -> tuple[list[Any], list[Variable]]:
        """Give variables that say so their gradient as value; return the others."""
        rest = []
        for gradient, variable in zip(grads, variables, strict=True):
            if not variable.overwrite_with_gradient:
                rest.append((gradient, variable))
            elif self.gradient_accumulation_steps:
                total = self._accumulated_gradients[self._indices[variable]]
                largest = jnp.maximum(gradient, total.value)
                now = self._is_update_step()
                variable.assign(jnp.where(now, largest, variable.value))
                total.assign(jnp.where(now, jnp.zeros_like(largest), largest))
            else:
                variable.assign(gradient)
        return [g for g, _ in rest], [v for _, v in rest]

    def _update_average(self) -> None:
        started = jnp.asarray(convert_to_tensor(self.iterations) != 0, "float32")
        momentum = started * self.ema_momentum
        for variable, average in self._averages(self._trainable_variables):
            old, new = average.value, variable.value
            kept = momentum.astype(new.dtype)
            average.assign(kept * old + (1 - kept) * new)
        if self.ema_overwrite_frequency:
            now = (convert_to_tensor(self.iterations) + 1) % self.ema_overwrite_frequency == 0
            for variable, average in self._averages(self._trainable_variables):
                variable.assign(jnp.where(now, average.value, variable.value))

    def _averages(self, variables: Sequence[Variable]) -> list[tuple[Variable, Variable]]:
        averages = self._model_variables_moving_average
        if len(variables) != len(averages):
            raise ValueError(
                f"The length of model variables ({len(variables)}) to override does not match the "
                f"length of model variables stored in the optimizer ({len(averages)}). Please "
                "check if the optimizer was called on your model."
            )
        pairs = zip(variables, averages, strict=True)
        return [(v, average) for v, average in pairs if average is not None]

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Give variables their moving average, if there is one; `fit` does so at its end."""
        if self.use_ema:
            for variable, average in self._averages(var_list):
                variable.assign(average.value)
