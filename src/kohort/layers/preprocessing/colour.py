"""Layers that change the colours of images in training, each image by numbers of its own."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort import ops, random
from kohort.core.component import field
from kohort.core.settings import epsilon
from kohort.layers.preprocessing.image import (
    ImageLayer,
    applies,
    channels,
    drawn,
    per_image,
    pixel_range,
    range_of,
    scaled,
)


class _Colour(ImageLayer):
    """A layer whose one random number an image is drawn from `factor`."""

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        return {"factor": drawn((shape[0],), self.factor, seed)}

    def _clip(self, images: Any) -> Any:
        return jnp.clip(images, *self.value_range)


def _grey(images: Any) -> Any:
    return ops.image.rgb_to_grayscale(images, data_format="channels_last")


class RandomBrightness(_Colour):
    """Add a number to all pixels of an image: a share of the range of values.

    Args:
        factor: 0.2 means -20 % to 20 %; or a pair.
        value_range: the lowest and highest value of a pixel.
        seed: an int makes the numbers repeatable.

    >>> layer = RandomBrightness((0.5, 0.5), value_range=(0, 1))
    >>> print(layer(np.zeros((1, 1, 1, 3)))[0, 0])
    [[0.5 0.5 0.5]]

    Source: `keras.layers.RandomBrightness`.
    """

    factor: Any = range_of()
    value_range: Any = pixel_range()
    seed: int | None = None

    def _apply(self, images: Any, transformation: Any) -> Any:
        low, high = self.value_range
        return self._clip(images + per_image(transformation["factor"]) * (high - low))


class RandomContrast(_Colour):
    """`(x - mean) * f + mean` with the mean of each channel and f in [1 - lower, 1 + upper].

    Args:
        factor: a number f means [1, 1 + f]; or a pair (lower, upper).
        value_range: the lowest and highest value of a pixel.
        seed: an int makes the numbers repeatable.

    >>> layer = RandomContrast((1.0, 1.0), value_range=(0, 4), seed=2)
    >>> layer(np.ones((2, 3, 3, 1))).shape
    (2, 3, 3, 1)

    Source: `keras.layers.RandomContrast`.
    """

    factor: Any = range_of(low=0)
    value_range: Any = pixel_range()
    seed: int | None = None

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        lower, upper = self.factor
        size = (shape[0], 1, 1, 1)
        return {"contrast_factor": random.uniform(size, 1.0 - lower, 1.0 + upper, seed=seed)}

    def _apply(self, images: Any, transformation: Any) -> Any:
        mean = images.mean(1, keepdims=True).mean(2, keepdims=True)
        strength = transformation["contrast_factor"].reshape(-1, 1, 1, 1)
        return self._clip((images - mean) * strength + mean)


class RandomColorDegeneration(_Colour):
    """Move each image towards its grey version: by 0 it stays, by 1 it is grey.

    Args:
        factor: the way (or the range to draw it from).
        value_range: the lowest and highest value of a pixel.
        data_format: channels_last or channels_first.
        seed: an int makes the numbers repeatable.

    >>> RandomColorDegeneration((1, 1))(np.ones((1, 1, 1, 3)) * [10, 20, 30]).round(2)
    Array([[[[18.15, 18.15, 18.15]]]], dtype=float32)

    Source: `keras.layers.RandomColorDegeneration`.
    """

    factor: Any = range_of()
    value_range: Any = pixel_range()
    data_format: Any = channels()
    seed: int | None = None

    def _apply(self, images: Any, transformation: Any) -> Any:
        share = per_image(transformation["factor"])
        return self._clip(images + share * (_grey(images) - images))


class RandomHue(_Colour):
    """Turn the hue of each image, by at most half the circle of colours.

    Args:
        factor: the share of half the circle (or its range), to either side.
        value_range: the lowest and highest value of a pixel.
        data_format: channels_last or channels_first.
        seed: an int makes the turns repeatable.

    >>> RandomHue(0.5).factor
    (0, 0.5)

    Source: `keras.layers.RandomHue`.
    """

    factor: Any = range_of(low=0)
    value_range: Any = pixel_range()
    data_format: Any = channels()
    seed: int | None = None

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        sign = jnp.where(random.uniform((shape[0],), seed=seed) > 0.5, -1.0, 1.0)
        return {"factor": sign * super()._draw(shape, seed)["factor"] * 0.5}

    def _apply(self, images: Any, transformation: Any) -> Any:
        images = scaled(images, self.value_range, (0, 1))
        hue, saturation, value = jnp.moveaxis(_to_hsv(images), -1, 0)
        hue = hue + transformation["factor"][:, None, None]
        hue = jnp.where(hue > 1.0, hue - 1.0, hue)
        hue = jnp.where(hue < 0.0, hue + 1.0, hue)
        images = _to_rgb(jnp.stack([hue, saturation, value], -1))
        return scaled(jnp.clip(images, 0, 1), (0, 1), self.value_range)


class RandomSaturation(_Colour):
    """Multiply the saturation of each image by f / (1 - f).

    Args:
        factor: f (or its range): 0 makes grey, 0.5 changes nothing.
        value_range: the lowest and highest value of a pixel.
        data_format: channels_last or channels_first.
        seed: an int makes the numbers repeatable.

    >>> RandomSaturation((0.3, 0.7)).factor
    (0.3, 0.7)

    Source: `keras.layers.RandomSaturation`.
    """

    factor: Any = range_of()
    value_range: Any = pixel_range()
    data_format: Any = channels()
    seed: int | None = None

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        share = super()._draw(shape, seed)["factor"]
        return {"factor": share / (1 - share + epsilon())}

    def _apply(self, images: Any, transformation: Any) -> Any:
        hue, saturation, value = jnp.moveaxis(_to_hsv(images), -1, 0)
        saturation = self._clip(saturation * transformation["factor"][:, None, None])
        return _to_rgb(jnp.stack([hue, saturation, value], -1))


def _to_hsv(images: Any) -> Any:
    return ops.image.rgb_to_hsv(images, data_format="channels_last")


def _to_rgb(images: Any) -> Any:
    return ops.image.hsv_to_rgb(images, data_format="channels_last")


class RandomColorJitter(ImageLayer):
    """Random brightness, contrast, saturation and hue, one after the other.

    Args:
        value_range: the lowest and highest value of a pixel.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: as in the layers of
            these names; None leaves a change out.
        seed: an int makes the numbers repeatable.
        data_format: channels_last or channels_first.

    >>> RandomColorJitter(brightness_factor=0.2, seed=1)(np.ones((1, 1, 1, 3))).shape
    (1, 1, 1, 3)

    Source: `keras.layers.RandomColorJitter`.
    """

    value_range: Any = pixel_range()
    brightness_factor: Any = None
    contrast_factor: Any = None
    saturation_factor: Any = None
    hue_factor: Any = None
    seed: int | None = None
    data_format: Any = channels()

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, cls in _JITTER.items():
            share = getattr(self, f"{name}_factor")
            more = {"value_range": self.value_range, "seed": self.seed, "dtype": self.dtype_policy}
            setattr(self, f"random_{name}", None if share is None else cls(share, **more))

    def _steps(self) -> list[tuple[str, Any]]:
        named = [(name, getattr(self, f"random_{name}")) for name in _JITTER]
        return [(name, layer) for name, layer in named if layer is not None]

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        return {name: layer._draw(shape, seed) for name, layer in self._steps()}

    def _apply(self, images: Any, transformation: Any) -> Any:
        for name, layer in self._steps():
            images = layer._apply(images, transformation[name])
        return images


_JITTER = {
    "brightness": RandomBrightness,
    "contrast": RandomContrast,
    "saturation": RandomSaturation,
    "hue": RandomHue,
}


class RandomGrayscale(ImageLayer):
    """Make some images grey, with three equal channels.

    Args:
        factor: the probability.
        data_format: channels_last or channels_first.
        seed: an int makes the choices repeatable.

    >>> RandomGrayscale(1.0)(np.ones((1, 1, 1, 3)) * [10, 20, 30]).round(2)
    Array([[[[18.15, 18.15, 18.15]]]], dtype=float32)

    Source: `keras.layers.RandomGrayscale`.
    """

    factor: float = 0.5
    data_format: Any = channels()
    seed: int | None = field(None, config=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.factor <= 1:
            raise ValueError(f"`factor` should be between 0 and 1. Received: factor={self.factor}")

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        return per_image(random.uniform((shape[0],), seed=seed) < self.factor)

    def _apply(self, images: Any, transformation: Any) -> Any:
        return jnp.where(transformation, _grey(images), images)


class RandomInvert(ImageLayer):
    """Turn some images into their negatives: `value_range[1] - x`.

    Args:
        factor: the probability (or the range to draw it from).
        value_range: the lowest and highest value of a pixel.
        seed: an int makes the choices repeatable.
        data_format: channels_last or channels_first.

    >>> print(RandomInvert((1, 1))(np.full((1, 1, 1, 1), 55.0)).ravel())
    [200.]

    Source: `keras.layers.RandomInvert`.
    """

    factor: Any = range_of(1.0, low=0)
    value_range: Any = pixel_range()
    seed: int | None = None
    data_format: Any = channels()

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        return {"apply_inversion": applies(shape, self.factor, seed)}

    def _apply(self, images: Any, transformation: Any) -> Any:
        apply = per_image(transformation["apply_inversion"])
        return jnp.where(apply, self.value_range[1] - images, images)
