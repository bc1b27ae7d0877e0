"""Different optimisers for different variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from kohort.core import registry
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.variable import Variable
from kohort.optimizers.loss_scale import LossScaleOptimizer
from kohort.optimizers.optimizer import Optimizer


class OptimizerMap(MutableMapping):
    """Optimisers by patterns (regular expressions) of variable paths, and a default.

    >>> from kohort.optimizers import SGD, Adam
    >>> optimizers = OptimizerMap(Adam(), {".*bias": SGD(0.5)})
    >>> type(optimizers["dense/bias"]).__name__, type(optimizers["dense/kernel"]).__name__
    ('SGD', 'Adam')
    """

    public_module = "keras.optimizers"

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict | None = None):
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(
                f"default_optimizer must be a Keras Optimizer instance. Received: "
                f"{default_optimizer}"
            )
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"optimizer_map must be a dictionary. Received: {optimizer_map}")
        self._default_optimizer = default_optimizer
        self._optimizer_map: dict[str, Optimizer] = optimizer_map or {}

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimiser of variables that no pattern matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizer_map:
            return self._optimizer_map[key]
        found = [opt for pattern, opt in self._optimizer_map.items() if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"Multiple optimizers assigned to variable {key}.")
        return found[0] if found else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._optimizer_map:
            raise ValueError(
                f"'{key}' already exists in the OptimizerMap with value "
                f"{self._optimizer_map[key]}. Please make sure to not use duplicated keys."
            )
        if not isinstance(key, str):
            raise ValueError(f"key must be a string. Received: {key}")
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"optimizer must be a Keras Optimizer instance. Received: {optimizer}")
        if isinstance(optimizer, LossScaleOptimizer):
            raise ValueError("optimizer cannot be LossScaleOptimizer.")
        if isinstance(optimizer, MultiOptimizer):
            raise ValueError("optimizer cannot be MultiOptimizer.")
        self._optimizer_map[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizer_map[key]

    def __len__(self) -> int:
        return len(self._optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizer_map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimiser of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The optimisers' configurations."""
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": serialize_keras_object(self._optimizer_map),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> OptimizerMap:
        """Make one from its configuration."""
        default = deserialize_keras_object(config["default_optimizer"], custom_objects)
        return cls(default, deserialize_keras_object(config["optimizer_map"], custom_objects))


registry.add_alias("keras.optimizers", "OptimizerMap", OptimizerMap)


class MultiOptimizer(Optimizer):
    """Applies to each variable the optimiser that a map (or a function) gives for it.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from a variable to its optimiser.
        loss_scale_factor: multiplies the loss and divides the gradients.
        name: a name.
    """

    def __init__(
        self, optimizer_map: Any, loss_scale_factor: float | None = None, name: str | None = None
    ):
        self._optimizers: list[Optimizer] = []
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._optimizer_map = optimizer_map
        self._groups: list[list[Variable]] = []
        self._var_to_optimizer_idx: dict[Variable, int] = {}
        if hasattr(optimizer_map, "values"):
            for optimizer in optimizer_map.values():
                self._add(optimizer)
        default = getattr(optimizer_map, "default_optimizer", None)
        if default is not None:
            self._add(default)

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimisers, in the order of their variables in the state."""
        return self._optimizers

    def _add(self, optimizer: Optimizer) -> int:
        """The position of an optimiser among the inner ones."""
        for i, known in enumerate(self.optimizers):
            if known is optimizer:
                return i
        optimizer.loss_scale_factor = self.loss_scale_factor
        self.optimizers.append(optimizer)
        return len(self.optimizers) - 1

    def build(self, variables: Sequence[Variable]) -> None:
        """Build each optimiser for its variables."""
        if self.built:
            return
        owners = {v: self._add(self._check(v, self._optimizer_map(v))) for v in variables}
        self._var_to_optimizer_idx = owners
        self._groups = [
            [v for v, owner in owners.items() if owner == i] for i in range(len(self.optimizers))
        ]
        for optimizer, group in zip(self.optimizers, self._groups, strict=True):
            if group:
                optimizer.build(group)
        super().build(variables)

    @staticmethod
    def _check(variable: Variable, optimizer: Any) -> Optimizer:
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"Optimizer for variable {variable} is not an Optimizer instance.")
        for kind in (LossScaleOptimizer, MultiOptimizer):
            if isinstance(optimizer, kind):
                raise ValueError(f"{kind.__name__} cannot be used inside an MultiOptimizer.")
        return optimizer

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Give each optimiser its gradients."""
        if len(grads) == 0:
            return
        variables = self._variables_of(grads, trainable_variables)
        by_variable = dict(zip(variables, grads, strict=True))
        for optimizer, group in zip(self.optimizers, self._groups, strict=True):
            present = [v for v in group if v in by_variable]
            if present:
                optimizer.apply([by_variable[v] for v in present], present)
        self._iterations.assign_add(1)

    @property
    def variables(self) -> list[Variable]:
        """Its own variables, then those of the optimisers."""
        return [*self._variables, *(v for opt in self.optimizers for v in opt.variables)]

    @property
    def learning_rate(self) -> Any:
        """There is none: each optimiser has its own."""
        raise AttributeError(
            "Learning rate cannot be accessed on a MultiOptimizer. Access the learning rate on "
            "the individual sub-optimizers instead."
        )

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(
            "Learning rate cannot be set on a MultiOptimizer. Set the learning rate on the "
            "individual sub-optimizers instead."
        )

    @property
    def loss_scale_factor(self) -> float | None:
        """The factor, which the optimisers share."""
        return self.__dict__.get("_loss_scale_factor")

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self.optimizers:
            optimizer.loss_scale_factor = value

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """As each optimiser does for its variables."""
        given = set(var_list)
        for optimizer, group in zip(self.optimizers, self._groups, strict=True):
            present = [v for v in group if v in given]
            if present:
                optimizer.finalize_variable_values(present)

    def get_config(self) -> dict[str, Any]:
        """The map, the loss scale and the name."""
        return {
            "optimizer_map": serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Make one from its configuration."""
        optimizer_map = deserialize_keras_object(config["optimizer_map"], custom_objects)
        return cls(**{**config, "optimizer_map": optimizer_map})
