"""Optax transformations as optimisers. Optax itself is never imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.variable import Variable, convert_to_tensor
from kohort.errors import with_remedies
from kohort.optimizers.optimizer import Optimizer


def is_transformation(obj: Any) -> bool:
    """Whether this is an `optax.GradientTransformation`: a tuple with `init` and `update`."""
    return (
        isinstance(obj, tuple)
        and callable(getattr(obj, "init", None))
        and callable(getattr(obj, "update", None))
    )


OPTAX_UNSAVED = (
    "The model was compiled with an Optax transformation, which is a function and not in the file: "
    "the model is loaded without it, not compiled. Call `compile()` with the transformation again "
    "to train it on."
)


def is_optax_config(config: Any) -> bool:
    """Whether this is the configuration of an optimiser that an Optax transformation was."""
    return isinstance(config, Mapping) and config.get("class_name") == "OptaxOptimizer"


class OptaxOptimizer(Optimizer):
    """An optimiser that applies an Optax transformation; `compile` makes it from one.

    The leaves of Optax's state are variables, so they are saved and varied like any others.
    `learning_rate` is the one of `optax.inject_hyperparams` where the transformation has it;
    else it is a factor on the updates (1: as the transformation says).

    Args:
        transformation: an `optax.GradientTransformation`.
        learning_rate: a factor on the updates.
        kwargs: the options that all optimisers share.

    >>> import optax
    >>> p = Variable([1.0])
    >>> OptaxOptimizer(optax.sgd(0.5)).apply([jnp.array([1.0])], [p])
    >>> p.numpy()
    array([0.5], dtype=float32)
    """

    def __init__(self, transformation: Any, learning_rate: Any = 1.0, **kwargs: Any):
        super().__init__(learning_rate, **kwargs)
        self.transformation = transformation
        self._state: list[Variable] = []
        self._structure: Any = None
        self._injected: Variable | None = None

    def build_slots(self, variables: Sequence[Variable]) -> None:
        """Make a variable of each leaf of Optax's state."""
        state = self.transformation.init([v.value for v in variables])
        leaves, self._structure = jax.tree_util.tree_flatten_with_path(state)
        for path, leaf in leaves:
            name = jax.tree_util.keystr(path, simple=True, separator="_")
            leaf = jnp.asarray(leaf)
            variable = self.add_variable(leaf.shape, dtype=leaf.dtype, name=f"optax_{name}")
            variable.assign(leaf)
            self._state.append(variable)
            if name.endswith("hyperparams_learning_rate"):
                self._injected = variable

    @property
    def learning_rate(self) -> Any:
        """The injected learning rate, or the factor on the updates."""
        return self._injected if self._injected is not None else super().learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if self._injected is not None:
            self._injected.assign(value)
        else:
            Optimizer.learning_rate.fset(self, value)  # type: ignore[attr-defined]

    def _factor(self) -> Any:
        return super().learning_rate

    def _update_variables(
        self, grads: Sequence[Any], variables: Sequence[Variable], lr: Any
    ) -> None:
        given = dict(zip(variables, grads, strict=True))
        values = [v.value for v in self._trainable_variables]
        gradients = [
            convert_to_tensor(given[v], v.dtype) if v in given else jnp.zeros_like(value)
            for v, value in zip(self._trainable_variables, values, strict=True)
        ]
        state = jax.tree.unflatten(self._structure, [v.value for v in self._state])
        updates, state = self.transformation.update(gradients, state, values)
        for variable, leaf in zip(self._state, jax.tree.leaves(state), strict=True):
            variable.assign(leaf)
        factor = convert_to_tensor(self._factor())
        for variable, value, update in zip(self._trainable_variables, values, updates, strict=True):
            if variable in given:
                variable.assign(value + factor.astype(value.dtype) * update)

    def structure(self) -> tuple[Any, ...]:
        """The transformation counts by identity."""
        return (*super().structure(), self.transformation)

    def get_config(self) -> dict[str, Any]:
        """The options; the transformation itself has no configuration."""
        return {**super().get_config(), "transformation": "optax"}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Refuse: Optax transformations are functions, which files do not hold."""
        raise ValueError(
            with_remedies(
                "An Optax transformation cannot be loaded from a configuration.",
                f"the configuration of '{config.get('name')}'",
                [
                    "Load with `compile=False` and compile with the transformation again.",
                    "Use one of Kohort's own optimizers, which are saved with the model.",
                ],
            )
        )
