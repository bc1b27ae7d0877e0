"""Layers that give images another size: Resizing, CenterCrop, RandomCrop."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort import ops, random
from kohort.core.component import field
from kohort.core.dtypes import is_int
from kohort.core.variable import convert_to_tensor
from kohort.layers.fields import positive_int
from kohort.layers.preprocessing.image import ImageLayer, channels
from kohort.random.seed import make_default_seed
from kohort.utils.bounding_boxes import crop, pad


class _Sized(ImageLayer):
    """A layer whose images have the size (`height`, `width`)."""

    _always = _moves = True
    height: int
    width: int

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        return {}

    def _resized(self, images: Any, interpolation: str = "bilinear", **more: Any) -> Any:
        size = (self.height, self.width)
        return ops.image.resize(images, size, interpolation, data_format="channels_last", **more)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape with the new height and width."""
        if isinstance(input_shape, dict):
            shapes = {
                k: input_shape[k] for k in ("images", "segmentation_masks") if k in input_shape
            }
            return {**input_shape, **{k: self.compute_output_shape(s) for k, s in shapes.items()}}
        shape = list(input_shape)
        if len(shape) not in (3, 4) or isinstance(shape[0], (list, tuple)):
            raise ValueError(
                "`input_shape` must be a non-nested tuple or list of rank-1 with size 3 (unbatched)"
                f" or 4 (batched). Received: input_shape={input_shape}"
            )
        at = -2 if self.data_format == "channels_first" else -3
        shape[at], shape[at + 1] = self.height, self.width
        return tuple(shape)

    def _cropped_to_aspect(self, images: Any) -> Any:
        return self._resized(images, crop_to_aspect_ratio=True)

    def _size_after(self, size: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.height, self.width

    def _boxes_in_middle(self, boxes: Any, size: tuple[Any, Any]) -> Any:
        """Boxes as `_cropped_to_aspect` leaves the images: the sides cut, the rest resized."""
        height, width = size
        kept = (
            max(min(height, int(width * self.height / self.width)), 1),
            max(min(width, int(height * self.width / self.height)), 1),
        )
        boxes = crop(boxes, (height - kept[0]) // 2, (width - kept[1]) // 2, *kept)
        return boxes * _factors(self.height / kept[0], self.width / kept[1])


def _factors(down: float, across: float) -> Any:
    return jnp.array([across, down, across, down], "float32")


def _cut(images: Any, top: Any, left: Any, height: int, width: int) -> Any:
    batch, _, _, channels = images.shape
    return jax.lax.dynamic_slice(images, (0, top, left, 0), (batch, height, width, channels))


class Resizing(_Sized):
    """Images of another size.

    Args:
        height, width: the new size.
        interpolation: bilinear, nearest, bicubic, lanczos3 or lanczos5.
        crop_to_aspect_ratio: cut the sides first, so that nothing is distorted.
        pad_to_aspect_ratio: add `fill_value` at the sides first, so that nothing is distorted.
        fill_mode: "constant".
        fill_value: what to pad with.
        antialias: smooth before making smaller.
        data_format: channels_last or channels_first.

    >>> Resizing(2, 3)(np.ones((1, 4, 4, 1))).shape
    (1, 2, 3, 1)

    Source: `keras.layers.Resizing`.
    """

    interpolation: str = "bilinear"
    crop_to_aspect_ratio: bool = False
    pad_to_aspect_ratio: bool = False
    fill_mode: str = "constant"
    fill_value: float = 0.0
    antialias: bool = field(False, convert=bool)
    data_format: Any = channels()

    def _apply(self, images: Any, transformation: Any, interpolation: str | None = None) -> Any:
        names = (
            "crop_to_aspect_ratio",
            "pad_to_aspect_ratio",
            "fill_mode",
            "fill_value",
            "antialias",
        )
        return self._resized(
            images,
            interpolation or self.interpolation,
            **{name: getattr(self, name) for name in names},
        )

    def _apply_to_masks(self, masks: Any, transformation: Any) -> Any:
        return self._apply(masks, transformation, "nearest")

    def _apply_to_boxes(self, boxes: Any, transformation: Any, size: tuple[Any, Any]) -> Any:
        down, across = self.height / size[0], self.width / size[1]
        if self.crop_to_aspect_ratio:
            down = across = max(down, across)
            top, left = (
                -((size[0] * down - self.height) // 2),
                -((size[1] * across - self.width) // 2),
            )
        else:
            if self.pad_to_aspect_ratio:
                down = across = min(down, across)
            top, left = (self.height - size[0] * down) // 2, (self.width - size[1] * across) // 2
        none = jnp.all((boxes == 0) | (boxes == -1), -1, keepdims=True)  # what only fills up
        return jnp.where(none, 0.0, pad(boxes * _factors(down, across), top, left))

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The images in the new size; whole numbers are rounded and stay in their range."""
        images = convert_to_tensor(images)
        resized = self._in_batch(self._apply, images, None)
        if is_int(images.dtype) and resized.dtype != images.dtype:
            limits = jnp.iinfo(images.dtype)
            resized = jnp.clip(jnp.round(resized), limits.min, limits.max)
        return resized.astype(self.compute_dtype)


class CenterCrop(_Sized):
    """The middle of each image; smaller images are enlarged so that the middle fills the size.

    Args:
        height, width: the size of the part.
        data_format: channels_last or channels_first.

    >>> print(CenterCrop(1, 2)(np.arange(12.0).reshape(1, 3, 4, 1))[0, :, :, 0])
    [[5. 6.]]

    Source: `keras.layers.CenterCrop`.
    """

    height: int = positive_int(name="height")
    width: int = positive_int(name="width")
    data_format: Any = channels()

    def _apply(self, images: Any, transformation: Any) -> Any:
        top, left = images.shape[1] - self.height, images.shape[2] - self.width
        if top < 0 or left < 0:
            return self._cropped_to_aspect(images)
        return _cut(images, top // 2, left // 2, self.height, self.width)

    def _apply_to_boxes(self, boxes: Any, transformation: Any, size: tuple[Any, Any]) -> Any:
        top, left = size[0] - self.height, size[1] - self.width
        if top < 0 or left < 0:
            return self._boxes_in_middle(boxes, size)
        return crop(boxes, top // 2, left // 2, self.height, self.width)


class RandomCrop(_Sized):
    """In training a random part of the images (one place a batch), else the middle, resized.

    Args:
        height, width: the size of the part.
        seed: an int makes the places repeatable.
        data_format: channels_last or channels_first.

    >>> RandomCrop(2, 2, seed=1)(np.ones((3, 5, 5, 1))).shape
    (3, 2, 2, 1)

    Source: `keras.layers.RandomCrop`.
    """

    seed: Any = field(None, convert=lambda seed: make_default_seed() if seed is None else seed)
    data_format: Any = channels()

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        room = shape[1] - self.height, shape[2] - self.width
        if min(room) <= 0:
            return {"corner": None}
        draws = [random.uniform((), 0, float(n + 1), seed=seed).astype("int32") for n in room]
        return {"corner": draws}

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The upper left corner in training; None: the middle."""
        if training:
            return super().get_random_transformation(data, training, seed)
        shape = (data["images"] if isinstance(data, dict) else data).shape
        first = self.data_format == "channels_first"
        return {"corner": None, "input_shape": (*shape[-2:], 0) if first else tuple(shape)}

    def _apply(self, images: Any, transformation: Any) -> Any:
        if transformation["corner"] is None:
            return self._cropped_to_aspect(images)
        return _cut(images, *transformation["corner"], self.height, self.width)

    def _apply_to_boxes(self, boxes: Any, transformation: Any, size: tuple[Any, Any]) -> Any:
        if transformation["corner"] is None:
            return self._boxes_in_middle(boxes, size)
        return crop(boxes, *transformation["corner"], self.height, self.width)
