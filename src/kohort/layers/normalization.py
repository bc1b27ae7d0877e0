"""Normalisation: batch, layer, group, root mean square, unit."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.component import field, hyper
from kohort.core.dtypes import result_type
from kohort.core.settings import epsilon as tiny
from kohort.layers.elementwise import _Elementwise
from kohort.layers.fields import constraint, initializer, regularizer
from kohort.layers.input_spec import InputSpec


def _check_axes(axis: Any, shape: Any) -> None:
    for a in axis if isinstance(axis, (list, tuple)) else [axis]:
        if not -len(shape) <= a < len(shape):
            raise ValueError(
                f"Axis {a} is out of bounds for input shape {tuple(shape)}. Received: axis={axis}"
            )


def _int_or_list(name: str, value: Any) -> None:
    if not isinstance(value, (int, list, tuple)):
        raise TypeError(
            f"Invalid value for `{name}` argument: Expected an int or a list/tuple of ints for the "
            f"argument '{name}', but received: {value!r}. Received: {name}={value}"
        )


def _plain_axis(axis: Any) -> Any:
    return list(axis) if isinstance(axis, tuple) else axis


class _Normalization(_Elementwise):
    """A layer that normalises along `axis`."""

    axis: Any = -1

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input, which must have the axes."""
        _check_axes(self.axis, input_shape)
        return input_shape

    def _add_scale_and_offset(self, shape: tuple[Any, ...], scale: bool, center: bool) -> None:
        """Create gamma and beta; they keep their dtype under mixed precision."""
        self.gamma = self.add_weight(name="gamma", shape=shape, autocast=False) if scale else None
        self.beta = self.add_weight(name="beta", shape=shape, autocast=False) if center else None


