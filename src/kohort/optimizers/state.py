"""The state of an optimiser: its variables, the learning rate among them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from kohort import initializers
from kohort.core import settings
from kohort.core.component import Component, touch
from kohort.core.naming import name_scope
from kohort.core.serialization import serialize_keras_object
from kohort.core.variable import Variable
from kohort.optimizers.schedules import LearningRateSchedule

# Attributes that hold the model's variables, or are needed before `__init__` of the base.
_UNTRACKED = ("_variables", "_trainable_variables", "_optimizers")


class OptimizerState(Component):
    """Keeps the variables in Keras's order: iteration, learning rate, then what `build` adds."""

    def __init__(self, learning_rate: Any, name: str | None = None):
        self._variables: list[Variable] = []
        super().__init__(name=name)
        self.built = False
        self._iterations = self._scalar(0, "int32", "iteration")
        if not callable(learning_rate):
            learning_rate = self._scalar(learning_rate, settings.floatx(), "learning_rate")
        self._learning_rate: Any = learning_rate

    def _scalar(self, value: Any, dtype: str, name: str) -> Variable:
        with name_scope(self.name, self):
            return Variable(value, dtype=dtype, trainable=False, name=name)

    def __setattr__(self, key: str, value: Any) -> None:
        if "_variables" not in self.__dict__ and key not in _UNTRACKED:
            raise RuntimeError(
                f"In optimizer '{type(self).__name__}', you forgot to call `super().__init__()` "
                "as the first statement in the `__init__()` method. Go add it!"
            )
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, Variable) and key not in _UNTRACKED:
                self._track_variable(item)
        super().__setattr__(key, value)

    def _track_variable(self, variable: Variable) -> None:
        if not any(variable is known for known in self._variables):  # `in` would compare values
            self._variables.append(variable)

    @property
    def variables(self) -> list[Variable]:
        """All variables of the optimiser."""
        return list(self._variables)

    @property
    def learning_rate(self) -> Any:
        """The learning rate: its variable, or what the schedule gives at this step."""
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate(self._iterations)
        return rate() if callable(rate) else rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        old = self._learning_rate
        if callable(value):
            self._learning_rate = value
            if isinstance(old, Variable):
                self._variables.remove(old)
            touch()
        elif isinstance(old, Variable):
            old.assign(value)
        else:
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its "
                "`learning_rate` constructor argument, hence its learning rate is not settable. "
                "If you need the learning rate to be settable, you should instantiate the "
                "optimizer with a float `learning_rate` argument."
            )

    @property
    def lr(self) -> Any:
        """The learning rate, in the spelling of Keras 2."""
        return self.learning_rate

    @lr.setter
    def lr(self, value: Any) -> None:
        self.learning_rate = value

    def base_config(self) -> dict[str, Any]:
        """The name and the learning rate."""
        rate = self._learning_rate
        if isinstance(rate, Variable):
            return {"name": self.name, "learning_rate": float(rate.numpy())}
        return {"name": self.name, "learning_rate": serialize_keras_object(rate)}

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the optimiser's state."""
        del layout
        with name_scope(self.name, self):
            variable = Variable(
                initializers.get(initializer),
                shape=shape,
                dtype=dtype,
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._track_variable(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Make a variable of the shape and dtype of another, named after it."""
        return self.add_variable(
            shape=reference_variable.shape,
            initializer=initializer,
            dtype=reference_variable.dtype,
            name=f"{reference_variable.path.replace('/', '_')}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Make one variable (`name` is a string) or several for each parameter.

        Returns:
            a list in the order of the parameters, or a tuple of lists, one for each name.
            None stands for parameters that their gradient overwrites.
        """
        names = [name] if isinstance(name, str) else list(name)
        given = (
            [initializer] * len(names)
            if not isinstance(initializer, (list, tuple))
            else list(initializer)
        )
        if len(names) != len(given):
            raise ValueError(
                "The number of provided names must match the number of provided initializers.  "
                f"Received name='{name}', initializer='{initializer}'"
            )
        columns: tuple[list[Any], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            skip = variable.overwrite_with_gradient
            for column, each, start in zip(columns, names, given, strict=True):
                column.append(
                    None if skip else self.add_variable_from_reference(variable, each, start)
                )
        return columns[0] if isinstance(name, str) else columns

    def assign(self, variable: Variable, value: Any) -> None:
        """Assign to a variable."""
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)

    def get_weights(self) -> list[np.ndarray]:
        """The values of the variables."""
        return [v.numpy() for v in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the values of the variables."""
        if not self.built:
            raise ValueError(
                "You are calling `set_weights()` on an optimizer that has not yet been built. "
                "Please call `optimizer.build(trainable_variables)` to create the optimizer "
                "weights before calling `set_weights()`."
            )
        for variable, weight in zip(self.variables, weights, strict=False):
            if variable.shape != tuple(weight.shape):
                raise ValueError(
                    f"Optimizer variable {variable.path} has shape {variable.shape} not "
                    f"compatible with provided weight shape {weight.shape}."
                )
            variable.assign(weight)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Write the variables to a store, numbered in their order."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read the variables from a store; warn and skip if their number differs."""
        if len(store.keys()) != len(self.variables):
            hint = (
                ""
                if self.variables
                else ("This is likely because the optimizer has not been called/built yet.")
            )
            warnings.warn(
                f"Skipping variable loading for optimizer '{self.name}', because it has "
                f"{len(self.variables)} variables whereas the saved optimizer has "
                f"{len(store.keys())} variables. {hint}",
                stacklevel=2,
            )
            return
        for i, variable in enumerate(self.variables):
            variable.assign(np.asarray(store[str(i)]))
