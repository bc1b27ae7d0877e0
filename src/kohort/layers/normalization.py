"""Normalisation of each example: layer, group, root mean square, unit length."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.component import field
from kohort.core.dtypes import result_type
from kohort.layers.elementwise import _Elementwise
from kohort.layers.fields import constraint, initializer, regularizer
from kohort.layers.input_spec import InputSpec


def check_axes(axis: Any, shape: Any) -> None:
    """Refuse axes that the shape has not."""
    for a in axis if isinstance(axis, (list, tuple)) else [axis]:
        if not -len(shape) <= a < len(shape):
            raise ValueError(
                f"Axis {a} is out of bounds for input shape {tuple(shape)}. Received: axis={axis}"
            )


def _int_or_list(name: str, value: Any) -> None:
    if not isinstance(value, (int, list, tuple)):
        raise TypeError(
            f"Expected an int or a list/tuple of ints for the argument '{name}', but received: "
            f"{value!r}"
        )


def _plain_axis(axis: Any) -> Any:
    return list(axis) if isinstance(axis, tuple) else axis


class _Normalization(_Elementwise):
    """A layer that normalises along `axis`."""

    axis: Any = -1

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input, which must have the axes."""
        check_axes(self.axis, input_shape)
        return input_shape

    def _add_scale_and_offset(self, shape: tuple[Any, ...], scale: bool, center: bool) -> None:
        """Create gamma and beta; they keep their dtype under mixed precision."""
        self.gamma = self.add_weight(name="gamma", shape=shape, autocast=False) if scale else None
        self.beta = self.add_weight(name="beta", shape=shape, autocast=False) if center else None


def value_of(variable: Any, dtype: Any) -> Any:
    """The variable's value in a dtype, or None."""
    return None if variable is None else variable.value.astype(dtype)


def standardize(
    x: Any, axis: list[int], mean: Any, variance: Any, epsilon: float, gamma: Any, beta: Any
) -> Any:
    """`gamma * (x - mean) / sqrt(variance + epsilon) + beta`, as one product and one sum.

    What has not the rank of `x` has the sizes of the axes in `axis`.
    """
    shape = [d if a in axis else 1 for a, d in enumerate(x.shape)]

    def fit(value: Any) -> Any:
        return value if value.ndim == x.ndim else value.reshape(shape)

    factor = jax.lax.rsqrt(fit(variance) + epsilon)
    factor = factor if gamma is None else factor * gamma.reshape(shape)
    offset = 0 if mean is None else -fit(mean) * factor
    offset = offset if beta is None else offset + beta.reshape(shape)
    return x * factor + offset


class LayerNormalization(_Normalization):
    """Normalise each example by the mean and the variance over `axis`.

        output = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    Args:
        axis: an axis or several; gamma and beta have their sizes.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.

    Input shape and output shape: any.

    >>> print(LayerNormalization()(np.array([[1.0, 3.0]])).round(2))
    [[-1.  1.]]

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.
    """

    axis: Any = field(default=-1, check=_int_or_list, convert=_plain_axis)
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Any = initializer("zeros")
    gamma_initializer: Any = initializer("ones")
    beta_regularizer: Any = regularizer()
    gamma_regularizer: Any = regularizer()
    beta_constraint: Any = constraint()
    gamma_constraint: Any = constraint()
    rms_scaling: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.autocast = False
        if self.rms_scaling:
            warnings.warn(
                "You passed `rms_scaling=True`, which is deprecated. This argument incorrectly "
                "scales the input by the variance, not the root mean square. To correctly use RMS "
                "Normalization, please use `keras.layers.RMSNormalization` instead.",
                stacklevel=3,
            )

    def build(self, input_shape: Any) -> None:
        """Create gamma and beta."""
        shape = _axis_sizes(self.axis, input_shape)
        scale = self.scale or self.rms_scaling
        self._add_scale_and_offset(shape, scale, self.center and not self.rms_scaling)

    def call(self, inputs: Any) -> Any:
        """Normalise each example."""
        axis = sorted(a % inputs.ndim for a in _as_list(self.axis))
        x = inputs.astype(result_type(inputs.dtype, "float32"))
        mean = None if self.rms_scaling else jnp.mean(x, axis, keepdims=True)
        variance = jnp.var(x, axis, keepdims=True)
        gamma, beta = value_of(self.gamma, x.dtype), value_of(self.beta, x.dtype)
        y = standardize(x, axis, mean, variance, self.epsilon, gamma, beta)
        return y.astype(self.compute_dtype)


def _as_list(axis: Any) -> list[int]:
    return list(axis) if isinstance(axis, (list, tuple)) else [axis]


def _axis_sizes(axis: Any, shape: Any) -> tuple[Any, ...]:
    check_axes(axis, shape)
    # Sorted as they are written, -1 first: so files of Keras have it.
    return tuple(shape[a] for a in sorted(_as_list(axis)))


