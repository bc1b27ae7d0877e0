"""Batch normalisation."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.component import field, hyper
from kohort.core.dtypes import result_type
from kohort.core.settings import epsilon as tiny
from kohort.layers.fields import constraint, initializer, regularizer
from kohort.layers.input_spec import InputSpec
from kohort.layers.normalization import _Normalization, check_axes, standardize, value_of


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
        check_axes(self.axis, input_shape)
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
        gamma, beta = value_of(self.gamma, x.dtype), value_of(self.beta, x.dtype)
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
        y = standardize(x, [self.axis % x.ndim], mean, variance, self.epsilon, gamma, beta)
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
            f"dmax should be non-negative in the `renorm_clipping` argument. Received: dmax={dmax}."
        )
    return limits


def _root(start: Any) -> Any:
    """An initialiser that gives the square root of another one's values."""
    return lambda shape, dtype=None: jnp.sqrt(start(shape, dtype=dtype))


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
