"""Loss: the base of all losses, and the loss made of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from kohort.core import settings, tree
from kohort.core.component import Component
from kohort.core.dtypes import get_policy
from kohort.core.masks import get_mask
from kohort.core.serialization import serialize_keras_object
from kohort.losses.arguments import order_arguments
from kohort.losses.arrays import match_ranks, to_arrays
from kohort.losses.reduction import reduce_weighted_values, standardize_reduction


class Loss(Component, module="keras.losses"):
    """Base of all losses. A subclass overrides `call(y_true, y_pred)`.

    `call` returns the loss of each sample; the base weights and masks them and reduces them.

    Args:
        name: a name.
        reduction: `"sum_over_batch_size"` or `"mean"` (the sum over the number of entries),
            `"sum"`, `"mean_with_sample_weight"` (the sum over the sum of the weights),
            `"none"` or None (one loss per sample).
        dtype: the dtype to compute in (`floatx()` unless told); of a policy its compute dtype.

    >>> import jax.numpy as jnp
    >>> class Squared(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return jnp.mean((y_true - y_pred) ** 2, axis=-1)
    >>> float(Squared()([[1.0], [0.0]], [[1.0], [2.0]]))
    2.0
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ):
        super().__init__(name=name)
        self.reduction = standardize_reduction(reduction)
        self._dtype_policy = get_policy(dtype or settings.floatx())

    @property
    def dtype(self) -> str:
        """The dtype that the loss computes in."""
        return self._dtype_policy.compute_dtype

    @property
    def _dtype(self) -> str:
        return self.dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of labels and predictions, weighted and reduced.

        Args:
            y_true: labels, an array or a structure of arrays.
            y_pred: predictions, likewise.
            sample_weight: weights that broadcast to the losses of single samples.
        """
        in_mask = get_mask(y_pred)
        y_true, y_pred = (to_arrays(y, self.dtype) for y in (y_true, y_pred))
        values = self.call(y_true, y_pred)
        mask = get_mask(values)
        if in_mask is not None:
            mask = in_mask if mask is None else in_mask & mask
        return reduce_weighted_values(values, sample_weight, mask, self.reduction, self.dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each sample. To be overridden."""
        raise NotImplementedError(f"{type(self).__name__} must implement `call(y_true, y_pred)`.")

    def base_config(self) -> dict[str, Any]:
        """Name and reduction."""
        return {"name": self.name, "reduction": self.reduction}


class LossFunctionWrapper(Loss):
    """A loss that applies `fn(y_true, y_pred, **kwargs)`, which returns one loss per sample.

    A subclass of Kohort's own names the function, and has the function's settings as fields:

        class Huber(LossFunctionWrapper, fn=huber, args="delta reduction name dtype"):
            delta: float = hyper(default=1.0)

    `args` is the order of its arguments.
    """

    own_function: ClassVar[Callable[..., Any] | None] = None

    def __init_subclass__(
        cls,
        fn: Callable[..., Any] | None = None,
        args: str = "reduction name dtype",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if fn is not None:
            cls.own_function = staticmethod(fn)
            base = {"reduction": "sum_over_batch_size", "name": name or fn.__name__, "dtype": None}
            order_arguments(cls, args, {"fn": fn, **base})

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._settings = kwargs

    @property
    def _fn_kwargs(self) -> dict[str, Any]:
        return {**self._settings, **{name: getattr(self, name) for name in self.fields}}

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Apply the function to labels and predictions of equal ranks."""
        if not tree.is_nested(y_true) and not tree.is_nested(y_pred):
            return self.fn(*match_ranks(y_true, y_pred), **self._fn_kwargs)
        tree.assert_same_paths(y_true, y_pred)
        matched = map(match_ranks, tree.flatten(y_true), tree.flatten(y_pred))
        labels, predictions = zip(*matched, strict=True)
        y_true = tree.pack_sequence_as(y_true, labels)
        y_pred = tree.pack_sequence_as(y_pred, predictions)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """The base's configuration with the settings, and the function where it was given."""
        config = super().get_config()
        if self.own_function is None:
            config["fn"] = serialize_keras_object(self.fn)
            config.update(serialize_keras_object(self._settings))
        return config

    def __repr__(self) -> str:
        return f"<{type(self).__name__}(fn={self.fn.__name__}, kwargs={self._fn_kwargs})>"