class BatchNormalization(_Normalization):
    """Normalise each channel by the mean and the variance of the batch.

        output = gamma * (x - mean) / sqrt(variance + epsilon) + beta

    In training, mean and (biased) variance are those of the batch, and the moving averages
    follow: `moving = moving * momentum + batch * (1 - momentum)`. Otherwise, and where
    `trainable` is False, the moving averages are used.

    Args:
        axis: the axis of the channels.
        momentum: how slowly the moving averages follow.
        epsilon: added to the variance.
        center, scale: whether there is a beta, a gamma.
        renorm: batch renormalisation: the training statistics are corrected towards moving
            ones, within `renorm_clipping` (`rmin`, `rmax`, `dmax`).
        synchronized: accepted; a compiled step takes the statistics of the whole batch, over
            how many devices it may be spread.

    Input shape and output shape: any. `mask` has one axis less than the inputs: masked steps do
    not count.

    >>> layer = BatchNormalization()
    >>> print(layer(np.array([[1.0], [3.0]]), training=True).round(2).ravel())
    [-1.  1.]
    >>> print(layer.moving_mean.numpy())
    [0.02]

    Source: Ioffe and Szegedy, "Batch normalization", 2015; renorm: Ioffe, 2017.
    """

    axis: int = field(-1, convert=int)
    momentum: float = hyper(0.99, low=0, high=1, neutral=None)
    epsilon: float = field(1e-3, convert=float)
    center: bool = True
    scale: bool = True
    beta_initializer: Any = initializer("zeros")
    gamma_initializer: Any = initializer("ones")
    moving_mean_initializer: Any = initializer("zeros")
    moving_variance_initializer: Any = initializer("ones")
    beta_regularizer: Any = regularizer()
    gamma_regularizer: Any = regularizer()
    beta_constraint: Any = constraint()
    gamma_constraint: Any = constraint()
    renorm: bool = False
    renorm_clipping: Any = None
    renorm_momentum: float = 0.99
    synchronized: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.renorm:
            self.renorm_clipping = _check_clipping(self.renorm_clipping or {})

    def build(self, input_shape: Any) -> None:
        """Create gamma, beta and the moving averages."""
        _check_axes(self.axis, input_shape)
        shape = (input_shape[self.axis],)
        self._add_scale_and_offset(shape, self.scale, self.center)

        def statistic(name: str, start: Any) -> Any:
            return self.add_weight(
                name=name, shape=shape, initializer=start, trainable=False, autocast=False
            )

        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        self.moving_mean = statistic("moving_mean", mean)
        self.moving_variance = statistic("moving_variance", variance)
        if self.renorm:
            self.moving_stddev = statistic("moving_stddev", _root(variance))
            self.renorm_mean = statistic("renorm_mean", mean)
            self.renorm_stddev = statistic("renorm_stddev", _root(variance))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise; in training, move the averages."""
        if mask is not None and mask.ndim != inputs.ndim - 1:
            raise ValueError(
                "The mask provided should be one dimension less than the inputs. Received: "
                f"mask.shape={mask.shape}, inputs.shape={inputs.shape}"
            )
        # Half precision overflows in the sums.
        x = inputs.astype(result_type(inputs.dtype, "float32"))
        gamma, beta = _value(self.gamma, x.dtype), _value(self.beta, x.dtype)
        if training and self.trainable:
            mean, variance = _moments(x, self.axis, mask)
            if self.renorm:
                gamma, beta = self._renormalize(mean, variance, gamma, beta)
            else:
                self._follow(self.moving_mean, mean, self.momentum)
                self._follow(self.moving_variance, variance, self.momentum)
        else:
            mean = self.moving_mean.value.astype(x.dtype)
            variance = self.moving_variance.value.astype(x.dtype)
        y = _standardize(x, [self.axis % x.ndim], mean, variance, self.epsilon, gamma, beta)
        return y.astype(self.compute_dtype)

    def _follow(self, variable: Any, value: Any, momentum: Any) -> Any:
        moved = variable.value.astype(value.dtype) * momentum + value * (1.0 - momentum)
        variable.assign(moved)
        return moved

    def _renormalize(self, mean: Any, variance: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
        """Fold the corrections r and d into gamma and beta, and move the averages."""
        stddev = jnp.sqrt(variance + self.epsilon)
        limits = self.renorm_clipping
        floor = jnp.sqrt(jnp.asarray(self.epsilon, mean.dtype))
        known = jnp.maximum(self.renorm_stddev.value.astype(mean.dtype), floor)
        r = jnp.clip(stddev / known, limits.get("rmin"), limits.get("rmax"))
        d = (mean - self.renorm_mean.value.astype(mean.dtype)) / known
        if limits.get("dmax") is not None:
            d = jnp.clip(d, -limits["dmax"], limits["dmax"])
        r, d = jax.lax.stop_gradient(r), jax.lax.stop_gradient(d)
        self._follow(self.renorm_mean, mean, self.renorm_momentum)
        self._follow(self.renorm_stddev, stddev, self.renorm_momentum)
        self._follow(self.moving_mean, mean, self.momentum)
        moved = self._follow(self.moving_stddev, stddev, self.momentum)
        self.moving_variance.assign(jnp.maximum(moved * moved - self.epsilon, 0))
        offset = d if gamma is None else d * gamma
        return (r if gamma is None else r * gamma), (offset if beta is None else offset + beta)


def _check_clipping(limits: dict[str, Any]) -> dict[str, Any]:
    keys = ["rmax", "rmin", "dmax"]
    if set(limits) - set(keys):
        raise ValueError(
            "Received invalid keys for `renorm_clipping` argument: "
            f"{limits}. Supported values: {keys}."
        )
    rmax, rmin, dmax = (limits.get(key) for key in keys)
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(
            "rmax should be greater than rmin in the `renorm_clipping` argument. "
            f"Received: rmax={rmax}, rmin={rmin}."
        )
    if dmax is not None and dmax < 0:
        raise ValueError(
            "dmax should be non-negative in the `renorm_clipping` argument. "
            f"Received: dmax={dmax}."
        )
    return limits


def _root(start: Any) -> Any:
    """An initialiser that gives the square root of another one's values."""
    return lambda shape, dtype=None: jnp.sqrt(start(shape, dtype=dtype))


