"""Maps of raw rows: Rescaling by given numbers, Normalization by learned ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core.settings import epsilon, image_data_format
from kohort.layers.elementwise import _Elementwise


class Rescaling(_Elementwise):
    """Multiply and shift: `output = input * scale + offset`.

    Args:
        scale: the factor, or an array of factors.
        offset: what is added.

    >>> print(Rescaling(1 / 255)(np.array([0, 255])))
    [0. 1.]

    Source: `keras.layers.Rescaling`.
    """

    scale: Any
    offset: Any = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._allow_non_tensor_positional_args = True

    def call(self, inputs: Any) -> Any:
        """Multiply and shift."""
        dtype = self.compute_dtype
        scale, offset = jnp.asarray(self.scale, dtype), jnp.asarray(self.offset, dtype)
        if scale.ndim > 0 and image_data_format() == "channels_first":
            scale = scale.reshape(scale.shape + (1,) * (3 - scale.ndim))
        return jnp.asarray(inputs, dtype) * scale + offset


class Normalization(_Elementwise):
    """Shift and scale each feature to mean 0 and variance 1: `(x - mean) / sqrt(variance)`.

    Mean and variance are given, or learned from data by `adapt`. They are variables then, so
    they are saved with the model, and the model takes raw rows.

    Args:
        axis: the axis (or axes) of the features; None normalises all by one mean.
        mean, variance: the statistics, both or none.
        invert: map normalised values back.

    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
    >>> print(layer(np.array([[0.0, 9.0]])))
    [[-1.  1.]]

    Source: `keras.layers.Normalization`.
    """

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance = mean, variance
        self.invert = invert
        self.supports_masking = True
        self._allow_non_tensor_positional_args = True
        _check_statistics(mean, variance, self.axis)

    def build(self, input_shape: Any) -> None:
        """Create the statistics, one for each position on the axes that are kept."""
        shape, ndim = tuple(input_shape), len(input_shape)
        if any(not -ndim <= a < ndim for a in self.axis):
            raise ValueError(
                "All `axis` values must be in the range [-ndim, ndim). "
                f"Received inputs with ndim={ndim}, while axis={self.axis}"
            )
        keep = sorted(a % ndim for a in self.axis)
        for a in keep:
            if shape[a] is None:
                raise ValueError(
                    "All `axis` values to be kept must have a known shape. Received "
                    f"axis={self.axis}, inputs.shape={shape}, with unknown axis at index {a}"
                )
        self._build_input_shape, self._keep_axis = shape, tuple(keep)
        self._reduce_axis = tuple(a for a in range(ndim) if a not in keep)
        self._broadcast_shape = tuple(d if a in keep else 1 for a, d in enumerate(shape))
        if self.input_mean is None:
            sizes = tuple(shape[a] for a in keep)
            self.adapt_mean = self.add_weight(
                name="mean", shape=sizes, initializer="zeros", trainable=False
            )
            self.adapt_variance = self.add_weight(
                name="variance", shape=sizes, initializer="ones", trainable=False
            )
            # Never counted up: older files hold it.
            self.count = self.add_weight(
                name="count", shape=(), dtype="int32", initializer="zeros", trainable=False
            )

    @property
    def mean(self) -> Any:
        """The mean, in a shape that broadcasts to the inputs; None before `build`."""
        return self._statistic(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> Any:
        """The variance, in a shape that broadcasts to the inputs; None before `build`."""
        return self._statistic(self.input_variance, "adapt_variance")

    def _statistic(self, given: Any, learned: str) -> Any:
        if not self.built:
            return None
        if given is None:
            value = getattr(self, learned).value.reshape(self._broadcast_shape)
            return value.astype(self.compute_dtype)
        given = np.asarray(given)
        if given.ndim:  # its axes are the last of the kept ones
            sizes = [1] * len(self._broadcast_shape)
            for i in range(1, given.ndim + 1):
                sizes[self._keep_axis[-i]] = given.shape[-i]
            given = given.reshape(sizes)
        return jnp.asarray(np.broadcast_to(given, self._broadcast_shape), self.compute_dtype)

    def call(self, inputs: Any) -> Any:
        """Normalise, or map back."""
        x = jnp.asarray(inputs, self.compute_dtype)
        deviation = jnp.maximum(jnp.sqrt(self.variance), epsilon())
        return self.mean + x * deviation if self.invert else (x - self.mean) / deviation

    def adapt(self, data: Any) -> None:
        """Learn mean and variance from data.

        Args:
            data: an array or frame, a `PyDataset`, or an iterable of batches; of a batch that
                is a tuple (x, y, …) the first part counts.
        """
        if self.input_mean is not None:
            raise ValueError(
                "Cannot adapt a `Normalization` layer that was given `mean` and `variance`. "
                "Make the layer without them, or do not call `adapt()`."
            )
        if hasattr(data, "__array__"):
            data = data if isinstance(data, jax.Array) else np.asarray(data)
            self._prepare(data.shape)
            mean, variance = data.mean(self._reduce_axis), data.var(self._reduce_axis)
        else:
            batches = _batches(data)
            first = next(batches)
            self._prepare(first.shape)
            mean, variance = self._accumulate(itertools.chain([first], batches))
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def finalize_state(self) -> None:
        """Nothing to do: the statistics are read where they are used."""

    def _prepare(self, shape: tuple[int, ...]) -> None:
        """Build, or check the kept axes against the shape of the build."""
        if not self.built:
            self.build(shape)
        if any(shape[a] != self._build_input_shape[a] for a in self._keep_axis):
            raise ValueError(
                f"The layer was built with input_shape={self._build_input_shape}, but adapt() is "
                f"being called with data with an incompatible shape, data.shape={tuple(shape)}"
            )

    def _accumulate(self, batches: Iterable[np.ndarray]) -> tuple[Any, Any]:
        """Mean and variance over batches: within each, plus that of their means."""
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in batches:
            self._prepare(batch.shape)
            batch = batch.astype("float64")
            size = math.prod(batch.shape[a] for a in self._reduce_axis)
            count += size
            share = size / count
            gap = batch.mean(self._reduce_axis) - mean
            mean = mean + gap * share
            inner = batch.var(self._reduce_axis)
            variance = (1 - share) * variance + share * inner + share * (1 - share) * gap**2
        return mean, variance

    def get_config(self) -> dict[str, Any]:
        """Axis, direction and the given statistics (learned ones are weights)."""
        return {
            **self.base_config(),
            "axis": self.axis,
            "invert": self.invert,
            "mean": np.array(self.input_mean).tolist(),
            "variance": np.array(self.input_variance).tolist(),
        }


def _check_statistics(mean: Any, variance: Any, axis: tuple[int, ...]) -> None:
    if (mean is None) != (variance is None):
        raise ValueError(
            "When setting values directly, both `mean` and `variance` must be set. "
            f"Received: mean={mean} and variance={variance}"
        )
    if mean is None:
        return
    if np.shape(mean) != np.shape(variance):
        raise ValueError(
            "When setting values directly, `mean` and `variance` must have the same shape. "
            f"Received: mean shape {np.shape(mean)} and variance shape {np.shape(variance)}"
        )
    if np.ndim(mean) > len(axis):
        raise ValueError(
            "The rank of `mean` must be less than or equal to the number of axes "
            f"({len(axis)}). Received: mean shape {np.shape(mean)} for axis {axis}"
        )


def _batches(data: Any) -> Iterator[np.ndarray]:
    """The inputs of each batch as NumPy arrays."""
    if not hasattr(data, "__iter__"):
        if not (hasattr(data, "__getitem__") and hasattr(data, "__len__")):
            raise TypeError(
                f"Unsupported data type: {type(data)}. `adapt` supports arrays, frames, "
                "`PyDataset`s, and iterables of batches (e.g. list, generator)."
            )
        data = (data[i] for i in range(len(data)))
    empty = True
    for batch in data:
        x = batch[0] if isinstance(batch, tuple) else batch
        if not hasattr(x, "shape"):
            raise TypeError(
                "adapt() expects an iterable that yields arrays or tensors with a `.shape` "
                f"attribute. Got an element of type {type(x).__name__}."
            )
        empty = False
        yield np.asarray(x)
    if empty:
        raise ValueError(
            "adapt() received an empty iterable (no batches). Expected at least one batch. Pass a "
            "non-empty iterable of arrays or tensors, e.g. layer.adapt([x])."
        )
