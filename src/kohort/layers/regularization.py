"""Layers that act in training only: dropout, noise, a penalty on activations."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from kohort import random
from kohort.core.component import field, hyper, is_zero
from kohort.core.settings import standardize_data_format
from kohort.layers.elementwise import _Elementwise
from kohort.layers.input_spec import InputSpec
from kohort.regularizers import L1L2


class _Noise(_Elementwise):
    """A layer that draws random numbers, unless its strength is zero."""

    _strength = "rate"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._need_generator()

    def _need_generator(self) -> None:
        # As in Keras, a layer of strength zero has no generator: neither its state in files,
        # nor the draw of its seed, which would shift the seeds of the layers after it.
        if not is_zero(getattr(self, self._strength)) and "seed_generator" not in self.__dict__:
            self.seed_generator = random.SeedGenerator(self.__dict__["seed"])

    def prepare_to_vary(self) -> None:
        """Get a generator at strength zero too: other members of a cohort have another strength.

        It draws nothing that this layer would see, and no seed is drawn for it.
        """
        if "seed_generator" not in self.__dict__:
            self.seed_generator = random.SeedGenerator(0)

    def __setattr__(self, key: str, value: Any) -> None:
        super().__setattr__(key, value)
        if key == self._strength and "seed" in self.__dict__:
            self._need_generator()

    def _active(self, training: bool | None) -> bool:
        return bool(training) and not is_zero(getattr(self, self._strength))


def _check_noise_shape(noise_shape: Any) -> tuple[int | None, ...] | None:
    start = "Invalid value received for argument `noise_shape`. "
    if noise_shape is None:
        return None
    if isinstance(noise_shape, str):
        raise ValueError(
            f"{start}Expected a tuple or list of integers. Received: noise_shape={noise_shape}"
        )
    try:
        shape = tuple(noise_shape)
    except TypeError:
        raise ValueError(
            f"{start}Expected an iterable of integers (e.g., a tuple or list). "
            f"Received: noise_shape={noise_shape}"
        ) from None
    for i, d in enumerate(shape):
        if d is not None and not isinstance(d, int):
            raise ValueError(
                f"{start}Expected all elements to be integers or None. "
                f"Received element at index {i}: {d} (type: {type(d).__name__})"
            )
        if d is not None and d <= 0:
            raise ValueError(
                f"{start}Expected all dimensions to be positive integers or None. "
                f"Received negative or zero value at index {i}: {d}"
            )
    return shape


class Dropout(_Noise):
    """Set a share `rate` of the inputs to 0 in training and divide the others by `1 - rate`.

    Args:
        rate: the share, between 0 and 1.
        noise_shape: the shape of the mask; size 1 drops whole slices, None takes the input's.
        seed: an int makes the masks repeatable.

    Input shape and output shape: any.

    >>> bool((Dropout(0.5)(np.ones((2, 3))) == 1).all())  # not training
    True

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from
    overfitting", 2014.
    """

    rate: float = hyper(low=0, high=1)
    noise_shape: Any = field(None, convert=_check_noise_shape)
    seed: int | None = None

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop entries when training."""
        if not self._active(training):
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, seed=self.seed_generator)


class _SpatialDropout(_Noise):
    """Dropout of whole feature maps."""

    rate: float = hyper(low=0, high=1)
    seed: int | None = None
    _rank = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop feature maps when training."""
        if not self._active(training):
            return inputs
        channels_first = getattr(self, "data_format", "channels_last") == "channels_first"
        ones = (1,) * self._rank
        shape = (None, None, *ones) if channels_first else (None, *ones, None)
        return random.dropout(inputs, self.rate, shape, seed=self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        """What Keras's constructor of these layers takes: no `trainable`."""
        config = {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}
        if "data_format" in self.fields:
            config["data_format"] = self.__dict__["data_format"]
        return config


class SpatialDropout1D(_SpatialDropout):
    """Drop whole feature maps of a sequence `(batch, steps, channels)` in training.

    Args:
        rate: the share of feature maps.
        seed: an int makes the masks repeatable.

    >>> SpatialDropout1D(0.5)(np.ones((2, 3, 4))).shape
    (2, 3, 4)

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2015.
    """


class SpatialDropout2D(_SpatialDropout):
    """Drop whole feature maps of images `(batch, rows, cols, channels)` in training.

    Args:
        rate: the share of feature maps.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: an int makes the masks repeatable.

    >>> SpatialDropout2D(0.5)(np.ones((2, 3, 3, 4))).shape
    (2, 3, 3, 4)

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2015.
    """

    data_format: str = field(default=None, convert=standardize_data_format)
    seed: int | None = None
    _rank = 2


