"""Dynamic loss scaling, for training in float16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from kohort.core.naming import name_scope
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.variable import Variable
from kohort.initializers import Constant
from kohort.optimizers.gradients import conditionally
from kohort.optimizers.optimizer import Optimizer

_FIXED: dict[str, Any] = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


def _refuse_options(kwargs: dict[str, Any]) -> None:
    if not kwargs.pop("dynamic", True):
        raise ValueError(
            "LossScaleOptimizer no longer supports `dynamic=False`. Instead, simply set "
            "`loss_scale_factor` directly on the `inner_optimizer`."
        )
    for name, default in _FIXED.items():
        if kwargs.pop(name, default) != default:
            raise ValueError(
                f"LossScaleOptimizer does not support `{name}`. Instead, set `{name}` on the "
                "`inner_optimizer`."
            )
    if kwargs:
        raise ValueError(f"LossScaleOptimizer does not support arguments: `{'`, `'.join(kwargs)}`.")


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a scale that adapts itself, so that float16 does not underflow.

    A step with gradients that are not finite is skipped and halves the scale;
    `dynamic_growth_steps` good steps in a row double it.

    Args:
        inner_optimizer: the optimiser that makes the steps.
        initial_scale: the first scale.
        dynamic_growth_steps: see above.
    """

    def __init__(
        self,
        inner_optimizer: Any,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ):
        _refuse_options(kwargs)
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None  # or gradients would be scaled twice

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the scale, its counter and the inner optimiser's state."""
        if self.built:
            return
        with name_scope(self.name, self):
            self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
            scale = Constant(self.initial_scale)
            self.dynamic_scale = self.add_variable((), scale, "float32", name="dynamic_scale")
            self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then the inner optimiser's."""
        return [*self._variables, *self.inner_optimizer.variables]

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Unscale the gradients and apply them, if they are finite."""
        variables = self._variables_of(grads, trainable_variables)
        finite = [jnp.all(jnp.isfinite(jnp.asarray(g))) for g in grads if g is not None]

        def update() -> None:
            scale = self.dynamic_scale.value
            unscaled = [
                g if g is None or v.overwrite_with_gradient else g / scale
                for g, v in zip(grads, variables, strict=True)
            ]
            self.inner_optimizer.apply(unscaled, variables)
            grow = self.step_counter.value == self.dynamic_growth_steps - 1
            self.dynamic_scale.assign(jnp.where(grow, scale * 2.0, scale))
            self.step_counter.assign(jnp.where(grow, 0, self.step_counter.value + 1))

        def skip() -> None:
            self.step_counter.assign(0)
            self.dynamic_scale.assign(self.dynamic_scale.value * 0.5)

        all_finite = jnp.all(jnp.stack(finite))
        conditionally(all_finite, update, skip, [*variables, *self.variables])

    @property
    def learning_rate(self) -> Any:
        """The inner optimiser's learning rate."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Any:
        """The number of steps that were not skipped."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        """Multiply the loss by the present scale."""
        return loss * (self.dynamic_scale.value if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """As the inner optimiser does."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """The name, the inner optimiser and the two numbers."""
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Make one from its configuration."""
        config = dict(config)
        inner = deserialize_keras_object(config.pop("inner_optimizer"), custom_objects)
        return cls(inner, **config)
