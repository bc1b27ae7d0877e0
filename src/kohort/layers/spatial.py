"""Cropping, zero padding and upsampling of sequences, images and volumes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.component import field
from kohort.core.settings import standardize_data_format
from kohort.layers.arguments import side_pairs, size_tuple
from kohort.layers.input_spec import InputSpec
from kohort.layers.layer import Layer
from kohort.layers.reshaping import check_factor


class _Spatial(Layer):
    """A layer over the axes between batch and channels."""

    _rank = 1
    _field = ""
    _needs_no_build = True

    def __post_init__(self) -> None:
        self.input_spec = InputSpec(ndim=self._rank + 2)

    @property
    def _axes(self) -> range:
        first = 2 if getattr(self, "data_format", "channels_last") == "channels_first" else 1
        return range(first, first + self._rank)

    @property
    def _per_axis(self) -> tuple[Any, ...]:
        """What the layer does along each of its axes."""
        value = getattr(self, self._field)
        return (value,) if self._rank == 1 else value


class _Cropping(_Spatial):
    _field = "cropping"

    def _check(self, shape: tuple[Any, ...], name: str) -> None:
        for axis, sides in zip(self._axes, self._per_axis, strict=True):
            if shape[axis] is not None and sum(sides) >= shape[axis]:
                rule = (
                    "`cropping` parameter of `Cropping1D` layer must be smaller than the input "
                    "length."
                    if self._rank == 1
                    else "Values in `cropping` argument should be smaller than the corresponding "
                    "spatial dimension of the input."
                )
                cropping = getattr(self, self._field)
                raise ValueError(f"{rule} Received: {name}={shape}, cropping={cropping}")

    def call(self, inputs: Any) -> Any:
        """Cut the borders off."""
        self._check(inputs.shape, "inputs.shape")
        slices = [slice(None)] * inputs.ndim
        for axis, (before, after) in zip(self._axes, self._per_axis, strict=True):
            slices[axis] = slice(before, inputs.shape[axis] - after)
        return inputs[tuple(slices)]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The sizes less what is cut off."""
        self._check(tuple(input_shape), "input_shape")
        shape = list(input_shape)
        for axis, sides in zip(self._axes, self._per_axis, strict=True):
            shape[axis] = None if shape[axis] is None else shape[axis] - sum(sides)
        return tuple(shape)


class Cropping1D(_Cropping):
    """Cut steps off a sequence `(batch, steps, features)`.

    Args:
        cropping: how many at each end, or (at the start, at the end).

    >>> Cropping1D((1, 2))(np.ones((2, 7, 3))).shape
    (2, 4, 3)
    """

    cropping: Any = field((1, 1), convert=size_tuple(2, "cropping", allow_zero=True))


class Cropping2D(_Cropping):
    """Cut rows and columns off images.

    Args:
        cropping: an int, (rows, columns), or ((top, bottom), (left, right)).
        data_format: `"channels_last"` or `"channels_first"`.

    >>> Cropping2D(((1, 1), (0, 2)))(np.ones((2, 5, 5, 3))).shape
    (2, 3, 3, 3)
    """

    cropping: Any = field(((0, 0), (0, 0)), convert=side_pairs(2, "cropping"))
    data_format: str = field(None, convert=standardize_data_format)
    _rank = 2


class Cropping3D(_Cropping):
    """Cut the borders off volumes.

    Args:
        cropping: an int, 3 ints, or 3 pairs (before, after).
        data_format: `"channels_last"` or `"channels_first"`.

    >>> Cropping3D(1)(np.ones((2, 5, 4, 3, 1))).shape
    (2, 3, 2, 1, 1)
    """

    cropping: Any = field(((1, 1), (1, 1), (1, 1)), convert=side_pairs(3, "cropping"))
    data_format: str = field(None, convert=standardize_data_format)
    _rank = 3


