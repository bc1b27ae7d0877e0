"""Fourier transforms, frames of signals, segments, distances.

Complex numbers are pairs (real part, imaginary part).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core.symbolic import KerasTensor, op
from kohort.ops._base import array, floating, shaped

Pair = tuple[jax.Array, jax.Array]


def _pair(z: jax.Array) -> Pair:
    return jnp.real(z), jnp.imag(z)


def _check_rank(x: jax.Array, rank: int) -> None:
    if x.ndim < rank:
        raise ValueError(f"Input should have rank >= {rank}. Received: input.shape={x.shape}")


def _complex(x: Any, rank: int = 1) -> jax.Array:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            f"Input `x` should be a tuple of two tensors - real and imaginary.Received: x={x}"
        )
    real, imag = array(x[0]), array(x[1])
    if real.shape != imag.shape:
        raise ValueError(
            "Input `x` should be a tuple of two tensors - real and imaginary."
            "Both the real and imaginary parts should have the same shape. "
            f"Received: x[0].shape = {real.shape}, x[1].shape = {imag.shape}"
        )
    _check_rank(real, rank)
    if not all(jnp.issubdtype(part.dtype, jnp.floating) for part in (real, imag)):
        raise ValueError(f"At least one tensor in input `x` is not of type float.Received: x={x}.")
    return jax.lax.complex(real, imag)


@op
def fft(x: Any) -> Pair:
    """The discrete Fourier transform along the last axis."""
    return _pair(jnp.fft.fft(_complex(x)))


@op
def fft2(x: Any) -> Pair:
    """The discrete Fourier transform along the last two axes."""
    return _pair(jnp.fft.fft2(_complex(x, 2)))


@op
def ifft2(x: Any) -> Pair:
    """The inverse of `fft2`."""
    return _pair(jnp.fft.ifft2(_complex(x, 2)))


@op
def rfft(x: Any, fft_length: int | None = None) -> Pair:
    """The Fourier transform of real signals along the last axis, non-negative frequencies."""
    x = floating(x)
    _check_rank(x, 1)
    return _pair(jnp.fft.rfft(x, fft_length))


@op
def irfft(x: Any, fft_length: int | None = None) -> jax.Array:
    """The inverse of `rfft`."""
    return jnp.fft.irfft(_complex(x), fft_length)


@op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> jax.Array:
    """Overlapping windows of the last axis.

    Shapes: (..., n) -> (..., 1 + (n - sequence_length) // sequence_stride, sequence_length).

    >>> extract_sequences([1, 2, 3, 4, 5], 3, 2)
    Array([[1, 2, 3],
           [3, 4, 5]], dtype=int32)
    """
    x = array(x)
    _check_rank(x, 1)
    starts = np.arange(0, x.shape[-1] - sequence_length + 1, sequence_stride)
    return x[..., starts[:, None] + np.arange(sequence_length)]


@op
def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann",
    center: bool = True,
) -> Pair:  # fmt: skip
    """The Fourier transform of windowed frames (short-time Fourier transform).

    Shapes: (..., n) -> (..., frames, fft_length // 2 + 1), real and imaginary part.
    """
    x = array(x)
    _check_stride(sequence_stride)
    if x.dtype.name not in {"float32", "float64"}:
        raise TypeError(
            f"Invalid input type. Expected `float32` or `float64`. Received: input type={x.dtype}"
        )
    if fft_length < sequence_length:
        raise ValueError(
            "`fft_length` must equal or larger than `sequence_length`. "
            f"Received: sequence_length={sequence_length}, fft_length={fft_length}"
        )
    weights = _window(window, sequence_length, fft_length, x.dtype)
    if center:
        half = fft_length // 2
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], "reflect")
    starts = np.arange(0, x.shape[-1] - fft_length + 1, sequence_stride)
    frames = x[..., starts[:, None] + np.arange(fft_length)]
    return _pair(jnp.fft.rfft(frames * weights, fft_length))


@op
def istft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int,
    length: int | None = None, window: Any = "hann", center: bool = True,
) -> jax.Array:  # fmt: skip
    """The inverse of `stft`: frames are windowed again and overlapped."""
    z = _complex(x)
    _check_stride(sequence_stride)
    _check_rank(z, 2)
    count = z.shape[-2]
    total = fft_length + sequence_stride * (count - 1)
    weights = _window(window, sequence_length, fft_length, z.real.dtype)
    frames = jnp.fft.irfft(z, fft_length) * weights
    place = np.arange(count)[:, None] * sequence_stride + np.arange(fft_length)
    signal = jnp.zeros((*z.shape[:-2], total), frames.dtype).at[..., place].add(frames)
    power = jnp.zeros(total, frames.dtype).at[place].add(weights**2)
    signal = signal / jnp.where(power > 1e-10, power, 1.0)
    if window is None:  # as Keras does: the overlapping frames are added up, not averaged
        signal = signal * (fft_length / sequence_stride)
    start = fft_length // 2 if center else 0
    if length is not None:
        return signal[..., start : start + length]
    return signal[..., start : total - (fft_length // 2 if center else 0)]


def _check_stride(sequence_stride: Any) -> None:
    if not isinstance(sequence_stride, int) or sequence_stride < 1:
        raise ValueError(
            "`sequence_stride` must be a positive integer. "
            f"Received: sequence_stride={sequence_stride}"
        )


def _window(window: Any, sequence_length: int, fft_length: int, dtype: Any) -> jax.Array:
    """The window in the middle of `fft_length` zeros (names: their periodic form)."""
    if isinstance(window, str):
        if window not in {"hann", "hamming"}:
            raise ValueError(
                "If a string is passed to `window`, it must be one of "
                f'`"hann"`, `"hamming"`. Received: window={window}'
            )
        mean = 0.5 if window == "hann" else 0.54
        turn = 2 * np.pi * np.arange(sequence_length) / sequence_length
        weights = jnp.asarray(mean - (1 - mean) * np.cos(turn), dtype)
    elif window is None:
        return jnp.ones(fft_length, dtype)
    else:
        weights = jnp.asarray(window, dtype)
    if weights.shape != (sequence_length,):
        raise ValueError(
            "The shape of `window` must be equal to [sequence_length]."
            f"Received: window shape={weights.shape}"
        )
    left = (fft_length - sequence_length) // 2
    return jnp.pad(weights, (left, fft_length - sequence_length - left))


def _check_segments(data: Any, ids: Any) -> None:
    if len(ids.shape) != 1:
        raise ValueError(
            "Argument `segment_ids` should be an 1-D vector, got shape: "
            f"{len(ids.shape)}. Consider either flatten input with segment_ids.reshape((-1)) and "
            "data.reshape((-1, ) + data.shape[len(segment_ids.shape):]) or vectorize with vmap."
        )
    if None not in (sizes := (ids.shape[0], data.shape[0])) and sizes[0] != sizes[1]:
        raise ValueError(
            "Argument `segment_ids` and `data` should have same leading dimension. Got "
            f"{sizes[0]} v.s. {sizes[1]}."
        )


def _segment_spec(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> KerasTensor:
    ids = segment_ids if hasattr(segment_ids, "shape") else np.asarray(segment_ids)
    _check_segments(data, ids)
    return KerasTensor((num_segments, *data.shape[1:]), data.dtype)


def _segment(name: str, data: Any, ids: Any, count: int | None, sorted: bool) -> jax.Array:
    data, ids = array(data), array(ids)
    _check_segments(data, ids)
    if count is None:
        raise ValueError(
            "Argument `num_segments` must be set when using the JAX backend. Received: "
            "num_segments=None"
        )
    return getattr(jax.ops, name)(data, ids, count, indices_are_sorted=sorted)


@shaped(_segment_spec)
@op
def segment_sum(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> jax.Array:
    """The sums over axis 0 of the rows with equal ids.

    >>> segment_sum([1, 2, 3], [0, 0, 1], num_segments=2)
    Array([3, 3], dtype=int32)
    """
    return _segment("segment_sum", data, segment_ids, num_segments, sorted)


@shaped(_segment_spec)
@op
def segment_max(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> jax.Array:
    """The greatest entries over axis 0 of the rows with equal ids."""
    return _segment("segment_max", data, segment_ids, num_segments, sorted)


@shaped(_segment_spec)
@op
def segment_min(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> jax.Array:
    """The smallest entries over axis 0 of the rows with equal ids."""
    return _segment("segment_min", data, segment_ids, num_segments, sorted)


@shaped(_segment_spec)
@op
def segment_prod(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> jax.Array:
    """The products over axis 0 of the rows with equal ids."""
    return _segment("segment_prod", data, segment_ids, num_segments, sorted)


@op
def cdist(x: Any, y: Any) -> jax.Array:
    """Euclidean distances: (..., n, d) and (..., m, d) -> (..., n, m).

    >>> cdist([[0.0, 0.0]], [[3.0, 4.0]])
    Array([[5.]], dtype=float32)
    """
    x, y = floating(x), floating(y)
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError("`cdist` inputs must have rank >= 2")
    if x.shape[-1] != y.shape[-1]:
        raise ValueError("Last dimension of inputs to `cdist` must match")
    return jnp.sqrt(jnp.sum((x[..., :, None, :] - y[..., None, :, :]) ** 2, -1))


@op
def view_as_complex(x: Any) -> jax.Array:
    """Pairs in the last axis as complex numbers."""
    x = array(x)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(
            "Last dimension of input must be size 2 (real and imaginary). "
            f"Received shape: {x.shape}"
        )
    return jax.lax.complex(x[..., 0], x[..., 1])


@op
def view_as_real(x: Any) -> jax.Array:
    """Complex numbers as pairs in a new last axis."""
    return jnp.stack(_pair(array(x)), -1)


@op
def polar(abs_: Any, angle: Any) -> jax.Array:
    """The complex numbers of an absolute value and an argument."""
    radius, angle = floating(abs_), floating(angle)
    return jax.lax.complex(radius * jnp.cos(angle), radius * jnp.sin(angle))
