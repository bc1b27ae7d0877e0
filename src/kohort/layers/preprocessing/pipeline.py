"""Pipeline: layers one after another, as one layer."""

from __future__ import annotations

from typing import Any

from kohort.core import tree
from kohort.core.masks import get_mask
from kohort.layers.call import takes
from kohort.layers.layer import Layer


class Pipeline(Layer):
    """Apply layers one after another, to data outside a model as well.

    Args:
        layers: the layers.
        name: a name.

    >>> from kohort.layers import Rescaling
    >>> print(Pipeline([Rescaling(2.0), Rescaling(1.0, offset=1.0)])(np.array([[3.0]])))
    [[7.]]

    Source: `keras.layers.Pipeline`.
    """

    layers: Any

    def __post_init__(self) -> None:
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        """Run the layers."""
        for layer in self.layers:
            given = {"mask": mask, "training": training}
            inputs = layer(inputs, **{k: v for k, v in given.items() if takes(layer.call, k)})
            mask = tree.map_structure(get_mask, inputs)
        return inputs

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Pipeline:
        """Make the pipeline from the configurations of its layers."""
        if not isinstance(config.get("layers"), (list, tuple)):
            raise ValueError(
                "`Pipeline` config must contain a `layers` key mapping to a list of serialized "
                f"layers. Received: config={config}"
            )
        return super().from_config(config, custom_objects)

    def get_config(self) -> dict[str, Any]:
        """The layers and the name."""
        config = super().get_config()
        return {"layers": config["layers"], "name": config["name"]}
