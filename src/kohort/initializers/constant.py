"""Initialisers without chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core.component import field
from kohort.core.dtypes import standardize_dtype
from kohort.core.variable import convert_to_tensor
from kohort.initializers.initializer import Initializer


class Constant(Initializer):
    """All elements are `value`.

    Args:
        value: a number, or an array that broadcasts to the shape.

    >>> Constant(3.0)((2,))
    Array([3., 3.], dtype=float32)
    """

    value: Any = 0.0

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        dtype = standardize_dtype(dtype)
        return convert_to_tensor(self.value, dtype) * jnp.ones(tuple(shape), dtype)


class Zeros(Initializer):
    """All elements are 0.

    >>> Zeros()((2,))
    Array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        return jnp.zeros(tuple(shape), standardize_dtype(dtype))

    def on_host(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        """The same without a compilation for each new shape."""
        return np.zeros(tuple(shape), _host_dtype(dtype))


class Ones(Initializer):
    """All elements are 1.

    >>> Ones()((2,))
    Array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        return jnp.ones(tuple(shape), standardize_dtype(dtype))

    def on_host(self, shape: Sequence[int], dtype: Any = None) -> np.ndarray:
        """The same without a compilation for each new shape."""
        return np.ones(tuple(shape), _host_dtype(dtype))


class Identity(Initializer):
    """The identity matrix, times `gain`.

    >>> Identity(2.0)((2, 2))
    Array([[2., 0.],
           [0., 2.]], dtype=float32)
    """

    gain: float = 1.0

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        return self.gain * jnp.eye(shape[0], shape[1], dtype=standardize_dtype(dtype))


def _host_dtype(dtype: Any) -> Any:
    return jax.dtypes.canonicalize_dtype(standardize_dtype(dtype))  # 64 bits become 32


def _check_side(name: str, value: Any) -> None:
    if value not in ("real", "imag"):
        raise ValueError(f"{name} should be 'real' or 'imag', not {value}")


def _check_scaling(name: str, value: Any) -> None:
    if value is not None and value not in ("density", "spectrum"):
        raise ValueError(
            "Scaling is invalid, it must be `None`, 'density' or 'spectrum'. "
            f"Received {name}={value}"
        )


def _check_window(name: str, value: Any) -> None:
    if isinstance(value, str):
        _scipy_window(value, 1, False)  # raises ValueError for an unknown window


def _scipy_window(name: str, length: int, periodic: bool) -> np.ndarray:
    import scipy.signal

    return scipy.signal.get_window(name, length, periodic)


class STFT(Initializer):
    r"""The kernels of a convolution that computes a short-time Fourier transform.

    Element `(t, 0, f)` is `w[t] cos(-2π t f / F)` (`side="real"`) or `w[t] sin(…)`
    (`"imag"`), with `F` bands of which the first `F // 2 + 1` are kept.

    Args:
        side: "real" or "imag".
        window: the name of a window of `scipy.signal`, an array, or None.
        scaling: "density" (divide by the window's L2 norm), "spectrum" (L1) or None.
        periodic: whether the window is periodic.

    Shape: `(window length, 1, F // 2 + 1)`.

    >>> STFT("real", window=None)((2, 1, 2))
    Array([[[ 1.,  1.]],
           [[ 1., -1.]]], dtype=float32)
    """

    side: str = field("real", check=_check_side)
    window: Any = field("hann", check=_check_window)
    scaling: str | None = field("density", check=_check_scaling)
    periodic: bool = False

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> jax.Array:
        dtype = standardize_dtype(dtype)
        length, _, bands = shape
        time = jnp.arange(length, dtype=dtype).reshape(length, 1, 1)
        frequency = jnp.arange(bands, dtype=dtype).reshape(1, 1, bands) / ((bands - 1) * 2)
        angle = -2 * time * frequency * jnp.arccos(jnp.asarray(-1, dtype))
        kernel = jnp.cos(angle) if self.side == "real" else jnp.sin(angle)
        if self.window is None:
            return kernel
        window = self._window(length, dtype)
        scale: Any = 1
        if self.scaling == "density":
            scale = jnp.sqrt(jnp.sum(jnp.square(window)))
        elif self.scaling == "spectrum":
            scale = jnp.sum(jnp.abs(window))
        return kernel * window / scale

    def _window(self, length: int, dtype: str) -> jax.Array:
        window = self.window
        if isinstance(window, str):
            window = _scipy_window(window, length, self.periodic)
        window = convert_to_tensor(window, dtype)
        if window.shape != (length,):
            raise ValueError(
                "The shape of `window` must be equal to [frame_length]."
                f"Received: window shape={window.shape}"
            )
        return window.reshape(length, 1, 1)
