"""Layers that flip, turn, zoom, shift, shear and bend images in training."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp

from kohort import ops, random
from kohort.core.component import field
from kohort.layers.preprocessing.image import (
    FILL_MODES,
    INTERPOLATIONS,
    ImageLayer,
    applies,
    channels,
    drawn,
    one_of,
    per_image,
    pixel_range,
    range_of,
)
from kohort.ops.image.geometry import bend, homography
from kohort.utils.bounding_boxes import moved


class RandomFlip(ImageLayer):
    """Mirror each image with probability 1/2.

    Args:
        mode: horizontal, vertical, or horizontal_and_vertical (both at once).
        seed: an int makes the choices repeatable.
        data_format: channels_last or channels_first.

    >>> image = np.arange(3.0).reshape(1, 1, 3, 1)
    >>> float(RandomFlip("horizontal", seed=3)(image).sum())
    3.0

    Source: `keras.layers.RandomFlip`.
    """

    _moves = True
    mode: str = "horizontal_and_vertical"
    seed: int | None = None
    data_format: Any = channels()

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        return {"flips": random.uniform((shape[0], 1, 1, 1), seed=seed) <= 0.5}

    def _apply(self, images: Any, transformation: Any) -> Any:
        axes = [axis for axis, name in ((1, "vertical"), (2, "horizontal")) if name in self.mode]
        flips = transformation["flips"].reshape(-1, 1, 1, 1)
        return jnp.where(flips, jnp.flip(images, axes), images) if axes else images

    def _apply_to_boxes(self, boxes: Any, transformation: Any, size: tuple[Any, Any]) -> Any:
        left, top, right, bottom = jnp.moveaxis(boxes, -1, 0)
        if "horizontal" in self.mode:
            left, right = size[1] - right, size[1] - left
        if "vertical" in self.mode:
            top, bottom = size[0] - bottom, size[0] - top
        flipped = jnp.stack([left, top, right, bottom], -1)
        return jnp.where(jnp.asarray(transformation["flips"]).reshape(-1, 1, 1), flipped, boxes)


class _Moved(ImageLayer):
    """A layer that looks each pixel up at another place: `_matrix` says where."""

    fill_mode = "reflect"
    fill_value = 0.0
    interpolation = "bilinear"

    def _matrix(self, drawn: Any, height: int, width: int) -> list[Any]:
        """The six numbers a0, a1, a2, b0, b1, b2 of each image's transform."""
        raise NotImplementedError

    def _apply(self, images: Any, transformation: Any, interpolation: str | None = None) -> Any:
        matrix = self._matrix(transformation, *images.shape[1:3])
        zero = jnp.zeros(images.shape[0])
        return ops.image.affine_transform(
            images, jnp.stack([zero + number for number in (*matrix, 0.0, 0.0)], 1),
            interpolation or self.interpolation, self.fill_mode, self.fill_value, "channels_last",
        )  # fmt: skip

    def _apply_to_masks(self, masks: Any, transformation: Any) -> Any:
        return self._apply(masks, transformation, "nearest")

    def _apply_to_boxes(self, boxes: Any, transformation: Any, size: tuple[Any, Any]) -> Any:
        """The images' matrices say where a pixel comes from: their inverses, where it goes."""
        zero = jnp.zeros(boxes.shape[0])
        numbers = [zero + n for n in (*self._matrix(transformation, *size), 0.0, 0.0, 1.0)]
        return moved(boxes, jnp.linalg.inv(jnp.stack(numbers, 1).reshape(-1, 3, 3)))


