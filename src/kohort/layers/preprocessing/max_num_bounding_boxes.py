"""MaxNumBoundingBoxes: as many boxes for each image."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort.core.component import field
from kohort.layers.preprocessing.image import ImageLayer


class MaxNumBoundingBoxes(ImageLayer):
    """Keep the first `max_number` bounding boxes of each image; fill up where there are fewer.

    Called on `{"images": …, "bounding_boxes": {"boxes": …, "labels": …}}`; all else stays.

    Args:
        max_number: how many boxes.
        fill_value: the numbers and the label of the boxes that fill up.
        bounding_box_format: any format of `kohort.utils.bounding_boxes`.

    >>> layer = MaxNumBoundingBoxes(2, bounding_box_format="xyxy")
    >>> boxes = {"boxes": np.ones((1, 1, 4)), "labels": np.array([[7]])}
    >>> changed = layer({"images": np.ones((1, 4, 4, 3)), "bounding_boxes": boxes})
    >>> changed["bounding_boxes"]["labels"].tolist()
    [[7, -1]]

    Source: `keras.layers.MaxNumBoundingBoxes`.
    """

    max_number: int = field(convert=int)
    fill_value: int = field(-1, convert=int)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The images as they are."""
        return images

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The masks as they are."""
        return segmentation_masks

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The boxes and their labels, `max_number` of each."""
        axis = len(bounding_boxes["boxes"].shape) - 2
        both = {k: self._limited(jnp.asarray(bounding_boxes[k]), axis) for k in ("boxes", "labels")}
        return {**bounding_boxes, **both}

    def _limited(self, array: Any, axis: int) -> Any:
        array = array[(slice(None),) * axis + (slice(self.max_number),)]
        widths = [(0, 0)] * array.ndim
        widths[axis] = (0, self.max_number - array.shape[axis])
        return jnp.pad(array, widths, constant_values=self.fill_value)

    def get_config(self) -> dict[str, Any]:
        """Keras's configuration, which lacks `fill_value`; it is there where it is not -1."""
        config = super().get_config()
        if self.fill_value == -1:
            del config["fill_value"]
        return config

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input with `max_number` boxes."""
        if not isinstance(input_shape, dict) or "bounding_boxes" not in input_shape:
            return input_shape
        shapes = input_shape["bounding_boxes"]
        if extra := shapes.keys() - {"boxes", "labels"}:
            raise KeyError(
                f"There are unsupported keys in `bounding_boxes`: {sorted(extra)}. Only `boxes` "
                "and `labels` are supported."
            )
        axis = len(shapes["boxes"]) - 2
        changed = {
            key: (*shape[:axis], self.max_number, *shape[axis + 1 :])
            for key, shape in shapes.items()
        }
        return {**input_shape, "bounding_boxes": changed}
