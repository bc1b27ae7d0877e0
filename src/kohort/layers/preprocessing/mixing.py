"""Layers that cut parts out of images, or mix images of a batch and their labels."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort import random
from kohort.layers.preprocessing.image import (
    ImageLayer,
    applies,
    channels,
    drawn,
    per_image,
    pixel_range,
    range_of,
)


def _span(shape: tuple[int, ...], length: int, share: Any, seed: Any) -> tuple[Any, Any]:
    """A stretch of `share` of an axis, at a random place: where it starts and ends."""
    size = share * length
    start = random.uniform((shape[0],), seed=seed) * (length - size)
    return per_image(start), per_image(start + size)


def _inside(shape: tuple[int, ...], box: Any) -> Any:
    """Whether each pixel is inside its image's box. Shape (batch, height, width, 1)."""
    (left, right), (top, bottom) = box
    y = jnp.arange(shape[1], dtype="float32")[None, :, None, None]
    x = jnp.arange(shape[2], dtype="float32")[None, None, :, None]
    return (x >= left) & (x < right) & (y >= top) & (y < bottom)


def _blend(a: Any, b: Any, weight: Any) -> Any:
    """`weight * a + (1 - weight) * b`, a weight for each row."""
    weight = jnp.asarray(weight).reshape(-1, *(1,) * (a.ndim - 1)).astype(a.dtype)
    return weight * a + (1.0 - weight) * b


def _floats(labels: Any) -> Any:
    return labels if jnp.issubdtype(labels.dtype, jnp.floating) else labels.astype("float32")


class RandomErasing(ImageLayer):
    """Overwrite a random rectangle in some images.

    Args:
        factor: the probability (or the range to draw it from).
        scale: the range of the rectangle's area, as a share of the image.
        fill_value: a number, or one for each of three channels; None: noise.
        value_range: the lowest and highest value of a pixel.
        seed: an int makes the rectangles repeatable.
        data_format: channels_last or channels_first.

    >>> RandomErasing(scale=(0.1, 0.2)).scale
    (0.1, 0.2)

    Source: Zhong et al., "Random erasing data augmentation", 2017.
    """

    factor: Any = range_of(1.0, low=0)
    scale: Any = range_of((0.02, 0.33), low=0, name="scale")
    fill_value: Any = None
    value_range: Any = pixel_range()
    seed: int | None = None
    data_format: Any = channels()

    def __post_init__(self) -> None:
        super().__post_init__()
        value = self.fill_value
        listed = isinstance(value, (tuple, list)) and len(value) == 3
        if not (value is None or isinstance(value, (int, float)) or listed):
            raise ValueError(
                "The `fill_value` argument should be a number (or a list of three numbers). "
                f"Received: fill_value={value}"
            )

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        share = jnp.sqrt(drawn((shape[0], 2), self.scale, seed))
        across = _span(shape, shape[2], share[:, 0], seed)
        masks = _inside(shape, (across, _span(shape, shape[1], share[:, 1], seed)))
        apply = applies(shape, self.factor, seed)
        fill = jnp.asarray(0.0 if self.fill_value is None else self.fill_value, "float32")
        if self.fill_value is None:
            fill = random.normal(shape, seed=seed) * self.value_range[1]
        fill = jnp.clip(fill, *self.value_range)
        return {"apply_erasing": apply, "batch_masks": masks, "fill_value": fill}

    def _apply(self, images: Any, transformation: Any) -> Any:
        erased = per_image(transformation["apply_erasing"]) & transformation["batch_masks"]
        return jnp.where(erased, jnp.asarray(transformation["fill_value"], images.dtype), images)


class _Mixing(ImageLayer):
    """A layer that mixes each image with another one of the batch, and the labels alike."""

    def _apply_to_labels(self, labels: Any, transformation: Any) -> Any:
        if transformation is None:
            return labels
        labels = _floats(labels)
        order = jnp.asarray(transformation["permutation_order"])
        return _blend(labels, labels[order], transformation["mix_weight"])


class CutMix(_Mixing):
    """Replace a rectangle of each image by that of another image of the batch.

    Labels (one-hot) are mixed in the same shares. Called on `{"images": …, "labels": …}`.

    Args:
        factor: the parameter of the beta distribution of the shares (or its range).
        seed: an int makes the choices repeatable.
        data_format: channels_last or channels_first.

    >>> CutMix(seed=1)(np.ones((4, 4, 3))).shape  # a single image has no partner
    (4, 4, 3)

    Source: Yun et al., "CutMix: regularization strategy to train strong classifiers", 2019.
    """

    _moves = _boxless = True
    factor: Any = range_of(1.0, low=0)
    seed: int | None = None
    data_format: Any = channels()

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        alpha = drawn((), self.factor, seed) + 1e-6
        side = jnp.sqrt(1.0 - random.beta((shape[0],), alpha, alpha, seed=seed))
        left, right = across = _span(shape, shape[2], side, seed)
        top, bottom = down = _span(shape, shape[1], side, seed)
        order = random.shuffle(jnp.arange(shape[0]), seed=seed)
        area = (right - left) * (bottom - top) / (shape[1] * shape[2])
        return {
            "permutation_order": order,
            "batch_masks": _inside(shape, (across, down)),
            "mix_weight": 1.0 - area,
        }

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """The boxes; None for a single image, which has no partner."""
        images = data["images"] if isinstance(data, dict) else data
        if len(images.shape) == 3:
            return None
        return super().get_random_transformation(data, training, seed)

    def _apply(self, images: Any, transformation: Any) -> Any:
        if transformation is None:
            return images
        others = images[jnp.asarray(transformation["permutation_order"])]
        return jnp.where(transformation["batch_masks"], others, images)


class MixUp(_Mixing):
    """Blend each image with another one of the batch: `w * a + (1 - w) * b`.

    Labels (one-hot) are mixed in the same shares. Called on `{"images": …, "labels": …}`.

    Args:
        alpha: both parameters of the beta distribution of the weights.
        data_format: channels_last or channels_first.
        seed: an int makes the choices repeatable.

    >>> drawn = {"mix_weight": np.array([0.25, 0.75]), "permutation_order": np.array([1, 0])}
    >>> print(MixUp().transform_labels(np.eye(2), drawn))
    [[0.25 0.75]
     [0.25 0.75]]

    Source: Zhang et al., "mixup: beyond empirical risk minimization", 2017.
    """

    alpha: float = 0.2
    data_format: Any = channels()
    seed: int | None = None

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        order = random.shuffle(jnp.arange(shape[0]), seed=seed)
        weight = random.beta((shape[0],), self.alpha, self.alpha, seed=seed)
        return {"mix_weight": weight, "permutation_order": order}

    def _apply(self, images: Any, transformation: Any) -> Any:
        others = images[jnp.asarray(transformation["permutation_order"])]
        return _blend(images, others, transformation["mix_weight"])

    def _apply_to_masks(self, masks: Any, transformation: Any) -> Any:
        return self._apply(_floats(masks), transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """The boxes of both images."""
        if not training:
            return bounding_boxes
        order = jnp.asarray(transformation["permutation_order"])

        def joined(array: Any) -> Any:
            array = jnp.asarray(array)
            return jnp.concatenate([array, array[order]], min(1, array.ndim - 1))

        both = {name: joined(bounding_boxes[name]) for name in ("boxes", "labels")}
        return {**bounding_boxes, **both}
