"""TFSMLayer: an exported program as a layer."""

from __future__ import annotations

from typing import Any

from kohort.core.component import field
from kohort.layers.layer import Layer


class TFSMLayer(Layer):
    """Call an endpoint of what `model.export` wrote.

    Keras reloads TensorFlow SavedModels with this layer; here it reloads Kohort's own artifacts,
    for inference: their weights are not trainable.

    Args:
        filepath: the folder of the artifact.
        call_endpoint: the name of the endpoint.
        call_training_endpoint: the name of the one for training, if it is another.

    >>> import kohort as keras
    >>> keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).export("served", verbose=False)
    >>> keras.layers.TFSMLayer("served")(np.ones((4, 3))).shape
    (4, 2)

    Source: `keras.layers.TFSMLayer`.
    """

    filepath: str = field(convert=str)
    call_endpoint: str = "serve"
    call_training_endpoint: str | None = None

    def __post_init__(self) -> None:
        from kohort.export.artifact import Artifact

        if self.trainable:
            self.trainable = False
        self._artifact = Artifact(self.filepath)
        names = {self.call_endpoint, self.call_training_endpoint or self.call_endpoint}
        self._programs = {name: self._artifact.program(name) for name in names}
        self._stored = [
            self.add_weight(w.shape, dtype=w.dtype.name, trainable=False, name=f"weight_{i}")
            for i, w in enumerate(self._artifact.weights)
        ]
        for variable, value in zip(self._stored, self._artifact.weights, strict=True):
            variable.assign(value)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Run the program."""
        name = (self.call_training_endpoint if training else None) or self.call_endpoint
        return self._programs[name]([w.value for w in self._stored], (inputs,))
