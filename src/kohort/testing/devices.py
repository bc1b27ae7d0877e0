"""Which kind of device the tests run on, under the names that Keras's tests ask for."""

from __future__ import annotations

import jax


def uses_gpu() -> bool:
    """Whether JAX computes on a GPU."""
    return jax.default_backend() == "gpu"


def uses_tpu() -> bool:
    """Whether JAX computes on a TPU."""
    return jax.default_backend() == "tpu"


def _never() -> bool:
    """False: Kohort has no backend but JAX."""
    return False


jax_uses_gpu, jax_uses_tpu = uses_gpu, uses_tpu
tensorflow_uses_gpu = tensorflow_uses_tpu = torch_uses_gpu = _never