class RMSNormalization(_Normalization):
    """Divide each example by its root mean square: `x / sqrt(mean(x²) + epsilon) * scale`.

    Args:
        axis: an axis or several; the learned `scale` has their sizes.
        epsilon: added to the mean square.

    >>> print(RMSNormalization()(np.array([[-3.0, 3.0]])).round(3))
    [[-1.  1.]]

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.
    """

    axis: Any = -1
    epsilon: float = 1e-6

    def build(self, input_shape: Any) -> None:
        """Create the scale."""
        shape = _axis_sizes(self.axis, input_shape)
        self.scale = self.add_weight(name="scale", shape=shape, initializer="ones")

    def call(self, x: Any) -> Any:
        """Normalise each example."""
        axis = [a % x.ndim for a in _as_list(self.axis)]
        wide = x.astype(result_type(x.dtype, "float32"))
        factor = jax.lax.rsqrt(jnp.mean(jnp.square(wide), axis, keepdims=True) + self.epsilon)
        shape = [d if a in axis else 1 for a, d in enumerate(x.shape)]
        return (wide * factor * value_of(self.scale, wide.dtype).reshape(shape)).astype(x.dtype)


def _unit_axis(name: str, value: Any) -> None:
    if not isinstance(value, (int, list, tuple)):
        raise TypeError(
            f"Invalid value for `{name}` argument: expected an int or a list/tuple of ints. "
            f"Received: {name}={value}"
        )


class UnitNormalization(_Normalization):
    """Scale each example to Euclidean length 1 along `axis`.

    Args:
        axis: an axis or several.

    >>> print(UnitNormalization()(np.array([[3.0, 4.0]])).round(3))
    [[0.6 0.8]]

    Source: `keras.layers.UnitNormalization`.
    """

    axis: Any = field(default=-1, check=_unit_axis, convert=_plain_axis)

    def call(self, inputs: Any) -> Any:
        """Scale each example."""
        return unit_length(inputs, tuple(_as_list(self.axis)), 1e-12)


def unit_length(x: Any, axis: Any, epsilon: float) -> Any:
    """Scale `x` to Euclidean length 1 along `axis`; lengths below `epsilon` stay small.

    >>> print(unit_length(jnp.array([3.0, 4.0]), 0, 1e-12).round(3))
    [0.6 0.8]
    """
    inverse = jax.lax.rsqrt(jnp.sum(jnp.square(x), axis, keepdims=True))
    largest = min(1 / epsilon, float(jnp.finfo(x.dtype).max))
    return x * jnp.minimum(inverse, jnp.asarray(largest, x.dtype))


def _check_groups(name: str, value: Any) -> None:
    if not isinstance(value, int) or (value <= 0 and value != -1):
        raise ValueError(
            f"Received an invalid value for argument `{name}`, expected a positive integer (or "
            f"`-1` for instance normalization). Received: {name}={value}"
        )


class GroupNormalization(_Normalization):
    """Normalise each example by the mean and the variance of groups of channels.

    Args:
        groups: the number of groups; 1 is layer-like, -1 a group for each channel.
        axis: the axis of the channels.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.

    >>> print(GroupNormalization(2)(np.array([[1.0, 3.0, 10.0, 30.0]])).round(2))
    [[-1.  1. -1.  1.]]

    Source: Wu and He, "Group normalization", 2018.
    """

    groups: int = field(default=32, check=_check_groups)
    axis: int = -1
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    beta_initializer: Any = initializer("zeros")
    gamma_initializer: Any = initializer("ones")
    beta_regularizer: Any = regularizer()
    gamma_regularizer: Any = regularizer()
    beta_constraint: Any = constraint()
    gamma_constraint: Any = constraint()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        """Create gamma and beta."""
        channels = input_shape[self.axis]
        if channels is None:
            raise ValueError(
                f"Axis {self.axis} of input tensor should have a defined dimension but the layer "
                f"received an input with shape {input_shape}."
            )
        if self.groups == -1:
            self.groups = channels
        if channels < self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) cannot be more than the number of channels "
                f"({channels})."
            )
        if channels % self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) must be a multiple of the number of channels "
                f"({channels})."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._add_scale_and_offset((channels,), self.scale, self.center)

    def call(self, inputs: Any) -> Any:
        """Normalise each group of each example."""
        axis = self.axis % inputs.ndim
        shape = list(inputs.shape)
        shape[axis : axis + 1] = [self.groups, shape[axis] // self.groups]
        x = inputs.astype(result_type(inputs.dtype, "float32")).reshape(shape)
        axes = [a for a in range(1, x.ndim) if a != axis]
        mean, variance = jnp.mean(x, axes, keepdims=True), jnp.var(x, axes, keepdims=True)
        gamma, beta = value_of(self.gamma, x.dtype), value_of(self.beta, x.dtype)
        y = standardize(x, [axis, axis + 1], mean, variance, self.epsilon, gamma, beta)
        return y.reshape(inputs.shape).astype(self.compute_dtype)
