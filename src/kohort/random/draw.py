"""Random numbers: with equal seeds those of Keras on JAX (normals but for the last bits)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core.arrays import to_device
from kohort.core.component import is_zero
from kohort.core.dtypes import is_float, is_int, standardize_dtype
from kohort.core.variable import convert_to_tensor
from kohort.random import host
from kohort.random.seed import draw_seed


def normal(
    shape: Sequence[int], mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Draw from the normal distribution N(mean, stddev²).

    >>> normal((2, 3), seed=1).shape
    (2, 3)
    """
    key, shape, dtype = draw_seed(seed), tuple(shape), standardize_dtype(dtype)
    if host.usable(key, shape, dtype, mean, stddev):
        return to_device(host.normal(key, shape) * np.float32(stddev) + np.float32(mean))
    return jax.random.normal(key, shape, dtype) * stddev + mean


def truncated_normal(
    shape: Sequence[int], mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Draw from N(mean, stddev²), cut at two standard deviations.

    >>> bool((abs(truncated_normal((99,), seed=1)) <= 2).all())
    True
    """
    key, shape, dtype = draw_seed(seed), tuple(shape), standardize_dtype(dtype)
    if host.usable(key, shape, dtype, mean, stddev):
        sample = host.truncated_normal(key, shape, 2.0)
        return to_device(sample * np.float32(stddev) + np.float32(mean))
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype) * stddev + mean


def uniform(
    shape: Sequence[int], minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Draw from the uniform distribution over [minval, maxval).

    >>> bool((uniform((99,), 2.0, 3.0, seed=1) >= 2).all())
    True
    """
    if dtype and not is_float(dtype):
        raise ValueError(
            f"`keras.random.uniform` requires a floating point `dtype`. Received: dtype={dtype} "
        )
    key, shape, dtype = draw_seed(seed), tuple(shape), standardize_dtype(dtype)
    if host.usable(key, shape, dtype, minval, maxval):
        return to_device(host.uniform(key, shape, minval, maxval))
    return jax.random.uniform(key, shape, dtype, minval, maxval)


def randint(
    shape: Sequence[int], minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None
) -> jax.Array:
    """Draw whole numbers from [minval, maxval), all equally likely.

    >>> int(randint((99,), 0, 5, seed=1).max())
    4
    """
    if dtype and not is_int(dtype):
        raise ValueError(
            f"`keras.random.randint` requires an integer `dtype`. Received: dtype={dtype} "
        )
    dtype = standardize_dtype(dtype)
    return jax.random.randint(draw_seed(seed), tuple(shape), minval, maxval, dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> jax.Array:
    """Draw class numbers with probabilities softmax(logits).

    Shapes: logits (batch, classes) -> (batch, num_samples).

    >>> categorical([[0.0, 99.0]], 3, seed=1)
    Array([[1, 1, 1]], dtype=int32)
    """
    logits = convert_to_tensor(logits)
    if logits.ndim != 2:
        raise ValueError(
            "`logits` should be a 2-D tensor with shape [batch_size, num_classes]. "
            f"Received: logits={logits}"
        )
    shape = (logits.shape[0], num_samples)
    sample = jax.random.categorical(draw_seed(seed), logits[..., None], axis=1, shape=shape)
    return sample.astype(standardize_dtype(dtype))


def dropout(
    inputs: Any, rate: Any, noise_shape: Sequence[int | None] | None = None, seed: Any = None
) -> jax.Array:
    """Set a share `rate` of the entries to 0 and divide the others by 1 - rate.

    Args:
        inputs: an array.
        rate: the share; a number or (inside a compiled program) a traced scalar.
        noise_shape: the shape of the mask; None or an entry None takes the inputs' size, a 1
            drops whole slices.
        seed: an int, a `SeedGenerator`, a key or None.

    >>> sorted({float(v) for v in dropout(jnp.ones(99), 0.5, seed=1)})
    [0.0, 2.0]
    """
    inputs = convert_to_tensor(inputs)
    if is_zero(rate):
        return inputs
    if isinstance(rate, (int, float)) and rate == 1:
        return jnp.zeros_like(inputs)
    keep = 1.0 - rate
    sizes = noise_shape or (None,) * inputs.ndim
    shape = tuple(
        size if wanted is None else wanted for size, wanted in zip(inputs.shape, sizes, strict=True)
    )
    mask = jax.random.bernoulli(draw_seed(seed), keep, shape)
    if not isinstance(keep, float):
        # A traced rate may be 1: 0 * (1 / 0) would poison the gradient.
        keep = jnp.where(keep > 0, keep, 1.0).astype(inputs.dtype)
    return jnp.where(mask, inputs / keep, jnp.zeros((), inputs.dtype))


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> jax.Array:
    """Shuffle the entries along `axis`, each line on its own.

    >>> shuffle(jnp.arange(4), seed=1).shape
    (4,)
    """
    return jax.random.permutation(draw_seed(seed), convert_to_tensor(x), axis, independent=True)


def gamma(shape: Sequence[int], alpha: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Draw from the gamma distribution with shape parameter `alpha` and scale 1.

    >>> bool((gamma((9,), 2.0, seed=1) > 0).all())
    True
    """
    dtype = standardize_dtype(dtype)
    return jax.random.gamma(draw_seed(seed), _array(alpha), tuple(shape), dtype)


def beta(
    shape: Sequence[int], alpha: Any, beta: Any, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Draw from the beta distribution with parameters `alpha` and `beta`.

    >>> bool((beta((9,), 2.0, 3.0, seed=1) < 1).all())
    True
    """
    dtype = standardize_dtype(dtype)
    return jax.random.beta(draw_seed(seed), _array(alpha), _array(beta), tuple(shape), dtype)


def binomial(
    shape: Sequence[int], counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Draw the number of successes in `counts` trials of probability `probabilities`.

    >>> int(binomial((9,), 3, 0.5, seed=1).max()) <= 3
    True
    """
    key, dtype = draw_seed(seed), standardize_dtype(dtype)
    return jax.random.binomial(key, _array(counts), _array(probabilities), tuple(shape), dtype)


def _array(x: Any) -> Any:
    return x if isinstance(x, (int, float)) else convert_to_tensor(x)