class RandomRotation(_Moved):
    """Turn each image about its middle by an angle drawn from `factor`, in full turns.

    Args:
        factor: 0.1 means -36° to 36°; or a pair.
        fill_mode: what lies outside: reflect, wrap, constant or nearest.
        interpolation: nearest or bilinear.
        seed: an int makes the angles repeatable.
        fill_value: the constant.
        data_format: channels_last or channels_first.

    >>> RandomRotation(0.25).factor
    (-0.25, 0.25)

    Source: `keras.layers.RandomRotation`.
    """

    factor: Any = range_of()
    fill_mode: str = one_of("fill_mode", "reflect", FILL_MODES)
    interpolation: str = one_of("interpolation", "bilinear", INTERPOLATIONS)
    seed: int | None = None
    fill_value: float = 0.0
    data_format: Any = channels()

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        lower, upper = (360.0 * f for f in self.factor)
        return {"angle": random.uniform((shape[0],), lower, upper, seed=seed)}

    def _matrix(self, drawn: Any, height: int, width: int) -> list[Any]:
        angle = drawn["angle"] * (math.pi / 180.0)
        x, y, cos, sin = 0.5 * (width - 1), 0.5 * (height - 1), jnp.cos(angle), jnp.sin(angle)
        return [cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos]


def _both_ways(name: str, default: Any = ...) -> Any:
    """A field for a share of the image's size, kept as it was given."""
    check = range_of(low=-1, high=1, name=name, strict=True).convert

    def convert(value: Any) -> Any:
        if value is not None or default is ...:
            check(value)
        return value

    return field(convert=convert) if default is ... else field(default, convert=convert)


def _edges(size: tuple[Any, Any]) -> Any:
    return jnp.array([size[1], size[0], size[1], size[0]], "float32")


def _range(value: Any) -> tuple[float, float]:
    return tuple(sorted(value)) if isinstance(value, (tuple, list)) else (-abs(value), abs(value))


class RandomZoom(_Moved):
    """Zoom out (factors above 0) or in (below 0), about the middle.

    Args:
        height_factor: 0.2 means sizes between 80 % and 120 %; or a pair.
        width_factor: the same for the width; None keeps the proportions.
        fill_mode: what lies outside: reflect, wrap, constant or nearest.
        interpolation: nearest or bilinear.
        seed: an int makes the sizes repeatable.
        fill_value: the constant.
        data_format: channels_last or channels_first.

    >>> RandomZoom((-0.3, -0.1)).compute_output_shape((8, 32, 32, 3))
    (8, 32, 32, 3)

    Source: `keras.layers.RandomZoom`.
    """

    height_factor: Any = _both_ways("height_factor")
    width_factor: Any = _both_ways("width_factor", None)
    fill_mode: str = one_of("fill_mode", "reflect", FILL_MODES)
    interpolation: str = one_of("interpolation", "bilinear", INTERPOLATIONS)
    seed: int | None = None
    fill_value: float = 0.0
    data_format: Any = channels()

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        def zoom(share: Any) -> Any:
            lower, upper = _range(share)
            return random.uniform((shape[0], 1), 1.0 + lower, 1.0 + upper, seed=seed)

        height = zoom(self.height_factor)
        width = height if self.width_factor is None else zoom(self.width_factor)
        return {"height_zoom": height, "width_zoom": width}

    def _matrix(self, drawn: Any, height: int, width: int) -> list[Any]:
        across, down = drawn["width_zoom"][:, 0], drawn["height_zoom"][:, 0]
        x, y = (width - 1.0) / 2.0 * (1.0 - across), (height - 1.0) / 2.0 * (1.0 - down)
        return [across, 0.0, x, 0.0, down, y]


class RandomTranslation(_Moved):
    """Shift each image by a share of its height and width.

    Args:
        height_factor: 0.2 means -20 % to 20 % (down); or a pair.
        width_factor: the same to the right.
        fill_mode: what lies outside: reflect, wrap, constant or nearest.
        interpolation: nearest or bilinear.
        seed: an int makes the shifts repeatable.
        fill_value: the constant.
        data_format: channels_last or channels_first.

    >>> RandomTranslation(0.1, (0.0, 0.2)).compute_output_shape((8, 32, 32, 3))
    (8, 32, 32, 3)

    Source: `keras.layers.RandomTranslation`.
    """

    height_factor: Any = _both_ways("height_factor")
    width_factor: Any = _both_ways("width_factor")
    fill_mode: str = one_of("fill_mode", "reflect", FILL_MODES)
    interpolation: str = one_of("interpolation", "bilinear", INTERPOLATIONS)
    seed: int | None = None
    fill_value: float = 0.0
    data_format: Any = channels()

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        def shift(share: Any, size: int) -> Any:
            return drawn((shape[0], 1), _range(share), seed) * size

        down, across = shift(self.height_factor, shape[1]), shift(self.width_factor, shape[2])
        return {"translations": jnp.concatenate([across, down], 1)}

    def _matrix(self, drawn: Any, height: int, width: int) -> list[Any]:
        across, down = drawn["translations"].T
        return [1.0, 0.0, -across, 0.0, 1.0, -down]


