"""JAX's generator on the host, for first values: the same numbers without a compilation.

`jax.random.uniform` compiles once for each shape, which took longer than all else that a
small model does at its start. Threefry is twenty rounds of integer arithmetic, so that NumPy
gives the same bits; the normal goes through the same polynomial as XLA's `erf_inv`.

Source: Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3"; Giles (2010),
"Approximating the erfinv function".
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_LARGEST = 2**24  # beyond it the device is faster
_CENTRE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
           -0.00125372503, -0.00417768164, 0.246640727, 1.50140941)  # fmt: skip
_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
         -0.0076224613, 0.00943887047, 1.00167406, 2.83297682)  # fmt: skip


def usable(key: Any, shape: tuple[int, ...], dtype: str, *numbers: Any) -> bool:
    """Whether the host can draw this: known key and numbers, float32, not too large."""
    return (
        dtype == "float32"
        and not isinstance(key, jax.core.Tracer)
        and getattr(key, "shape", None) == (2,)
        and all(isinstance(n, (int, float)) for n in numbers)
        and math.prod(shape) <= _LARGEST
        and jax.config.jax_threefry_partitionable  # type: ignore[attr-defined]
    )


def _bits(key: Any, size: int) -> np.ndarray:
    """`size` random words: Threefry-2x32 of the key and the position."""
    k0, k1 = (np.uint32(k) for k in np.asarray(key))
    keys = (k0, k1, np.uint32(k0 ^ k1 ^ np.uint32(0x1BD11BDA)))
    x0 = np.full(size, keys[0], np.uint32)
    x1 = np.arange(size, dtype=np.uint32)
    with np.errstate(over="ignore"):
        x1 += keys[1]
        for i in range(5):
            for r in _ROTATIONS[i % 2]:
                x0 += x1
                x1 = (x1 << np.uint32(r)) | (x1 >> np.uint32(32 - r))
                x1 ^= x0
            x0 += keys[(i + 1) % 3]
            x1 += np.uint32(keys[(i + 2) % 3] + np.uint32(i + 1))
    return x0 ^ x1


def uniform(key: Any, shape: tuple[int, ...], low: Any, high: Any) -> np.ndarray:
    """What `jax.random.uniform` gives."""
    one_to_two = (_bits(key, math.prod(shape)) >> np.uint32(9)) | np.uint32(0x3F800000)
    lo, hi = np.float32(low), np.float32(high)
    unit = (one_to_two.view(np.float32) - np.float32(1)).astype(np.float64)
    drawn = unit * np.float32(hi - lo) + lo  # rounded once, as XLA's fused multiply-add does
    return np.maximum(lo, drawn.astype(np.float32)).reshape(shape)


def _erf_inv(x: np.ndarray) -> np.ndarray:
    w = -np.log1p(-x * x)
    centre = w < 5
    w = np.where(centre, w - np.float32(2.5), np.sqrt(w) - np.float32(3))
    p = np.where(centre, np.float32(_CENTRE[0]), np.float32(_TAIL[0]))
    for c, t in zip(_CENTRE[1:], _TAIL[1:], strict=True):
        p = np.where(centre, np.float32(c), np.float32(t)) + p * w
    return p * x


def normal(key: Any, shape: tuple[int, ...]) -> np.ndarray:
    """What `jax.random.normal` gives, but for the last bits."""
    low = np.nextafter(np.float32(-1), np.float32(0))
    return np.float32(math.sqrt(2)) * _erf_inv(uniform(key, shape, low, 1.0))


def truncated_normal(key: Any, shape: tuple[int, ...], limit: float) -> np.ndarray:
    """What `jax.random.truncated_normal` gives within ±limit, but for the last bits."""
    edge = np.float32(math.erf(limit / math.sqrt(2)))
    drawn = np.float32(math.sqrt(2)) * _erf_inv(uniform(key, shape, -edge, edge))
    inside = np.nextafter(np.float32(limit), np.float32(0))
    return np.clip(drawn, -inside, inside)
