"""Bidirectional: a recurrent layer forwards and a copy of it backwards."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.layers.call import takes
from kohort.layers.layer import Layer

_MERGE = {
    "concat": lambda a, b: jnp.concatenate([a, b], axis=-1),
    "sum": lambda a, b: a + b,
    "ave": lambda a, b: (a + b) / 2,
    "mul": lambda a, b: a * b,
    None: lambda a, b: (a, b),
}


class Bidirectional(Layer):
    """Run a recurrent layer along a sequence, and a copy of it from the end; join the outputs.

    Args:
        layer: an `RNN`, `LSTM`, `GRU`, …: copied, so that its own weights are left alone.
        merge_mode: how outputs are joined: `"concat"`, `"sum"`, `"ave"`, `"mul"`; None gives both.
        weights: the first weights, forward ones first.
        backward_layer: the layer for the way back; by default a copy of `layer` with
            `go_backwards=True`.

    Call arguments: as those of the layer; the first half of `initial_state` is for the way
    forward. Output shape: that of the layer, with `"concat"` twice as many features. With
    `return_sequences`, masked steps give 0.

    >>> from kohort.layers import LSTM
    >>> Bidirectional(LSTM(4, return_sequences=True))(np.ones((2, 10, 3))).shape
    (2, 10, 8)

    Source: Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997.
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ):
        if not isinstance(layer, Layer):
            raise ValueError(
                "Please initialize `Bidirectional` layer with a `keras.layers.Layer` instance. "
                f"Received: {layer}"
            )
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise ValueError(
                "`backward_layer` need to be a `keras.layers.Layer` instance. "
                f"Received: {backward_layer}"
            )
        if merge_mode not in _MERGE:
            raise ValueError(
                f"Invalid merge mode. Received: {merge_mode}. Merge mode should be one of "
                '{"sum", "mul", "ave", "concat", None}'
            )
        super().__init__(**kwargs)
        self.forward_layer = _copy(layer, "forward_")
        if backward_layer is None:
            backward_layer = _copy(layer, "backward_", go_backwards=True)
        self.backward_layer = backward_layer
        self._check_pair()
        for part in (self.forward_layer, self.backward_layer):
            if hasattr(layer, "use_cudnn"):
                part.use_cudnn = layer.use_cudnn
            if getattr(part, "zero_output_for_mask", None) is not None:
                part.zero_output_for_mask = part.return_sequences
        self.merge_mode = merge_mode
        if weights:
            half = len(weights) // 2
            self.forward_layer._initial_weights = list(weights[:half])
            self.backward_layer._initial_weights = list(weights[half:])
        copy = self.forward_layer
        self.stateful, self.return_sequences = copy.stateful, copy.return_sequences
        self.return_state = copy.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def _check_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                "Forward layer and backward layer should have different `go_backwards` value. "
                f"Received: forward_layer.go_backwards {forward.go_backwards}, "
                f"backward_layer.go_backwards={backward.go_backwards}"
            )
        for name in ("stateful", "return_sequences", "return_state"):
            a, b = getattr(forward, name), getattr(backward, name)
            if a != b:
                raise ValueError(
                    "Forward layer and backward layer are expected to have the same value for "
                    f'attribute "{name}", got "{a}" for forward layer and "{b}" for backward layer'
                )

    # ---- shapes and states

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build both layers."""
        for part in (self.forward_layer, self.backward_layer):
            if not part.built:
                part.build(sequences_shape)
            weights = part.__dict__.pop("_initial_weights", None)
            if weights is not None:
                part.set_weights(weights)

    @property
    def states(self) -> Any:
        """The states of a stateful layer, those of the way forward first; or None."""
        forward, backward = self.forward_layer.states, self.backward_layer.states
        return (*forward, *backward) if forward and backward else None

    def reset_state(self) -> None:
        """Set the states of a stateful layer to zero."""
        if not self.stateful:
            raise AttributeError("Layer must be stateful.")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """The joined shape, and with `return_state` those of the states of both ways."""
        shape = self.forward_layer.compute_output_shape(sequences_shape)
        shape, states = (shape[0], shape[1:]) if self.return_state else (shape, ())
        if self.merge_mode == "concat":
            shape = (*shape[:-1], None if shape[-1] is None else 2 * shape[-1])
        if self.merge_mode is None:
            return (tuple(shape), tuple(shape), *states, *states)
        return (tuple(shape), *states, *states) if self.return_state else tuple(shape)

    def compute_mask(self, sequences: Any, mask: Any) -> Any:
        """The mask of the sequence, where a sequence is returned."""
        mask = mask[0] if isinstance(mask, list) else mask
        output = mask if self.return_sequences else None
        outputs = (output, output) if self.merge_mode is None else (output,)
        if self.return_state:
            return (*outputs, *(None for _ in 2 * self.forward_layer.state_size))
        return outputs if self.merge_mode is None else output

    # ---- the two ways

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Run both layers and join what they give."""
        told = {"training": training, "mask": mask}
        told = {k: v for k, v in told.items() if takes(self.forward_layer.call, k)}
        first: list[Any] = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            first = [initial_state[:half], initial_state[half:]]
        ways = (self.forward_layer, self.backward_layer)
        forward, backward = (
            way(sequences, initial_state=state, **told)
            for way, state in zip(ways, first, strict=True)
        )
        states: tuple[Any, ...] = ()
        if self.return_state:
            states = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        forward, backward = (x.astype(self.compute_dtype) for x in (forward, backward))
        if self.return_sequences:
            backward = jnp.flip(backward, axis=1)
        output = _MERGE[self.merge_mode](forward, backward)
        if not self.return_state:
            return output
        return (*output, *states) if self.merge_mode is None else (output, *states)

    def get_config(self) -> dict[str, Any]:
        """How outputs are joined, and both layers."""
        return {
            **self.base_config(),
            "merge_mode": self.merge_mode,
            "layer": serialize_keras_object(self.forward_layer),
            "backward_layer": serialize_keras_object(self.backward_layer),
        }


def _copy(layer: Any, prefix: str, **changes: Any) -> Any:
    """A layer of the same configuration, with weights of its own."""
    config = serialize_keras_object(layer)
    name = prefix + layer.name.removeprefix(prefix)
    config["config"] = {**config["config"], "name": name, **changes}
    return deserialize_keras_object(config)