class RandomShear(_Moved):
    """Slant each image along x and y, both to one side or both to the other.

    Args:
        x_factor, y_factor: 0.2 means slants between -0.2 and 0.2; or a pair.
        interpolation: nearest or bilinear.
        fill_mode: what lies outside: reflect, wrap, constant or nearest.
        fill_value: the constant.
        data_format: channels_last or channels_first.
        seed: an int makes the slants repeatable.

    >>> RandomShear(0.2).x_factor
    (-0.2, 0.2)

    Source: `keras.layers.RandomShear`.
    """

    x_factor: Any = range_of(0.0, name="x_factor", strict=True)
    y_factor: Any = range_of(0.0, name="y_factor", strict=True)
    interpolation: str = one_of("interpolation", "bilinear", INTERPOLATIONS)
    fill_mode: str = one_of("fill_mode", "reflect", FILL_MODES)
    fill_value: float = 0.0
    data_format: Any = channels()
    seed: int | None = None

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        size = (shape[0], 1)
        sign = jnp.where(random.uniform(size, seed=seed) > 0.5, -1.0, 1.0)
        down = drawn(size, self.y_factor, seed)
        across = drawn(size, self.x_factor, seed)
        return {"shear_factor": jnp.concatenate([across, down], 1) * sign}

    def _matrix(self, drawn: Any, height: int, width: int) -> list[Any]:
        across, down = drawn["shear_factor"].T
        return [1.0, across, 0.0, down, 1.0, 0.0]

    def _apply_to_boxes(self, boxes: Any, transformation: Any, size: tuple[Any, Any]) -> Any:
        """Keras's formula: in shares of the size, along x, then along y."""
        across, down = transformation["shear_factor"][:, None].transpose(2, 0, 1)
        left, top, right, bottom = jnp.moveaxis(boxes / _edges(size), -1, 0)
        leans, rises = across < 0, down <= 0
        left, right = (
            left - across * jnp.where(leans, top, bottom),
            right - across * jnp.where(leans, bottom, top),
        )
        top, bottom = (
            top - down * jnp.where(rises, left, right),
            bottom - down * jnp.where(rises, right, left),
        )
        return jnp.stack([left, top, right, bottom], -1) * _edges(size)


