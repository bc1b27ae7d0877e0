"""Learning rates as functions of the step. All numbers are hyperparameter leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import registry
from kohort.core.component import Component, hyper, is_zero
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.settings import floatx
from kohort.core.variable import convert_to_tensor


def _float(value: Any) -> jax.Array:
    return convert_to_tensor(value).astype(floatx())


def _check_positive(name: str, value: Any) -> None:
    if isinstance(value, (int, float)) and value <= 0:
        raise ValueError(f"Argument `{name}` must be > 0. Received: {name}={value}")


class LearningRateSchedule(Component, module="keras.optimizers.schedules"):
    """Base of schedules: write `__call__(self, step)`, which returns the learning rate.

    `step` is a traced scalar inside `fit`, so compute with `ops`.

    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5**step
    >>> Halving()(2)
    0.025
    """

    def __init__(self) -> None:
        pass  # a schedule is named by its field, if at all

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step (counted from 0)."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override `__call__(self, step)`."
        )

    def get_config(self) -> dict[str, Any]:
        """The configuration; a subclass without declared fields writes its own."""
        if not self.fields:
            raise NotImplementedError(
                f"Learning rate schedule '{type(self).__name__}' must override `get_config()` in "
                "order to be serializable."
            )
        return super().get_config()


class ExponentialDecay(LearningRateSchedule):
    """`initial · decay_rate^(step / decay_steps)`; the exponent is floored if `staircase`.

    >>> float(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20))
    0.025
    """

    initial_learning_rate: float = hyper(low=0, neutral=None)
    decay_steps: float = hyper(neutral=None, check=_check_positive)
    decay_rate: float = hyper(low=0, neutral=None)
    staircase: bool = False
    name: str = "ExponentialDecay"

    def __call__(self, step: Any) -> jax.Array:
        periods = _float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return _float(self.initial_learning_rate) * _float(self.decay_rate) ** periods


class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` while `step <= boundaries[i]`, then the last value.

    >>> schedule = PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    >>> [float(schedule(step)) for step in (10, 11, 21)]
    [1.0, 0.5, 0.1]
    """

    boundaries: Any
    values: Any
    name: str = "PiecewiseConstant"

    def __post_init__(self) -> None:
        boundaries, values = self.boundaries, self.values
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} "
                f"of length {len(values)}."
            )

    def __call__(self, step: Any) -> jax.Array:
        step = convert_to_tensor(step)
        boundaries = [convert_to_tensor(b).astype(step.dtype) for b in self.boundaries]
        passed = sum((step > b).astype("int32") for b in boundaries)
        return jnp.stack([convert_to_tensor(v) for v in self.values])[passed]


class PolynomialDecay(LearningRateSchedule):
    """`(initial - end) (1 - step / decay_steps)^power + end`, and `end` afterwards.

    With `cycle` the decay begins anew: `decay_steps` is multiplied by
    `ceil(step / decay_steps)`.

    >>> float(PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5))
    0.05
    """

    initial_learning_rate: float = hyper(low=0, neutral=None)
    decay_steps: float = hyper(neutral=None, check=_check_positive)
    end_learning_rate: float = hyper(0.0001, low=0, neutral=None)
    power: float = hyper(1.0, neutral=1.0)
    cycle: bool = False
    name: str = "PolynomialDecay"

    def __call__(self, step: Any) -> jax.Array:
        step, decay_steps = _float(step), _float(self.decay_steps)
        if self.cycle:
            decay_steps = decay_steps * jnp.where(step == 0, 1.0, jnp.ceil(step / decay_steps))
        else:
            step = jnp.minimum(step, decay_steps)
        end = self.end_learning_rate
        height = _float(self.initial_learning_rate) - end
        return height * (1 - step / decay_steps) ** self.power + end


class InverseTimeDecay(LearningRateSchedule):
    """`initial / (1 + decay_rate · step / decay_steps)`; floored if `staircase`.

    >>> float(InverseTimeDecay(0.1, decay_steps=10, decay_rate=1.0)(10))
    0.05
    """

    initial_learning_rate: float = hyper(low=0, neutral=None)
    decay_steps: float = hyper(neutral=None, check=_check_positive)
    decay_rate: float = hyper(low=0, neutral=None)
    staircase: bool = False
    name: str = "InverseTimeDecay"

    def __call__(self, step: Any) -> jax.Array:
        periods = _float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return _float(self.initial_learning_rate) / (1.0 + self.decay_rate * periods)


