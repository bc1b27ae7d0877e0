"""Layers that rearrange: Flatten, Reshape, Permute, RepeatVector."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from kohort.core.component import field
from kohort.core.settings import standardize_data_format
from kohort.core.symbolic import KerasTensor
from kohort.layers.input_spec import InputSpec
from kohort.layers.layer import Layer


class _Rearrangement(Layer):
    """A layer that moves entries and so keeps their dtype."""

    _needs_no_build = True

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        """The output's shape, with the input's dtype."""
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=inputs.dtype)


class Flatten(_Rearrangement):
    """Make one axis of all axes but the batch.

    Args:
        data_format: with `"channels_first"`, the channels become the innermost axis first.

    Input shape: `(batch, …)`. Output shape: `(batch, product of the sizes)`.

    >>> Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)

    Source: `keras.layers.Flatten`.
    """

    data_format: str = field(None, convert=standardize_data_format)

    def __post_init__(self) -> None:
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        """Flatten each example."""
        if self.data_format == "channels_first" and inputs.ndim > 1:
            inputs = jnp.moveaxis(inputs, 1, -1)
        return inputs.reshape(inputs.shape[0], math.prod(inputs.shape[1:]))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """`(batch, product of the sizes)`."""
        sizes = tuple(input_shape[1:])
        return (input_shape[0], None if None in sizes else math.prod(sizes))


def _check_target(name: str, shape: tuple[Any, ...]) -> None:
    if any(d is not None and d < -1 for d in shape):
        raise ValueError(
            f"Each dimension in `{name}` must be a non-negative integer, or `-1` for a single "
            f"unknown dimension. Received: {name}={shape}."
        )
    if shape.count(-1) > 1:
        raise ValueError(
            f"There must be at most one unknown dimension (-1) in `{name}`. "
            f"Received: {name}={shape}."
        )


class Reshape(_Rearrangement):
    """Give each example another shape.

    Args:
        target_shape: the shape without the batch axis; one -1 is worked out.

    Input shape: `(batch, …)`. Output shape: `(batch, *target_shape)`.

    >>> Reshape((-1, 2))(np.ones((5, 6))).shape
    (5, 3, 2)

    Source: `keras.layers.Reshape`.
    """

    target_shape: Any = field(convert=tuple, check=_check_target)

    def call(self, inputs: Any) -> Any:
        """Reshape each example."""
        return inputs.reshape(self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """`(batch, *target_shape)`, with -1 worked out where the sizes are known."""
        sizes, target = tuple(input_shape[1:]), self.target_shape
        if None in sizes or None in target:
            return (input_shape[0], *(None if d == -1 else d for d in target))
        size, known = math.prod(sizes), math.prod(d for d in target if d != -1)
        received = f"Received: input_shape={sizes}, target_shape={target}"
        if -1 not in target:
            if size != known:
                raise ValueError(f"The total size of the tensor must be unchanged. {received}")
            return (input_shape[0], *target)
        if known == 0 or size % known:
            raise ValueError(
                "The total size of the tensor must be unchanged, however, the input size cannot "
                f"be divided by the specified dimensions in target_shape. {received}"
            )
        return (input_shape[0], *(size // known if d == -1 else d for d in target))


def _check_permutation(name: str, dims: tuple[int, ...]) -> None:
    if sorted(dims) != list(range(1, len(dims) + 1)):
        raise ValueError(
            f"Invalid permutation argument `{name}` for Permute Layer. The set of indices in "
            f"`{name}` must be consecutive and start from 1. Received {name}={dims}"
        )


class Permute(_Rearrangement):
    """Put the axes of each example in another order.

    Args:
        dims: the order, counted from 1 without the batch axis: `(2, 1)` swaps two axes.

    >>> Permute((2, 1))(np.ones((5, 3, 4))).shape
    (5, 4, 3)

    Source: `keras.layers.Permute`.
    """

    dims: Any = field(convert=tuple, check=_check_permutation)

    def __post_init__(self) -> None:
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        """Reorder the axes."""
        return inputs.transpose((0, *self.dims))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The sizes in the new order."""
        return (input_shape[0], *(input_shape[d] for d in self.dims))


def check_factor(name: str, value: Any) -> None:
    """Refuse what is not a positive whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"Expected an integer value for `{name}`, got {type(value)}.")
    if value <= 0:
        raise ValueError(
            f"Argument `{name}` should be a positive integer. Received: {name}={value}"
        )


class RepeatVector(_Rearrangement):
    """Repeat each row `n` times: a sequence of equal steps.

    Args:
        n: the number of steps.

    Input shape: `(batch, features)`. Output shape: `(batch, n, features)`.

    >>> RepeatVector(3)(np.ones((2, 4))).shape
    (2, 3, 4)

    Source: `keras.layers.RepeatVector`.
    """

    n: int = field(check=check_factor)

    def __post_init__(self) -> None:
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        """Repeat each row."""
        return jnp.repeat(inputs[:, None], self.n, axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """`(batch, n, features)`."""
        return (input_shape[0], self.n, input_shape[1])