class RandomPerspective(ImageLayer):
    """Move the corners of some images, as if they were seen from another place.

    Args:
        factor: the probability (or the range to draw it from).
        scale: how far corners move, in shares of the size.
        interpolation: nearest or bilinear.
        fill_value: what lies outside.
        seed: an int makes the views repeatable.
        data_format: channels_last or channels_first.

    >>> RandomPerspective(0.3).factor
    (0, 0.3)

    Source: `keras.layers.RandomPerspective`.
    """

    factor: Any = range_of(1.0, low=0)
    scale: float = 1.0
    interpolation: str = one_of("interpolation", "bilinear", INTERPOLATIONS)
    fill_value: float = 0.0
    seed: int | None = None
    data_format: Any = channels()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.scale <= 1:
            raise ValueError(
                "The `scale` argument should be a number in the range [0, 1]. "
                f"Received: scale={self.scale}"
            )

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        batch, bottom, right = shape[0], shape[1] - 1.0, shape[2] - 1.0
        apply = applies(shape, self.factor, seed)
        half = 0.5 * self.scale
        moves = random.uniform((batch, 4, 2), -half, half, seed=seed)
        corners = jnp.array([[0.0, 0.0], [right, 0.0], [0.0, bottom], [right, bottom]])
        start = jnp.broadcast_to(corners, (batch, 4, 2))
        return {
            "apply_perspective": apply, "start_points": start, "end_points": start + start * moves
        }  # fmt: skip

    def _apply(self, images: Any, transformation: Any, interpolation: str | None = None) -> Any:
        seen = ops.image.perspective_transform(
            images, transformation["start_points"], transformation["end_points"],
            interpolation or self.interpolation, self.fill_value, "channels_last",
        )  # fmt: skip
        return jnp.where(per_image(transformation["apply_perspective"]), seen, images)

    def _apply_to_masks(self, masks: Any, transformation: Any) -> Any:
        return self._apply(masks, transformation, "nearest")

    def _apply_to_boxes(self, boxes: Any, transformation: Any, size: tuple[Any, Any]) -> Any:
        points = (transformation[name] for name in ("start_points", "end_points"))
        numbers = homography(*(jnp.asarray(p, "float32") for p in points))
        matrix = jnp.concatenate([numbers, jnp.ones_like(numbers[:, :1])], 1).reshape(-1, 3, 3)
        apply = jnp.asarray(transformation["apply_perspective"])[:, None, None]
        return jnp.where(apply, moved(boxes, jnp.linalg.inv(matrix)), boxes)


class RandomElasticTransform(ImageLayer):
    """Bend some images by a smooth random field. Bounding boxes are refused.

    Args:
        factor: the probability (or the range to draw it from).
        scale: the strength (or its range), between 0 and 1.
        interpolation: nearest or bilinear.
        fill_mode: what lies outside: constant, nearest, wrap, mirror or reflect.
        fill_value: the constant.
        value_range: the lowest and highest value of a pixel.
        seed: an int makes the fields repeatable.
        data_format: channels_last or channels_first.

    >>> RandomElasticTransform(scale=(0.2, 0.5)).scale
    (0.2, 0.5)

    Source: Simard et al., "Best practices for convolutional neural networks", 2003.
    """

    _boxless = True
    factor: Any = range_of(1.0, low=0)
    scale: Any = range_of(1.0, low=0, name="scale")
    interpolation: str = one_of("interpolation", "bilinear", INTERPOLATIONS)
    fill_mode: str = one_of("fill_mode", "reflect", (*FILL_MODES, "mirror"))
    fill_value: float = 0.0
    value_range: Any = pixel_range()
    seed: int | None = None
    data_format: Any = channels()

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        if 0 in (self.scale[1], self.factor[1]):
            return None
        apply = applies(shape, self.factor, seed)
        strength = drawn((), self.scale, seed)
        noise = random.normal(shape[:3], seed=seed)
        return {"apply_transform": apply, "distortion_factor": strength, "noise": noise}

    def _apply(self, images: Any, transformation: Any, interpolation: str | None = None) -> Any:
        if transformation is None:
            return images
        height, width = images.shape[1:3]
        strength, least = transformation["distortion_factor"], 0.05 * min(height, width)
        sigma = jnp.maximum(least * strength, 1e-6)
        # The window must have a known size: it fits the greatest strength.
        size = int(6 * least * self.scale[1]) | 1
        alpha = 0.1 * max(height, width) * strength
        bent = bend(
            images, transformation["noise"], alpha, sigma, size,
            interpolation or self.interpolation, self.fill_mode, self.fill_value,
        )  # fmt: skip
        return jnp.where(per_image(transformation["apply_transform"]), bent, images)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The images, bent, within the range of values."""
        images = super().transform_images(images, transformation, training)
        changed = training and transformation is not None
        return jnp.clip(images, *self.value_range) if changed else images

    def _apply_to_masks(self, masks: Any, transformation: Any) -> Any:
        return self._apply(masks, transformation, "nearest")
