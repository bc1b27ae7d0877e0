"""Layers around a layer: Wrapper, the base, and TimeDistributed."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.component import field
from kohort.layers.call import takes
from kohort.layers.layer import Layer


def _check_layer(name: str, value: Any) -> None:
    if not isinstance(value, Layer):
        raise ValueError(
            f"Layer {value} supplied to Wrapper isn't a supported layer type. Please ensure "
            f"wrapped layer is a valid Keras layer. Received: {name}={value}"
        )


class Wrapper(Layer):
    """Base of layers that hold another layer; by itself it computes nothing.

    Args:
        layer: the layer that is wrapped.
    """

    layer: Any = field(check=_check_layer)

    def build(self, input_shape: Any = None) -> None:
        """Build the wrapped layer."""
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True


class TimeDistributed(Wrapper):
    """Apply a layer to each step of a sequence, with the same weights.

    Args:
        layer: the layer.

    Input shape: `(batch, steps, …)`. Output shape: `(batch, steps, *output of the layer)`.
    Call arguments: `mask` of shape `(batch, steps, …)`.

    >>> from kohort.layers.core import Dense
    >>> TimeDistributed(Dense(8))(np.ones((2, 5, 3))).shape
    (2, 5, 8)

    Source: `keras.layers.TimeDistributed`.
    """

    def __post_init__(self) -> None:
        self.supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        """Build the layer for one step."""
        super().build(self._step_shape(input_shape))

    def _step_shape(self, input_shape: Any) -> tuple[Any, ...]:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) < 3:
            raise ValueError(
                "`TimeDistributed` Layer should be passed an `input_shape` with at least 3 "
                f"dimensions, received: {input_shape}"
            )
        return (input_shape[0], *input_shape[2:])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The layer's output shape, with the steps after the batch axis."""
        shape = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (shape[0], input_shape[1], *shape[1:])

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Apply the layer to each step."""
        if mask is not None:
            _check_mask(mask, inputs)
        kwargs = {"training": training} if takes(self.layer.call, "training") else {}
        masked = mask is not None and takes(self.layer.call, "mask")
        outputs = []
        # A loop, as in Keras: random layers draw anew, and statistics move, at each step.
        for step in range(inputs.shape[1]):
            if masked:
                kwargs["mask"] = mask[:, step]
            outputs.append(self.layer.call(inputs[:, step], **kwargs))
        return jax.tree.map(lambda *steps: jnp.stack(steps, axis=1), *outputs)


def _check_mask(mask: Any, inputs: Any) -> None:
    if mask.ndim < 2:
        raise ValueError(
            "The `mask` passed to the `TimeDistributed` layer must be at least 2D (e.g., "
            f"`(batch_size, timesteps)`), but it has {mask.ndim} dimension(s) with shape "
            f"{mask.shape}."
        )
    if tuple(mask.shape[:2]) != tuple(inputs.shape[:2]):
        raise ValueError(
            f"The `mask` passed to the `TimeDistributed` layer has a shape {mask.shape} that is "
            f"incompatible with the input shape {inputs.shape}. The first two dimensions of the "
            "mask (batch size and timesteps) must match the input's first two dimensions. "
            f"Expected mask shape prefix: ({inputs.shape[0]}, {inputs.shape[1]})."
        )
