"""Contrast limited adaptive histogram equalisation (CLAHE)."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from kohort.layers.preprocessing.image import ImageLayer, channels, pixel_range, scaled

_BYTE = (0, 255)


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Equalise the tones of each part of an image, blending between the parts.

    Each tile has a histogram; what exceeds `clip_limit` times the mean is spread over all tones,
    so that noise in flat parts stays small. A pixel's new tone is interpolated between the tables
    of the four nearest tiles.

    Args:
        value_range: the lowest and highest value of a pixel.
        clip_limit: how often a tone may occur, as a multiple of the mean; 0: any number of times.
        tile_grid_size: how many tiles down and across.
        data_format: channels_last or channels_first.

    >>> ContrastLimitedAdaptiveHistogramEqualization(clip_limit=2.0).tile_grid_size
    (8, 8)

    Source: Zuiderveld, "Contrast limited adaptive histogram equalization", 1994.
    """

    value_range: Any = pixel_range()
    clip_limit: float = 4.0
    tile_grid_size: Any = (8, 8)
    data_format: Any = channels()
    _always = True

    def _apply(self, images: Any, transformation: Any) -> Any:
        x = scaled(images, self.value_range, _BYTE)
        _, height, width, _ = x.shape
        down, across = self.tile_grid_size
        size = math.ceil(height / down), math.ceil(width / across)
        room = size[0] * down - height, size[1] * across - width
        x = jnp.pad(x, [(0, 0), (0, room[0]), (0, room[1]), (0, 0)], "symmetric")
        tones = jnp.clip(x, *_BYTE).astype("int32")
        equal = self._look_up(self._tables(tones, size), tones, size)
        return scaled(equal[:, :height, :width], _BYTE, self.value_range)

    def _tables(self, tones: Any, size: tuple[int, int]) -> Any:
        """The new tone for each old one: (batch, tiles down, tiles across, channels, 256)."""
        batch, _, _, channels = tones.shape
        down, across = self.tile_grid_size
        tiles = tones.reshape(batch, down, size[0], across, size[1], channels)
        tiles = tiles.transpose(0, 1, 3, 5, 2, 4).reshape(batch, down, across, channels, -1)
        counts, pixels = jax.nn.one_hot(tiles, 256).sum(-2), size[0] * size[1]
        if self.clip_limit > 0:
            clipped = jnp.clip(counts, 0, self.clip_limit * pixels / 256.0)
            counts = clipped + (counts - clipped).sum(-1, keepdims=True) / 256.0
        sums = jnp.cumsum(counts, -1)
        least = sums.min(-1, keepdims=True)
        rest = pixels - least
        table = jnp.clip((sums - least) * 255.0 / jnp.where(rest == 0, 1.0, rest), *_BYTE)
        return jnp.pad(table, [(0, 0), (1, 1), (1, 1), (0, 0), (0, 0)], "edge")

    def _look_up(self, tables: Any, tones: Any, size: tuple[int, int]) -> Any:
        batch, height, width, channels = tones.shape
        top, bottom, y = _between(height, size[0], self.tile_grid_size[0])
        left, right, x = _between(width, size[1], self.tile_grid_size[1])
        image = jnp.arange(batch)[:, None, None, None]
        channel = jnp.arange(channels)

        def look(row: Any, column: Any) -> Any:
            return tables[image, row[:, None, None], column[:, None], channel, tones]

        x, y = x[:, None], y[:, None, None]
        upper = look(top, left) * (1.0 - x) + look(top, right) * x
        lower = look(bottom, left) * (1.0 - x) + look(bottom, right) * x
        return upper * (1.0 - y) + lower * y


def _between(length: int, size: int, tiles: int) -> tuple[Any, Any, Any]:
    """For each pixel the tile before, the tile after, and how far it is on the way."""
    place = (jnp.arange(length, dtype="float32") - size / 2.0) / size + 1.0
    first = jnp.floor(place)
    index = [jnp.clip(i, 0, tiles + 1).astype("int32") for i in (first, first + 1.0)]
    return index[0], index[1], place - first
