"""SpectralNormalization: a wrapper that divides a kernel by its largest singular value."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import settings
from kohort.core.component import field
from kohort.initializers import TruncatedNormal
from kohort.layers.input_spec import InputSpec
from kohort.layers.wrapper import Wrapper


def _check_iterations(name: str, value: Any) -> None:
    if value <= 0:
        raise ValueError(f"`{name}` should be greater than zero. Received: `{name}={value}`")


class SpectralNormalization(Wrapper):
    """Divide the kernel of a layer by its spectral norm, at each call in training.

        kernel = kernel / σ,  σ = v kernel u^T,  by power iteration from the last u

    Args:
        layer: a layer with a `kernel` or `embeddings`.
        power_iterations: the number of steps of the power iteration.

    Input shape and output shape: those of the layer.

    >>> from kohort.layers.core import Dense
    >>> layer = SpectralNormalization(Dense(2, kernel_initializer="ones"), power_iterations=8)
    >>> layer(np.ones((1, 2)), training=True)
    Array([[1., 1.]], dtype=float32)

    Source: `keras.layers.SpectralNormalization`; Miyato et al., 2018 (arXiv:1802.05957).
    """

    power_iterations: int = field(1, check=_check_iterations)

    def build(self, input_shape: Any = None) -> None:
        """Build the layer and the singular vector."""
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if kernel is None:
            raise ValueError(
                f"{type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings'"
            )
        self.kernel = kernel
        self.vector_u = self.add_weight(
            name="vector_u",
            shape=(1, kernel.shape[-1]),
            initializer=TruncatedNormal(stddev=0.02),
            trainable=False,
            dtype=kernel.dtype,
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The layer's."""
        return self.layer.compute_output_shape(input_shape)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Normalise the kernel when training, then call the layer."""
        if training:
            vector, kernel = self.normalized_weights()
            zero = jnp.all(self.kernel.value == 0)  # nothing to divide
            self.vector_u.assign(jnp.where(zero, self.vector_u.value, vector))
            self.kernel.assign(jnp.where(zero, self.kernel.value, kernel))
        return self.layer(inputs).astype(inputs.dtype)

    def normalized_weights(self) -> tuple[jax.Array, jax.Array]:
        """The new vector u, and the kernel divided by its spectral norm."""
        kernel, u = self.kernel.value, self.vector_u.value
        matrix = kernel.reshape(-1, kernel.shape[-1])
        for _ in range(self.power_iterations):
            v = _normalize(u @ matrix.T)
            u = _normalize(v @ matrix)
        u, v = jax.lax.stop_gradient(u), jax.lax.stop_gradient(v)
        sigma = v @ matrix @ u.T
        return u, kernel / sigma[0, 0]


def _normalize(x: jax.Array) -> jax.Array:
    """Divide by the Euclidean norm, which a small number keeps away from 0."""
    return x / jnp.maximum(jnp.linalg.norm(x), settings.epsilon())
