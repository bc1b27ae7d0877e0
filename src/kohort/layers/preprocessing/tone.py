"""Layers that change tones and sharpness: contrast, posters, solarisation, blur."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort import ops, random
from kohort.core.component import field
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

_BYTE = (0, 255)


class AutoContrast(ImageLayer):
    """Spread the values of each channel over the whole range, outside training too.

    Args:
        value_range: the lowest and highest value of a pixel.

    >>> print(AutoContrast()(np.array([10.0, 20.0]).reshape(1, 2, 1, 1)).ravel())
    [  0. 255.]

    Source: `keras.layers.AutoContrast`.
    """

    value_range: Any = pixel_range()
    _always = True

    def _apply(self, images: Any, transformation: Any) -> Any:
        images = scaled(images, self.value_range, _BYTE)
        low, high = images.min((1, 2), keepdims=True), images.max((1, 2), keepdims=True)
        flat = high == low
        scale = 255.0 / jnp.where(flat, 1.0, high - low)
        spread = jnp.clip(images * scale - low * scale, 0.0, 255.0)
        return scaled(jnp.where(flat, images, spread), _BYTE, self.value_range)


class Equalization(ImageLayer):
    """Give all tones of a channel the same share of the pixels (of the whole batch).

    Args:
        value_range: the lowest and highest value of a pixel.
        bins: how many tones to tell apart.
        data_format: channels_last or channels_first.

    >>> Equalization((0, 1)).value_range
    [0, 1]

    Source: `keras.layers.Equalization`.
    """

    value_range: Any = pixel_range()
    bins: int = 256
    data_format: Any = channels()

    def _apply(self, images: Any, transformation: Any) -> Any:
        channels = jnp.moveaxis(scaled(images, self.value_range, _BYTE), -1, 0)
        equal = jnp.stack([self._channel(channel) for channel in channels], -1)
        return scaled(equal, _BYTE, self.value_range)

    def _channel(self, channel: Any) -> Any:
        bins = self.bins
        place = jnp.clip((channel * (bins - 1) / 255).astype("int32"), 0, bins - 1)
        counts = jnp.bincount(place.ravel(), length=bins)
        sums = jnp.cumsum(counts)
        first = sums[jnp.argmax(sums > 0)]
        rest = sums[-1] - first
        table = (sums - first) * 255 / jnp.where(rest == 0, 1, rest)
        table = jnp.clip(jnp.round(table), 0, 255).astype(channel.dtype)
        tone = jnp.clip(channel / 255.0 * (bins - 1), 0, bins - 1).astype("int32")
        return jnp.where(jnp.count_nonzero(counts) <= 1, channel, table[tone])


class Solarization(ImageLayer):
    """Add a number to all pixels, then invert those above a threshold, in training.

    Args:
        addition_factor: the share of the range to add (or a pair to draw it from).
        threshold_factor: the threshold as a share of the range (or a pair).
        value_range: the lowest and highest value of a pixel.
        seed: an int makes the numbers repeatable.

    >>> print(Solarization()(np.full((1, 1, 1, 1), 55.0)).ravel())
    [200.]

    Source: `keras.layers.Solarization`.
    """

    addition_factor: Any = range_of(0.0, 0, 1, "addition_factor", strict=True, mirrored=False)
    threshold_factor: Any = range_of(0.0, 0, 1, "threshold_factor", strict=True, mirrored=False)
    value_range: Any = pixel_range()
    seed: int | None = None

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        def draw(share: tuple[float, float]) -> Any:
            return random.uniform((shape[0], 1, 1, 1), share[0], share[1] * 255, seed=seed)

        return {"additions": draw(self.addition_factor), "thresholds": draw(self.threshold_factor)}

    def _apply(self, images: Any, transformation: Any) -> Any:
        images = scaled(images, self.value_range, _BYTE)
        images = jnp.clip(images + transformation["additions"], 0, 255)
        images = jnp.where(images < transformation["thresholds"], images, 255 - images)
        return scaled(images, _BYTE, self.value_range)


class RandomPosterization(ImageLayer):
    """Keep the first few bits of each value, as a poster of few colours.

    Args:
        factor: how many bits, 1 to 8: a number f draws from [1, f), a pair (a, b) from [a, b).
        value_range: the lowest and highest value of a pixel.
        data_format: channels_last or channels_first.
        seed: an int makes the numbers repeatable.

    >>> print(RandomPosterization((1, 1))(np.array([100.0, 200.0]).reshape(1, 2, 1, 1)).ravel())
    [  0. 128.]

    Source: `keras.layers.RandomPosterization`.
    """

    factor: Any = range_of(low=1, high=8)
    value_range: Any = pixel_range()
    data_format: Any = channels()
    seed: int | None = None

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        low, high = self.factor
        bits = jnp.full((shape[0],), low, "uint8")
        if low != high:
            bits = random.randint((shape[0],), low, high, "uint8", seed=seed)
        return {"shift_factor": jnp.uint8(8) - bits}

    def _apply(self, images: Any, transformation: Any) -> Any:
        shift = per_image(transformation["shift_factor"])
        whole = scaled(images, self.value_range, _BYTE).astype("uint8")
        kept = jnp.left_shift(jnp.right_shift(whole, shift), shift)
        return scaled(kept.astype(images.dtype), _BYTE, self.value_range)


class RandomSharpness(ImageLayer):
    """Blend each image with its smoothed version, or away from it.

    Args:
        factor: 0 gives the smoothed image, 0.5 changes nothing, 1 sharpens; a number f draws from
            [0, f), a pair from between.
        value_range: the lowest and highest value of a pixel.
        data_format: channels_last or channels_first.
        seed: an int makes the numbers repeatable.

    >>> RandomSharpness(0.5).factor
    (0, 0.5)

    Source: `keras.layers.RandomSharpness`.
    """

    factor: Any = range_of(low=0)
    value_range: Any = pixel_range()
    data_format: Any = channels()
    seed: int | None = None

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        return {"factor": drawn((shape[0],), self.factor, seed)}

    def _apply(self, images: Any, transformation: Any) -> Any:
        kernel = jnp.full((3, 3), 1.0 / 13.0, images.dtype).at[1, 1].set(5.0 / 13.0)
        channels = images.shape[-1]
        smooth = jax.lax.conv_general_dilated(
            images, jnp.broadcast_to(kernel[:, :, None, None], (3, 3, 1, channels)), (1, 1),
            "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=channels,
        )  # fmt: skip
        share = per_image(transformation["factor"] * 2).astype(images.dtype)
        return jnp.clip(images + (1.0 - share) * (smooth - images), *self.value_range)


def _odd(value: Any) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, (int, float)) else value
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(
            "The `kernel_size` argument should be a number (or a list of two numbers). "
            f"Received: kernel_size={value}"
        )
    if any(size % 2 == 0 for size in pair):
        raise ValueError(f"kernel_size must be an odd number. Received: kernel_size={value}")
    return tuple(pair)


class RandomGaussianBlur(ImageLayer):
    """Blur some images with a bell curve.

    Args:
        factor: the probability (or the range to draw it from).
        kernel_size: the size of the window, odd; one number or (width, height).
        sigma: the standard deviation's range, within [0, 1]; drawn once a batch for each axis.
        value_range: the lowest and highest value of a pixel.
        data_format: channels_last or channels_first.
        seed: an int makes the choices repeatable.

    >>> RandomGaussianBlur(kernel_size=5).kernel_size
    (5, 5)

    Source: `keras.layers.RandomGaussianBlur`.
    """

    factor: Any = range_of(1.0, low=0)
    kernel_size: Any = field(3, convert=_odd)
    sigma: Any = range_of(1.0, low=0, name="sigma")
    value_range: Any = pixel_range()
    data_format: Any = channels()
    seed: int | None = None

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        apply = applies(shape, self.factor, seed)
        spread = drawn((2,), self.sigma, seed) + 1e-6
        return {"should_apply_blur": apply, "blur_factor": spread}

    def _apply(self, images: Any, transformation: Any) -> Any:
        blurred = ops.image.gaussian_blur(
            images, self.kernel_size, transformation["blur_factor"], data_format="channels_last"
        )
        images = jnp.where(per_image(transformation["should_apply_blur"]), blurred, images)
        return jnp.clip(images, *self.value_range)