class SpatialDropout3D(_SpatialDropout):
    """Drop whole feature maps of volumes `(batch, x, y, z, channels)` in training.

    Args:
        rate: the share of feature maps.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: an int makes the masks repeatable.

    >>> SpatialDropout3D(0.5)(np.ones((1, 2, 2, 2, 4))).shape
    (1, 2, 2, 2, 4)

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2015.
    """

    data_format: str = field(default=None, convert=standardize_data_format)
    seed: int | None = None
    _rank = 3


class GaussianNoise(_Noise):
    """Add noise from N(0, stddev²) in training.

    Args:
        stddev: the standard deviation, between 0 and 1.
        seed: an int makes the noise repeatable.

    >>> print(GaussianNoise(0.1)(np.ones((1, 2))))  # not training
    [[1. 1.]]

    Source: `keras.layers.GaussianNoise`.
    """

    stddev: float = hyper(low=0, high=1)
    seed: int | None = None
    _strength = "stddev"

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Add noise when training."""
        if not self._active(training):
            return inputs
        noise = random.normal(
            inputs.shape, 0.0, self.stddev, self.compute_dtype, self.seed_generator
        )
        return inputs + noise.astype(self.compute_dtype)


class GaussianDropout(_Noise):
    """Multiply by noise from N(1, rate / (1 - rate)) in training.

    Args:
        rate: the drop probability of the dropout that has the same variance.
        seed: an int makes the noise repeatable.

    >>> print(GaussianDropout(0.5)(np.ones((1, 2))))  # not training
    [[1. 1.]]

    Source: Srivastava et al., "Dropout", 2014, section 10.
    """

    rate: float = hyper(low=0, high=1)
    seed: int | None = None

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Multiply by noise when training."""
        if not self._active(training):
            return inputs
        odds = self.rate / (1.0 - self.rate)
        stddev = math.sqrt(odds) if isinstance(odds, float) else jnp.sqrt(odds)
        noise = random.normal(inputs.shape, 1.0, stddev, self.compute_dtype, self.seed_generator)
        return inputs * noise.astype(self.compute_dtype)


class AlphaDropout(_Noise):
    """Dropout that keeps mean and variance: for self-normalising networks with SELU.

    Dropped inputs become `-alpha * scale` (SELU's lower limit), then all are mapped by
    `a * x + b` such that mean 0 and variance 1 stay.

    Args:
        rate: the drop probability.
        noise_shape: the shape of the mask; None takes the input's.
        seed: an int makes the masks repeatable.

    >>> print(AlphaDropout(0.5)(np.ones((1, 2))))  # not training
    [[1. 1.]]

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    rate: float = hyper(low=0, high=1)
    noise_shape: Any = None
    seed: int | None = None

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop entries when training."""
        if not self._active(training):
            return inputs
        rate, low = self.rate, -1.6732632423543772 * 1.0507009873554805
        sizes = self.noise_shape or (None,) * inputs.ndim
        shape = [d if n is None else n for n, d in zip(sizes, inputs.shape, strict=False)]
        keep = (random.uniform(shape, seed=self.seed_generator) >= rate).astype(inputs.dtype)
        a = ((1 - rate) * (1 + rate * low**2)) ** -0.5
        b = -a * low * rate
        return (a * (inputs * keep + low * (1 - keep)) + b).astype(inputs.dtype)


class ActivityRegularization(_Elementwise):
    """Add `l1 * sum(|x|) + l2 * sum(x²)` of the inputs, per row, to the loss.

    Args:
        l1: the factor of the absolute values.
        l2: the factor of the squares.

    >>> layer = ActivityRegularization(l2=0.5)
    >>> print(layer(np.array([[3.0, 4.0]])), layer.losses[0])
    [[3. 4.]] 12.5

    Source: `keras.layers.ActivityRegularization`.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True

    @property
    def l1(self) -> float:
        """The factor of the absolute values, kept in the regulariser."""
        return self.activity_regularizer.l1

    @property
    def l2(self) -> float:
        """The factor of the squares, kept in the regulariser."""
        return self.activity_regularizer.l2

    def call(self, inputs: Any) -> Any:
        """Return the inputs; the layer's activity regulariser does the rest."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """The two factors; the regulariser follows from them."""
        config = self.base_config()
        config.pop("activity_regularizer", None)
        return {**config, "l1": self.l1, "l2": self.l2}
