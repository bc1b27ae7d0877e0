"""Metric: the base of all metrics, a small state that batches add to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import settings, tree
from kohort.core.component import Component
from kohort.core.dtypes import get_policy
from kohort.core.frame import Frame
from kohort.core.naming import name_scope
from kohort.core.variable import Variable
from kohort.losses.arrays import array_dtype


class Metric(Component, module="keras.metrics"):
    """Base of all metrics. A subclass makes variables and overrides two methods.

    `update_state(y_true, y_pred, sample_weight=None)` adds a batch to the variables by `assign`;
    `result()` is the value so far. `reset_state()` sets all variables to 0. Inside a Frame, and
    in the `stateless_*` methods, nothing is written: these are pure functions of arrays.

    Args:
        dtype: the dtype to compute in (`floatx()` unless told); of a policy its compute dtype.
        name: a name.

    >>> class Positives(Metric):
    ...     def __init__(self, name="positives", **kwargs):
    ...         super().__init__(name=name, **kwargs)
    ...         self.count = self.add_variable(shape=(), initializer="zeros", name="count")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.count.assign_add((y_pred > 0.5).sum())
    ...     def result(self):
    ...         return self.count.value
    >>> float(Positives()(None, jnp.array([0.3, 0.7])))
    1.0
    """

    def __init__(self, dtype: Any = None, name: str | None = None):
        super().__init__(name=name)
        self._variables: list[Variable] = []
        self._dtype_policy = get_policy(dtype or settings.floatx())

    @property
    def dtype(self) -> str:
        """The dtype that the metric computes in."""
        return self._dtype_policy.compute_dtype

    @property
    def _dtype(self) -> str:
        return self.dtype

    def _check_super_called(self) -> None:
        if "_variables" not in self.__dict__:
            raise RuntimeError(
                "You forgot to call `super().__init__()` in the `__init__()` method. Go add it!"
            )

    def add_variable(
        self,
        shape: Any,
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the state.

        Args:
            shape: its shape.
            initializer: an initialiser, or its name; zeros unless told.
            dtype: its dtype; `floatx()` unless told.
            aggregation: how replicas are joined (kept for Keras's sake).
            name: its name.
        """
        self._check_super_called()
        with name_scope(self.name.replace("/", ">"), self):
            variable = Variable(
                _initializer(initializer),
                shape=shape,
                dtype=array_dtype(dtype),
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """`add_variable` by its older name."""
        return self.add_variable(shape=shape, initializer=initializer, dtype=dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The variables of this metric, then those of the metrics that it holds."""
        found = {id(leaf): leaf for leaf in self._leaves(Variable)}
        for metric in {id(leaf): leaf for leaf in self._leaves(Metric)}.values():
            found.update((id(variable), variable) for variable in metric.variables)
        return list(found.values())

    def _leaves(self, kind: type) -> Iterator[Any]:
        """What is of this kind in the attributes, structures included."""
        for name, value in self.__dict__.items():
            if name != "_init_args":
                yield from (leaf for leaf in tree.flatten(value) if isinstance(leaf, kind))

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch to the state. To be overridden."""
        raise NotImplementedError(f"{type(self).__name__} must implement `update_state()`.")

    def result(self) -> Any:
        """The value of the metric so far. To be overridden."""
        raise NotImplementedError(f"{type(self).__name__} must implement `result()`.")

    def reset_state(self) -> None:
        """Set all variables to 0."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, jnp.dtype(variable.dtype)))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch and return the value so far."""
        self._check_super_called()
        self.update_state(*args, **kwargs)
        return self.result()

    def _frame(self, metric_variables: Sequence[Any]) -> Frame:
        variables = self.variables
        if len(metric_variables) != len(variables):
            raise ValueError(
                "Argument `metric_variables` must be a list of tensors corresponding 1:1 to "
                f"{type(self).__name__}().variables. Received list with length "
                f"{len(metric_variables)}, but expected {len(variables)} variables."
            )
        arrays = (v.value if isinstance(v, Variable) else jnp.asarray(v) for v in metric_variables)
        return Frame(dict(zip(variables, arrays, strict=True)))

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[Any]:
        """The new state after a batch, from the state before."""
        with self._frame(metric_variables):
            self.update_state(*args, **kwargs)
            return [variable.value for variable in self.variables]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The value of the metric in the given state."""
        with self._frame(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Any]:
        """The state at the start."""
        with Frame():
            self.reset_state()
            return [variable.value for variable in self.variables]

    def base_config(self) -> dict[str, Any]:
        """Name and dtype."""
        return {"name": self.name, "dtype": self.dtype}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _initializer(identifier: Any) -> Callable[..., Any]:
    from kohort import initializers

    return initializers.get("zeros" if identifier is None else identifier)


def create_variables(metric: Metric, *args: Any, **kwargs: Any) -> None:
    """Make the variables that depend on the data's shapes; the state stays as it is.

    Args:
        metric: the metric.
        args: what `update_state` takes: arrays, or `jax.ShapeDtypeStruct`s.

    >>> from kohort.metrics import F1Score
    >>> metric, spec = F1Score(), jax.ShapeDtypeStruct((8, 3), "float32")
    >>> create_variables(metric, spec, spec)
    >>> len(metric.variables)
    4
    """

    def update(*args: Any, **kwargs: Any) -> None:
        with Frame():
            metric.update_state(*args, **kwargs)

    jax.eval_shape(update, *args, **kwargs)
