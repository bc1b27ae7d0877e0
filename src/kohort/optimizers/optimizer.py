"""The base of optimisers: it walks the variables; a subclass writes the rule for one."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from kohort.core.component import touch
from kohort.core.frame import Frame
from kohort.core.naming import name_scope
from kohort.core.serialization import deserialize_keras_object
from kohort.core.variable import Variable, convert_to_tensor
from kohort.optimizers.signature import make_init
from kohort.optimizers.steps import SHARED, OptimizerSteps


class Optimizer(OptimizerSteps, module="keras.optimizers"):
    """Base of optimisers.

    A subclass declares its hyperparameters and its `slots` (arrays of the shape of each
    parameter), and writes `update`, the rule for one parameter, as a pure function. Or, in
    Keras's way, it overrides `build` and `update_step` and assigns to variables.

    Args:
        learning_rate: a number (kept in a Variable), a `LearningRateSchedule`, or a callable
            without arguments.
        weight_decay: each step takes `learning_rate · weight_decay · p` from a parameter.
        clipnorm, clipvalue, global_clipnorm: limits on the norm of each gradient, on each
            element, on the norm of all gradients together. At most one of them.
        use_ema: keep an exponential moving average of the weights, with `ema_momentum`; it
            replaces the weights every `ema_overwrite_frequency` steps and at the end of `fit`.
        loss_scale_factor: multiplies the loss and divides the gradients.
        gradient_accumulation_steps: update once in so many steps, with the mean gradient.
        name: a name.

    >>> import jax.numpy as jnp
    >>> from kohort.core.component import hyper
    >>> class Momentum(Optimizer):
    ...     learning_rate: float = 0.01
    ...     momentum: float = hyper(0.9, low=0, high=1)
    ...     slots = ("velocity",)
    ...     def update(self, p, g, lr, step, v):
    ...         v = self.momentum * v - lr * g
    ...         return p + v, (v,)
    >>> p = Variable([1.0, 2.0])
    >>> Momentum(0.5).apply([jnp.array([1.0, 1.0])], [p])
    >>> p.numpy()
    array([0.5, 1.5], dtype=float32)
    """

    slots: ClassVar[tuple[str, ...]] = ()
    default_learning_rate: ClassVar[float] = 0.001
    after_name: ClassVar[tuple[str, ...]] = ()
    """Own fields that come after `name` in the constructor."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # The learning rate is state, not a field: a subclass only declares its default.
        declared = cls.__dict__.get("__annotations__", {}).pop("learning_rate", None) is not None
        if declared:
            cls.default_learning_rate = cls.__dict__["learning_rate"]
            del cls.learning_rate
        written = "__init__" in cls.__dict__
        super().__init_subclass__(**kwargs)
        if not written and (declared or getattr(cls.__init__, "from_fields", False)):
            shared = [n for n in SHARED if cls.fields[n] is OptimizerSteps.fields[n]]
            cls.__init__ = make_init(  # type: ignore[method-assign]
                cls, OptimizerSteps.__init__, shared, cls.default_learning_rate, cls.after_name
            )

    def __post_init__(self) -> None:
        """Check fields against each other; runs at the end of a generated constructor."""

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Make an optimiser from its configuration."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(
                config["learning_rate"], custom_objects=custom_objects
            )
        return cls(**config)

    def structure(self) -> tuple[Any, ...]:
        """What shapes the compiled step and is not in the configuration."""
        excluded, pattern = self._excluded
        return tuple(sorted(self._indices.get(v, -1) for v in excluded)), pattern

    # The rule

    def update(self, p: Any, g: Any, *args: Any) -> tuple[Any, tuple[Any, ...]]:
        """Return the new parameter and its new slots.

        Args:
            p, g: the parameter and its gradient.
            args: what `prepare` returned (learning rate and step, unless overridden), then
                the slots in the order of `slot_groups`.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define `update` (the rule for one parameter) or "
            "override `update_step`."
        )

    def prepare(self, lr: Any, step: Any) -> tuple[Any, ...]:
        """Compute what is the same for all parameters, from the learning rate and the step."""
        return lr, step

    def slot_groups(self) -> Sequence[Sequence[str]]:
        """The names of the slots; those of a group lie side by side for each parameter."""
        return [self.slots]

    def slot_initializer(self, slot: str) -> Any:
        """How a slot starts."""
        return "zeros"

    # Building

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the state for these parameters."""
        if self.built:
            return
        variables = list(variables)
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(
                variables, "average"
            )
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [
                self.add_variable_from_reference(v, "gradient_accumulator") for v in variables
            ]
        self._indices = {v: i for i, v in enumerate(variables)}
        self._trainable_variables = variables
        self.built = True
        self.build_slots(variables)
        touch()

    def build_slots(self, variables: Sequence[Variable]) -> None:
        """Make the slots of all parameters."""
        self._slots = {v: [] for v in variables}
        for group in self.slot_groups():
            for variable in variables:
                if not variable.overwrite_with_gradient:
                    self._slots[variable] += [
                        self.add_variable_from_reference(
                            variable, name, self.slot_initializer(name)
                        )
                        for name in group
                    ]

    def _var_key(self, variable: Variable) -> Variable:
        return variable  # variables are hashed by identity

    def _get_variable_index(self, variable: Variable) -> int:
        return self._indices[self._var_key(variable)]

    # Applying

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Any:
        """Update variables by (gradient, variable) pairs; return the iteration counter."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Update variables (those of `build`, unless given) by their gradients."""
        if len(grads) == 0:
            return
        variables = self._variables_of(grads, trainable_variables)
        with name_scope(self.name, self):
            grads, variables = _without_empty(grads, variables)
            grads, variables = self._overwrite_with_gradients(grads, variables)
            if grads:
                if self.loss_scale_factor is not None:
                    grads = [g / self.loss_scale_factor for g in grads]
                self._apply_to(grads, variables)
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))
        self._iterations.assign_add(1)

    def _variables_of(self, grads: Sequence[Any], given: Any) -> list[Variable]:
        if given is None:
            if not self.built:
                raise ValueError(
                    "When passing `grads` without `variables`, the optimizer must already be "
                    "built on a list of variables. Call `optimizer.build(trainable_variables)` "
                    "first. "
                )
            if len(grads) != len(self._trainable_variables):
                raise ValueError(
                    "When passing `grads` as a list of gradient tensors, the gradients must match "
                    f"`optimizer.variables` one-to-on. Received a list of {len(grads)} gradients, "
                    f"but the optimizer is tracking {len(self._trainable_variables)} trainable "
                    "variables."
                )
            return list(self._trainable_variables)
        given = list(given)
        if not self.built:
            with name_scope(self.name, self):
                self.build(given)
            self.built = True
        for variable in given:
            if variable not in self._indices:
                raise ValueError(
                    f"Unknown variable: {variable}. This optimizer can only be called for the "
                    "variables it was originally built with. When working with a new set of "
                    "variables, you should recreate a new optimizer instance."
                )
        return given

    def _update_variables(
        self, grads: Sequence[Any], variables: Sequence[Variable], lr: Any
    ) -> None:
        if type(self).update_step is not Optimizer.update_step:
            for gradient, variable in zip(grads, variables, strict=True):
                self.update_step(gradient, variable, lr)
            return
        prepared = {dtype: self._prepared(lr, dtype) for dtype in {v.dtype for v in variables}}
        for gradient, variable in zip(grads, variables, strict=True):
            self._update_one(gradient, variable, prepared[variable.dtype])

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Update one variable in place."""
        self._update_one(gradient, variable, self._prepared(learning_rate, variable.dtype))

    def _prepared(self, lr: Any, dtype: str) -> tuple[Any, ...]:
        step = (convert_to_tensor(self.iterations) + 1).astype(dtype)
        return self.prepare(convert_to_tensor(lr, dtype), step)

    def _update_one(self, gradient: Any, variable: Variable, prepared: tuple[Any, ...]) -> None:
        slots = self._slots[variable]
        gradient = convert_to_tensor(gradient, variable.dtype)
        values = [slot.value for slot in slots]
        new, new_slots = self.update(variable.value, gradient, *prepared, *values)
        variable.assign(new)
        for slot, value in zip(slots, new_slots, strict=True):
            slot.assign(value)

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Any
    ) -> tuple[list[Any], list[Any]]:
        """Return the new parameters and the new state as arrays; nothing is changed."""
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {type(self).__name__} must be built (i.e. its "
                "variables must have been created). You can build it via "
                "`optimizer.build(trainable_variables)`."
            )
        for what, given, own in (
            ("optimizer_variables", optimizer_variables, self.variables),
            ("trainable_variables", trainable_variables, self._trainable_variables),
        ):
            if len(given) != len(own):
                raise ValueError(
                    f"Argument `{what}` must be a list of tensors corresponding 1:1 to the "
                    f"variables of {type(self).__name__}. Received list with length "
                    f"{len(given)}, but expected {len(own)} variables."
                )
        variables = [*self._trainable_variables, *self.variables]
        values = [*trainable_variables, *optimizer_variables]
        with Frame(dict(zip(variables, values, strict=True))):
            self.apply(grads)
            new = [v.value for v in variables]
        count = len(self._trainable_variables)
        return new[:count], new[count:]

    def scale_loss(self, loss: Any) -> Any:
        """Multiply the loss by `loss_scale_factor`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor


def _without_empty(
    grads: Sequence[Any], variables: Sequence[Variable]
) -> tuple[list[Any], list[Variable]]:
    """Drop variables without a gradient, with a warning."""
    missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
    if len(missing) == len(variables):
        raise ValueError("No gradients provided for any variable.")
    if missing:
        warnings.warn(
            f"Gradients do not exist for variables {missing} when minimizing the loss. If using "
            "`model.compile()`, did you forget to provide a `loss` argument?",
            stacklevel=4,
        )
    rest = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
    return [g for g, _ in rest], [v for _, v in rest]
