"""Random initialisers. Equal seeds give Keras's numbers (on its JAX backend)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from kohort import random
from kohort.core.component import field
from kohort.core.dtypes import standardize_dtype
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.initializers.initializer import Initializer

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("uniform", "truncated_normal", "untruncated_normal")
_TRUNCATED_STDDEV = 0.87962566103423978  # of a normal cut at ±2


class RandomInitializer(Initializer):
    """Base of random initialisers.

    Args:
        seed: an int or None (drawn once), which gives the same array at each call; or a
            `SeedGenerator`, which gives another one at each call.
    """

    seed: Any = None

    def __post_init__(self) -> None:
        self._init_seed = seed = self.seed
        if seed is None:
            seed = random.make_default_seed()
        elif isinstance(seed, dict):
            seed = deserialize_keras_object(seed)
        elif not isinstance(seed, (int, random.SeedGenerator)):
            raise ValueError(
                "`seed` argument should be an instance of `keras.random.SeedGenerator()` or an "
                f"integer. Received: seed={seed}"
            )
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        """The configuration, with the seed as it was given."""
        return {**super().get_config(), "seed": serialize_keras_object(self._init_seed)}


class RandomNormal(RandomInitializer):
    """Normal with the given mean and standard deviation.

    >>> RandomNormal(stddev=1.0, seed=0)((2,)).shape
    (2,)
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: Any = None

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        return random.normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.seed)


class TruncatedNormal(RandomInitializer):
    """Normal, redrawn beyond two standard deviations.

    >>> bool(abs(TruncatedNormal(stddev=1.0, seed=0)((100,))).max() <= 2)
    True
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: Any = None

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype=dtype, seed=self.seed)


class RandomUniform(RandomInitializer):
    """Uniform in `[minval, maxval)`.

    >>> bool(abs(RandomUniform(seed=0)((100,))).max() <= 0.05)
    True
    """

    minval: float = -0.05
    maxval: float = 0.05
    seed: Any = None

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        return random.uniform(shape, self.minval, self.maxval, dtype=dtype, seed=self.seed)


def _check_scale(name: str, value: Any) -> None:
    if value <= 0.0:
        raise ValueError(f"Argument `{name}` must be positive float. Received: {name}={value}")


def _check_mode(name: str, value: Any) -> None:
    if value not in _MODES:
        raise ValueError(f"Invalid `{name}` argument: {value}. Please use one of {_MODES}")


def _distribution(value: str) -> str:
    value = value.lower()
    return "truncated_normal" if value == "normal" else value


def _check_distribution(name: str, value: Any) -> None:
    if value not in _DISTRIBUTIONS:
        raise ValueError(f"Invalid `{name}` argument: {value}. Please use one of {_DISTRIBUTIONS}")


class VarianceScaling(RandomInitializer):
    """Variance `scale / n`, where `n` depends on the shape, so that signals keep their size.

    `n` is the number of inputs (`fan_in`), outputs (`fan_out`) or their mean (`fan_avg`) of
    the weights; see `compute_fans`. A uniform distribution has the limits `±sqrt(3 scale / n)`.

    Args:
        scale: a positive number.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: an int, a `SeedGenerator` or None.
        input_axes, output_axes: the axes that count as inputs and outputs.

    >>> kernel = VarianceScaling(2.0, "fan_in", "uniform", seed=0)((6, 5))
    >>> bool(abs(kernel).max() <= 1.0)
    True
    """

    scale: float = field(1.0, check=_check_scale)
    mode: str = field("fan_in", check=_check_mode)
    distribution: str = field("truncated_normal", convert=_distribution, check=_check_distribution)
    seed: Any = None
    input_axes: Any = None
    output_axes: Any = None

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}
        variance = self.scale / max(1.0, fans[self.mode])
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, dtype=dtype, seed=self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, math.sqrt(variance), dtype=dtype, seed=self.seed)
        stddev = math.sqrt(variance) / _TRUNCATED_STDDEV
        return random.truncated_normal(shape, 0.0, stddev, dtype=dtype, seed=self.seed)


class _Preset(VarianceScaling):
    """A variance scaling with a fixed scale, mode and distribution."""

    preset: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None):
        scale, mode, distribution = self.preset
        super().__init__(
            scale=scale,
            mode=mode,
            distribution=distribution,
            seed=seed,
            input_axes=input_axes,
            output_axes=output_axes,
        )

    def get_config(self) -> dict[str, Any]:
        """The seed and the axes."""
        config = super().get_config()
        return {name: config[name] for name in ("seed", "input_axes", "output_axes")}


class GlorotUniform(_Preset):
    """Uniform within `±sqrt(6 / (fan_in + fan_out))` (Glorot & Bengio, 2010).

    >>> bool(abs(GlorotUniform(seed=0)((3, 3))).max() <= 1.0)
    True
    """

    preset: ClassVar = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """Truncated normal of variance `2 / (fan_in + fan_out)` (Glorot & Bengio, 2010)."""

    preset: ClassVar = (1.0, "fan_avg", "truncated_normal")


class LecunNormal(_Preset):
    """Truncated normal of variance `1 / fan_in` (Klambauer et al., 2017)."""

    preset: ClassVar = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """Uniform within `±sqrt(3 / fan_in)` (Klambauer et al., 2017)."""

    preset: ClassVar = (1.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """Truncated normal of variance `2 / fan_in`, for ReLU (He et al., 2015)."""

    preset: ClassVar = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Preset):
    """Uniform within `±sqrt(6 / fan_in)`, for ReLU (He et al., 2015)."""

    preset: ClassVar = (2.0, "fan_in", "uniform")


class Orthogonal(RandomInitializer):
    """A matrix with orthonormal rows or columns, times `gain` (Saxe et al., 2014).

    It comes from the QR decomposition of a normal matrix. With more than two axes, all but
    the last are flattened first.

    >>> q = Orthogonal(seed=0)((3, 2))
    >>> bool(abs(q.T @ q - jnp.eye(2)).max() < 1e-6)
    True
    """

    gain: float = 1.0
    seed: Any = None

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        if len(shape) < 2:
            raise ValueError(
                "The tensor to initialize must be at least two-dimensional. Received: "
                f"shape={shape} of rank {len(shape)}."
            )
        import scipy.linalg  # JAX's own QR on a CPU, without a compilation for each shape

        dtype = standardize_dtype(dtype)
        wide = dtype if dtype == "float64" else "float32"  # LAPACK knows no shorter ones
        rows, columns = math.prod(shape[:-1]), shape[-1]
        tall = (max(rows, columns), min(rows, columns))
        drawn = np.asarray(random.normal(tall, dtype=wide, seed=self.seed))
        q, r = scipy.linalg.qr(drawn, mode="economic")
        q = q * np.sign(np.diag(r))  # so that Q is uniform over the orthogonal group
        q = self.gain * (q.T if rows < columns else q).reshape(shape)
        return jnp.asarray(q, dtype)


def compute_fans(
    shape: Sequence[int], input_axes: Any = None, output_axes: Any = None
) -> tuple[int, int]:
    """The number of inputs and outputs of a weight of this shape.

    >>> compute_fans((3, 3, 8, 16))  # a kernel of a convolution
    (72, 144)
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return (
            math.prod(int(shape[axis]) for axis in input_axes),
            math.prod(int(shape[axis]) for axis in output_axes),
        )
    if len(shape) < 2:
        size = int(shape[0]) if shape else 1
        return size, size
    field_size = math.prod(int(d) for d in shape[:-2])
    return int(shape[-2]) * field_size, int(shape[-1]) * field_size
