"""The base of layers that work on images: one at a time, or in batches with labels and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from kohort import random
from kohort.core.component import field
from kohort.core.settings import standardize_data_format
from kohort.core.variable import convert_to_tensor
from kohort.layers.layer import Layer
from kohort.layers.preprocessing.boxes import dense
from kohort.utils.bounding_boxes import clip_to_image_size, convert_format

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


class ImageLayer(Layer):
    """A layer on images `(height, width, channels)` or `(batch, height, width, channels)`.

    A subclass says in `_draw` what is random (per image) and in `_apply` what happens to a batch
    of float images whose channels come last. Called on a dict with `images` and, if wanted,
    `labels`, `segmentation_masks` and `bounding_boxes` (a dict of `boxes` and `labels`, in the
    layer's `bounding_box_format`), the layer changes all of them alike.

    Augmentation happens where `training` is true, which is the default of a call outside any
    model; with `training=False` images stay as they are.
    """

    _needs_no_build = True
    _always = False
    """Whether images change outside training too."""
    _moves = False
    """Whether segmentation masks change as images do."""
    _boxless = False
    """Whether bounding boxes are refused, since nobody can say where they go."""

    if TYPE_CHECKING:  # fields of subclasses
        seed: int | None
        factor: Any
        value_range: Any
        interpolation: str

    def __init__(self, *, bounding_box_format: Any = None, data_format: Any = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.bounding_box_format = bounding_box_format
        self.data_format: str = standardize_data_format(data_format)

    def __post_init__(self) -> None:
        self._allow_non_tensor_positional_args = True
        if "seed" in self.fields:
            self.generator = random.SeedGenerator(self.seed)

    # ---- what subclasses write

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        """Random numbers for a batch of images of this shape (channels last)."""
        return None

    def _apply(self, images: Any, transformation: Any) -> Any:
        """The changed images: floats, shape (batch, height, width, channels)."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it does to images.")

    def _apply_to_masks(self, masks: Any, transformation: Any) -> Any:
        """The changed segmentation masks; colours do not touch them."""
        return self._apply(masks, transformation) if self._moves else masks

    def _apply_to_labels(self, labels: Any, transformation: Any) -> Any:
        """The changed labels."""
        return labels

    def _apply_to_boxes(self, boxes: Any, transformation: Any, size: tuple[Any, Any]) -> Any:
        """The changed boxes (batch, boxes, 4) as xyxy; `size` is the images' height and width."""
        return boxes

    def _size_after(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        """The height and width of the changed images."""
        return size

    # ---- Keras's methods

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Draw what `transform_images` and its kin need, one set of numbers an image."""
        if not training and not self._always:
            return None
        shape = tuple((data["images"] if isinstance(data, dict) else data).shape)
        if len(shape) not in (3, 4):
            raise ValueError(
                f"Expected the input image to be rank 3 or 4. Received: inputs.shape={shape}"
            )
        shape = shape if len(shape) == 4 else (1, *shape)
        if self.data_format == "channels_first":
            shape = (shape[0], *shape[2:], shape[1])
        drawn = self._draw(shape, getattr(self, "generator", None) if seed is None else seed)
        return {**drawn, **self._sizes(shape)} if isinstance(drawn, dict) else drawn

    def _sizes(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """What is drawn beside random numbers: bounding boxes need the size of the images."""
        return {"input_shape": shape} if self._turns_boxes() else {}

    def _turns_boxes(self) -> bool:
        return type(self)._apply_to_boxes is not ImageLayer._apply_to_boxes

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images, changed."""
        images = convert_to_tensor(images).astype(self.compute_dtype)
        if not (training or self._always):
            return images
        return self._in_batch(self._apply, images, transformation).astype(self.compute_dtype)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """The labels, mixed where images are mixed."""
        return (
            self._apply_to_labels(convert_to_tensor(labels), transformation) if training else labels
        )

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        """The masks, moved as the images are."""
        masks = convert_to_tensor(segmentation_masks)
        if not (training or self._always):
            return masks
        return self._in_batch(self._apply_to_masks, masks, transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """The boxes, moved as the images are and cut off at their edges.

        The labels of boxes that lie outside become -1.
        """
        if self._boxless:
            raise NotImplementedError(
                f"{type(self).__name__} does not move bounding boxes with the images. Received: a "
                "dict with the key 'bounding_boxes'. Leave them out, or use another layer."
            )
        still = transformation is None or not (training or self._always)
        if still or not self._turns_boxes():
            return bounding_boxes
        size = transformation["input_shape"][-3:-1]
        boxes = jnp.asarray(bounding_boxes["boxes"])
        single = boxes.ndim == 2
        boxes = convert_format(boxes, self.bounding_box_format, "xyxy", *size)
        boxes = self._apply_to_boxes(boxes[None] if single else boxes, transformation, size)
        boxes, size = boxes[0] if single else boxes, self._size_after(size)
        changed = clip_to_image_size({**bounding_boxes, "boxes": boxes}, *size)
        return convert_format(changed, "xyxy", self.bounding_box_format, *size)

    def _in_batch(self, function: Callable[[Any, Any], Any], images: Any, drawn: Any) -> Any:
        """Run `function` on a batch with the channels last, and put axes back."""
        first, single = self.data_format == "channels_first", images.ndim == 3
        images = images[None] if single else images
        images = jnp.moveaxis(images, 1, -1) if first else images
        images = function(images, drawn)
        images = jnp.moveaxis(images, -1, 1) if first else images
        return images[0] if single else images

    def call(self, data: Any, training: bool = True) -> Any:
        """Draw, and change images and what belongs to them."""
        transformation = self.get_random_transformation(data, training=training)
        if not isinstance(data, dict):
            return self.transform_images(data, transformation, training=training)
        changed = dict(data)
        for key, transform in (
            ("images", self.transform_images),
            ("labels", self.transform_labels),
            ("segmentation_masks", self.transform_segmentation_masks),
        ):
            if key in data:
                changed[key] = transform(data[key], transformation, training=training)
        if "bounding_boxes" in data:
            self._check_boxes()
            boxes = dense(data["bounding_boxes"])
            changed["bounding_boxes"] = self.transform_bounding_boxes(
                boxes, transformation, training=training
            )
        return changed

    def _check_boxes(self) -> None:
        if not self.bounding_box_format:
            raise ValueError(
                "You passed an input with a 'bounding_boxes' key, but you didn't specify a "
                "bounding box format. Pass a `bounding_box_format` argument to your "
                f"{type(self).__name__} layer, e.g. `bounding_box_format='xyxy'`."
            )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The fields, the data format, and the format of bounding boxes where there is one."""
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is not None:
            config["bounding_box_format"] = self.bounding_box_format
        return config


# ---- fields that the layers share


def channels() -> Any:
    """A field for the place of the channels."""
    return field(None, convert=standardize_data_format)


def pixel_range() -> Any:
    """A field for the lowest and the highest value of a pixel."""

    def convert(value: Any) -> list[Any]:
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError(
                "The `value_range` argument should be a list of two numbers. "
                f"Received: value_range={value}"
            )
        return sorted(value)

    return field((0, 255), convert=convert)


def range_of(
    default: Any = ..., low: float = -1, high: float = 1, name: str = "factor",
    strict: bool = False, mirrored: bool = True,
) -> Any:  # fmt: skip
    """A field for a range (lower, upper) to draw from; a number f means (max(-f, low), f).

    Args:
        strict: whether both ends of a given pair must lie within the bounds.
        mirrored: whether one number means both directions (else 0 to f).
    """

    def convert(value: Any) -> tuple[float, float]:
        pair = isinstance(value, (tuple, list)) and len(value) == 2
        single = isinstance(value, (int, float)) and not isinstance(value, bool)
        inside = single and low <= value <= high
        if pair:
            inside = value[0] <= high and value[1] >= low
            inside = inside and (not strict or all(low <= v <= high for v in value))
        if not inside:
            raise ValueError(
                f"The `{name}` argument should be a number (or a list of two numbers) in the "
                f"range [{low}, {high}]. Received: {name}={value}"
            )
        if pair:
            lower, upper = sorted(value)
            return lower, upper
        return (max(-abs(value), low) if mirrored else 0, abs(value))

    return field(convert=convert) if default is ... else field(default, convert=convert)


def one_of(name: str, default: str, allowed: tuple[str, ...]) -> Any:
    """A field for a word out of a few."""

    def check(key: str, value: Any) -> None:
        if value not in allowed:
            raise NotImplementedError(f"Unknown `{name}` {value}. Expected of one {allowed}.")

    return field(default, check=check)


def scaled(images: Any, source: Any, target: Any) -> Any:
    """Pixels from one range of values in another one."""
    if tuple(source) == tuple(target):
        return images
    images = (images - source[0]) / (source[1] - source[0])
    return images * (target[1] - target[0]) + target[0]


def per_image(values: Any) -> Any:
    """Numbers (batch,) in the shape (batch, 1, 1, 1)."""
    return values[:, None, None, None]


def drawn(shape: tuple[int, ...], share: tuple[float, float], seed: Any) -> Any:
    """Numbers from the uniform distribution over `share`."""
    return random.uniform(shape, share[0], share[1], seed=seed)


def applies(shape: tuple[int, ...], share: tuple[float, float], seed: Any) -> Any:
    """Whether each image is changed: with a probability drawn from `share`."""
    probability = drawn((shape[0],), share, seed)
    return random.uniform((shape[0],), seed=seed) < probability