def _value(variable: Any, dtype: Any) -> Any:
    return None if variable is None else variable.value.astype(dtype)


def _standardize(
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


def _moments(x: Any, axis: int, mask: Any) -> tuple[Any, Any]:
    """Mean and variance of each channel, over the unmasked entries."""
    axes = [a for a in range(x.ndim) if a != axis % x.ndim]
    if mask is None:
        return jnp.mean(x, axes), jnp.var(x, axes)
    kept = jnp.broadcast_to(mask[..., None].astype(bool), x.shape)
    count = jnp.sum(kept.astype(x.dtype), axes, keepdims=True) + tiny()
    mean = jnp.sum(jnp.where(kept, x, 0), axes, keepdims=True) / count
    spread = jnp.sum(jnp.square(jnp.where(kept, x - mean, 0)), axes, keepdims=True) / count
    return mean.reshape(-1), spread.reshape(-1)


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

    axis: Any = field(-1, check=_int_or_list, convert=_plain_axis)
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True
    rms_scaling: bool = False
    beta_initializer: Any = initializer("zeros")
    gamma_initializer: Any = initializer("ones")
    beta_regularizer: Any = regularizer()
    gamma_regularizer: Any = regularizer()
    beta_constraint: Any = constraint()
    gamma_constraint: Any = constraint()

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
        gamma, beta = _value(self.gamma, x.dtype), _value(self.beta, x.dtype)
        y = _standardize(x, axis, mean, variance, self.epsilon, gamma, beta)
        return y.astype(self.compute_dtype)


def _as_list(axis: Any) -> list[int]:
    return list(axis) if isinstance(axis, (list, tuple)) else [axis]


def _axis_sizes(axis: Any, shape: Any) -> tuple[Any, ...]:
    _check_axes(axis, shape)
    return tuple(shape[a] for a in sorted(_as_list(axis), key=lambda a: a % len(shape)))


class RMSNormalization(_Normalization):
    """Divide each example by its root mean square: `x / sqrt(mean(x²) + epsilon) * scale`.

    Args:
        axis: an axis or several; the learned `scale` has their sizes.
        epsilon: added to the mean square.

    >>> print(RMSNormalization()(np.array([[3.0, 4.0]])).round(3))
    [[0.849 1.131]]

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
        return (wide * factor * _value(self.scale, wide.dtype).reshape(shape)).astype(x.dtype)


class UnitNormalization(_Normalization):
    """Scale each example to Euclidean length 1 along `axis`.

    Args:
        axis: an axis or several.

    >>> print(UnitNormalization()(np.array([[3.0, 4.0]])).round(3))
    [[0.6 0.8]]

    Source: `keras.layers.UnitNormalization`.
    """

    axis: Any = field(-1, check=_int_or_list, convert=_plain_axis)

    def call(self, inputs: Any) -> Any:
        """Scale each example."""
        return unit_length(inputs, tuple(_as_list(self.axis)), 1e-12)


def unit_length(x: Any, axis: Any, epsilon: float) -> Any:
    """Scale `x` to Euclidean length 1 along `axis`; lengths below `epsilon` stay small.

    >>> print(unit_length(jnp.array([3.0, 4.0]), 0, 1e-12).round(3))
    [0.6 0.8]
    """
    inverse = jax.lax.rsqrt(jnp.sum(jnp.square(x), axis, keepdims=True))
    return x * jnp.minimum(inverse, jnp.asarray(1 / epsilon, x.dtype))


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

    groups: int = field(32, check=_check_groups)
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
        gamma, beta = _value(self.gamma, x.dtype), _value(self.beta, x.dtype)
        y = _standardize(x, [axis, axis + 1], mean, variance, self.epsilon, gamma, beta)
        return y.reshape(inputs.shape).astype(self.compute_dtype)