class _ZeroPadding(_Spatial):
    _field = "padding"

    def call(self, inputs: Any) -> Any:
        """Put zeros around."""
        widths = [(0, 0)] * inputs.ndim
        for axis, sides in zip(self._axes, self._per_axis, strict=True):
            widths[axis] = sides
        return jnp.pad(inputs, widths)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The sizes and what is added."""
        shape = list(input_shape)
        for axis, sides in zip(self._axes, self._per_axis, strict=True):
            shape[axis] = None if shape[axis] is None else shape[axis] + sum(sides)
        return tuple(shape)


class ZeroPadding1D(_ZeroPadding):
    """Add zero steps to a sequence `(batch, steps, features)`.

    Args:
        padding: how many at each end, or (at the start, at the end).
        data_format: `"channels_last"` or `"channels_first"`.

    >>> ZeroPadding1D((1, 2))(np.ones((2, 4, 3))).shape
    (2, 7, 3)
    """

    padding: Any = field(1, convert=size_tuple(2, "padding", allow_zero=True))
    data_format: str = field(None, convert=standardize_data_format)


class ZeroPadding2D(_ZeroPadding):
    """Add rows and columns of zeros to images.

    Args:
        padding: an int, (rows, columns), or ((top, bottom), (left, right)).
        data_format: `"channels_last"` or `"channels_first"`.

    >>> ZeroPadding2D((1, 2))(np.ones((2, 4, 4, 3))).shape
    (2, 6, 8, 3)
    """

    padding: Any = field((1, 1), convert=side_pairs(2, "padding"))
    data_format: str = field(None, convert=standardize_data_format)
    _rank = 2


class ZeroPadding3D(_ZeroPadding):
    """Add borders of zeros to volumes.

    Args:
        padding: an int, 3 ints, or 3 pairs (before, after).
        data_format: `"channels_last"` or `"channels_first"`.

    >>> ZeroPadding3D(1)(np.ones((2, 1, 2, 3, 4))).shape
    (2, 3, 4, 5, 4)
    """

    padding: Any = field(((1, 1), (1, 1), (1, 1)), convert=side_pairs(3, "padding"))
    data_format: str = field(None, convert=standardize_data_format)
    _rank = 3


class _UpSampling(_Spatial):
    _field = "size"

    def call(self, inputs: Any) -> Any:
        """Repeat the entries."""
        for axis, factor in zip(self._axes, self._per_axis, strict=True):
            inputs = jnp.repeat(inputs, factor, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The sizes times the factors."""
        shape = list(input_shape)
        for axis, factor in zip(self._axes, self._per_axis, strict=True):
            shape[axis] = None if shape[axis] is None else shape[axis] * factor
        return tuple(shape)


class UpSampling1D(_UpSampling):
    """Repeat each step of a sequence `(batch, steps, features)`.

    Args:
        size: how often.

    >>> UpSampling1D(2)(np.ones((2, 3, 4))).shape
    (2, 6, 4)
    """

    size: int = field(2, check=check_factor)


_METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def _check_method(name: str, value: str) -> None:
    if value not in _METHODS:
        raise ValueError(
            f"Argument `{name}` should be one of {list(_METHODS)}. Received: {name}={value}"
        )


class UpSampling2D(_UpSampling):
    """Enlarge images by whole factors.

    Args:
        size: an int, or (rows, columns).
        data_format: `"channels_last"` or `"channels_first"`.
        interpolation: nearest, bilinear, bicubic, lanczos3 or lanczos5.

    >>> UpSampling2D((1, 2))(np.ones((2, 3, 3, 4))).shape
    (2, 3, 6, 4)
    """

    size: Any = field((2, 2), convert=size_tuple(2, "size"))
    data_format: str = field(None, convert=standardize_data_format)
    interpolation: str = field("nearest", convert=str.lower, check=_check_method)
    _rank = 2

    def call(self, inputs: Any) -> Any:
        """Repeat the pixels, or interpolate."""
        if self.interpolation == "nearest":
            return super().call(inputs)
        shape = self.compute_output_shape(inputs.shape)
        method = {"bicubic": "cubic"}.get(self.interpolation, self.interpolation)
        return jax.image.resize(inputs, shape, method, antialias=False)


class UpSampling3D(_UpSampling):
    """Repeat the entries of volumes along each axis.

    Args:
        size: an int, or 3 ints.
        data_format: `"channels_last"` or `"channels_first"`.

    >>> UpSampling3D(2)(np.ones((1, 1, 2, 1, 3))).shape
    (1, 2, 4, 2, 3)
    """

    size: Any = field((2, 2, 2), convert=size_tuple(3, "size"))
    data_format: str = field(None, convert=standardize_data_format)
    _rank = 3
