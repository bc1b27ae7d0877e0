"""Metrics that sum or average values over samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from kohort.core.masks import get_mask
from kohort.core.serialization import serialize_keras_object
from kohort.losses.arguments import order_arguments
from kohort.losses.arrays import divide_no_nan, match_ranks, to_array
from kohort.losses.reduction import apply_mask
from kohort.metrics.metric import Metric

Reduce = Callable[..., jax.Array]


def samplewise(
    values: Any, sample_weight: Any, reduce: Reduce, dtype: Any
) -> tuple[jax.Array, jax.Array | None]:
    """Reduce values to one for each sample, weighted; return them with the samples' weights.

    Args:
        values: `(batch, ...)`.
        sample_weight: weights that broadcast to the values, from the first axis on, or None.
        reduce: `jnp.sum` or `jnp.mean`.
        dtype: the dtype to compute in.
    """
    mask = get_mask(values)
    values = to_array(values, dtype)
    if sample_weight is not None:
        sample_weight = to_array(sample_weight, dtype)
        sample_weight = apply_mask(sample_weight, mask, values.dtype, reduction="sum")
        values, sample_weight = match_ranks(values, sample_weight)
        rank = sample_weight.ndim
        if values.ndim > rank:
            values = reduce(values, axis=tuple(range(rank, values.ndim)))
        sample_weight = jnp.broadcast_to(sample_weight, values.shape)
        values = values * sample_weight
        if rank > 1:
            sample_weight = reduce(sample_weight, axis=tuple(range(1, rank)))
    if values.ndim > 1:
        values = reduce(values, axis=tuple(range(1, values.ndim)))
    return values, sample_weight


class Sum(Metric):
    """The (weighted) sum of all values.

    >>> float(Sum()([1.0, 2.0], sample_weight=[1.0, 0.5]))
    2.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), dtype=self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values `(batch, ...)`."""
        values, _ = samplewise(values, sample_weight, jnp.sum, self.dtype)
        self.total.assign_add(jnp.sum(values))

    def result(self) -> Any:
        """The sum so far."""
        return self.total.value


class Mean(Metric):
    """The (weighted) mean of all values: `sum(w v) / sum(w)`, 0 where there are none.

    >>> float(Mean()([1.0, 3.0], sample_weight=[1.0, 3.0]))
    2.5
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None):
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), dtype=self.dtype, name="total")
        self.count = self.add_variable((), dtype=self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values `(batch, ...)`."""
        values, weights = samplewise(values, sample_weight, jnp.mean, self.dtype)
        self.total.assign_add(jnp.sum(values))
        size = values.shape[0] if values.ndim else 1
        self.count.assign_add(size if weights is None else jnp.sum(weights))

    def result(self) -> Any:
        """The mean so far."""
        return divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of `fn(y_true, y_pred, **kwargs)`, which returns one value per sample.

    A subclass of Kohort's own names the function, and has the function's settings as fields
    (see `LossFunctionWrapper`); `direction` is whether more is better ("up") or less ("down").

    >>> metric = MeanMetricWrapper(lambda y_true, y_pred: abs(y_true - y_pred), name="error")
    >>> float(metric(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0])))
    1.0
    """

    own_function: ClassVar[Callable[..., Any] | None] = None

    def __init_subclass__(
        cls,
        fn: Callable[..., Any] | None = None,
        args: str = "name dtype",
        name: str | None = None,
        direction: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if fn is not None:
            cls.own_function = staticmethod(fn)
            order_arguments(cls, args, {"fn": fn, "name": name or fn.__name__, "dtype": None})
        if direction is not None:
            cls._direction = direction

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any
    ):
        super().__init__(name=name, dtype=dtype)
        self._fn = fn
        self._settings = kwargs
        if _is_loss(fn) and not hasattr(self, "_direction"):
            self._direction = "down"

    @property
    def _fn_kwargs(self) -> dict[str, Any]:
        return {**self._settings, **{name: getattr(self, name) for name in self.fields}}

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Add a batch of labels and predictions."""
        mask = get_mask(y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        sample_weight = apply_mask(sample_weight, mask, to_array([0], self.dtype).dtype, "sum")
        super().update_state(values, sample_weight=sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The base's configuration with the settings, and the function where it was given."""
        config = super().get_config()
        if self.own_function is None:
            config["fn"] = serialize_keras_object(self._fn)
            config.update(serialize_keras_object(self._settings))
        return config


def _is_loss(fn: Any) -> bool:
    from kohort import losses

    return isinstance(fn, losses.Loss) or any(fn is function for function in losses.FUNCTIONS)