class CosineDecay(LearningRateSchedule):
    """A half cosine from `initial` to `alpha · initial` (Loshchilov & Hutter, 2016).

    With `warmup_target`, the rate first rises linearly from `initial` to it in
    `warmup_steps`, and the cosine starts there.

    >>> float(CosineDecay(0.1, decay_steps=10)(5))
    0.05
    """

    initial_learning_rate: float = hyper(low=0, neutral=None)
    decay_steps: float = hyper(neutral=None, check=_check_positive)
    alpha: float = hyper(0.0, low=0)
    name: str = "CosineDecay"
    warmup_target: float | None = hyper(None, low=0, neutral=None)
    warmup_steps: float = hyper(0, low=0)

    def __call__(self, step: Any) -> jax.Array:
        initial, step = _float(self.initial_learning_rate), _float(step)
        if self.warmup_target is None:
            return self._cosine(step, initial)
        target, warmup = _float(self.warmup_target), _float(self.warmup_steps)
        rising = (target - initial) * step / warmup + initial
        return jnp.where(step < warmup, rising, self._cosine(step - warmup, target))

    def _cosine(self, step: jax.Array, start: jax.Array) -> jax.Array:
        fraction = jnp.minimum(step / self.decay_steps, 1.0)
        decayed = 0.5 * (1.0 + jnp.cos(math.pi * fraction))
        if is_zero(self.alpha):
            return start * decayed
        return start * ((1 - self.alpha) * decayed + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decays one after another (Loshchilov & Hutter, 2016).

    The i-th takes `first_decay_steps · t_mul^i` steps, from `initial · m_mul^i`.

    >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=10)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20, 30)]
    [0.1, 0.05, 0.1, 0.05, 0.1]
    """

    initial_learning_rate: float = hyper(low=0, neutral=None)
    first_decay_steps: float = hyper(neutral=None, check=_check_positive)
    t_mul: float = hyper(2.0, low=1, neutral=1.0)
    m_mul: float = hyper(1.0, low=0, neutral=1.0)
    alpha: float = hyper(0.0, low=0)
    name: str = "SGDRDecay"

    def __call__(self, step: Any) -> jax.Array:
        done = _float(step) / self.first_decay_steps
        restarts, fraction = self._position(done)
        height = 0.5 * jnp.power(_float(self.m_mul), restarts)
        decayed = height * (1.0 + jnp.cos(math.pi * fraction))
        rate = _float(self.initial_learning_rate)
        return rate * ((1 - self.alpha) * decayed + self.alpha)

    def _position(self, done: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The number of restarts so far, and the fraction of the present decay."""
        even = jnp.floor(done), done - jnp.floor(done)
        if isinstance(self.t_mul, (int, float)) and self.t_mul == 1:
            return even
        ratio = _float(self.t_mul)
        restarts = jnp.floor(jnp.log(1.0 - done * (1.0 - ratio)) / jnp.log(ratio))
        before = (1.0 - ratio**restarts) / (1.0 - ratio)
        geometric = restarts, (done - before) / ratio**restarts
        # A traced ratio may be 1, where the geometric form is 0 / 0.
        return jax.tree.map(lambda e, g: jnp.where(ratio == 1.0, e, g), even, geometric)


ALL_OBJECTS: dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        LearningRateSchedule, ExponentialDecay, PiecewiseConstantDecay, PolynomialDecay,
        InverseTimeDecay, CosineDecay, CosineDecayRestarts,
    )
}  # fmt: skip
for _name, _cls in ALL_OBJECTS.items():
    registry.add_alias("keras.optimizers.schedules", _name, _cls)


def serialize(learning_rate_schedule: Any) -> Any:
    """Return the configuration of a schedule."""
    return serialize_keras_object(learning_rate_schedule)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make a schedule from its configuration."""
    return deserialize_keras_object(
        config, module_objects=ALL_OBJECTS, custom_objects=custom_objects
    )
