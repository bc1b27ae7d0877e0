"""RandAugment and AugMix: random choices of the other layers."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from kohort import random
from kohort.layers.preprocessing.colour import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
)
from kohort.layers.preprocessing.geometry import RandomRotation, RandomShear, RandomTranslation
from kohort.layers.preprocessing.image import ImageLayer, channels, pixel_range, range_of
from kohort.layers.preprocessing.tone import (
    AutoContrast,
    Equalization,
    RandomPosterization,
    RandomSharpness,
    Solarization,
)


class _Policy(ImageLayer):
    """A layer that has other layers and draws which of them to use."""

    def _make_layers(self, all_of_them: bool = True) -> None:
        f, seed = self.factor, {"seed": self.seed, "dtype": self.dtype_policy}
        ranged = {"value_range": self.value_range, **seed}
        still = {"value_range": self.value_range, "dtype": self.dtype_policy}
        moved = {"interpolation": self.interpolation, **seed}
        self.random_shear = RandomShear(f, f, **moved)
        self.random_translation = RandomTranslation(f, f, **moved)
        self.random_rotation = RandomRotation(f, **moved)
        if all_of_them:
            self.random_brightness = RandomBrightness(f, **ranged)
            self.random_color_degeneration = RandomColorDegeneration(f, **ranged)
            self.random_contrast = RandomContrast(f, **ranged)
            self.random_sharpness = RandomSharpness(f, **ranged)
        self.solarization = Solarization(f, f, **ranged)
        self.random_posterization = RandomPosterization(max(1, int(8 * f[1])), **ranged)
        self.auto_contrast = AutoContrast(**still)
        self.equalization = Equalization(**still)

    def _chosen(self) -> list[Any]:
        """The layers, in the order in which they were made."""
        return self.held(ImageLayer)

    def _drawn_by_each(self, shape: tuple[int, ...], seed: Any) -> list[Any]:
        return [layer._draw(shape, seed) for layer in self._chosen()]

    def _switch(
        self, index: Any, drawn: list[Any], images: Any, method: str = "_apply", *more: Any
    ) -> Any:
        """`images` changed by the layer of this number; by none at the number after the last."""

        def branch(layer: Any, numbers: Any) -> Any:
            return lambda x: getattr(layer, method)(x, numbers, *more).astype(x.dtype)

        branches = [branch(*pair) for pair in zip(self._chosen(), drawn, strict=True)]
        return jax.lax.switch(index, [*branches, lambda x: x], images)


class RandAugment(_Policy):
    """Change the images of a batch by `num_ops` random layers, one after the other.

    Args:
        value_range: the lowest and highest value of a pixel.
        num_ops: how many layers to use.
        factor: the strength, 0 to 1.
        interpolation: nearest or bilinear.
        seed: an int makes the choices repeatable.
        data_format: channels_last or channels_first.

    >>> RandAugment(num_ops=3)(np.ones((2, 4, 4, 3)), training=False).shape
    (2, 4, 4, 3)

    Source: Cubuk et al., "RandAugment: practical automated data augmentation", 2019.
    """

    value_range: Any = pixel_range()
    num_ops: int = 2
    factor: Any = range_of(0.5, low=0)
    interpolation: str = "bilinear"
    seed: int | None = None
    data_format: Any = channels()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._make_layers()

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        chosen = random.randint((self.num_ops,), 0, len(self._chosen()), seed=seed)
        return {"layer_idxes": chosen, "transforms": self._drawn_by_each(shape, seed)}

    def _apply(self, images: Any, transformation: Any, method: str = "_apply", *more: Any) -> Any:
        drawn = transformation["transforms"]

        def step(images: Any, index: Any) -> Any:
            return self._switch(index, drawn, images, method, *more), None

        return jax.lax.scan(step, images, transformation["layer_idxes"])[0]

    def _apply_to_masks(self, masks: Any, transformation: Any) -> Any:
        return self._apply(masks, transformation, "_apply_to_masks")

    def _apply_to_boxes(self, boxes: Any, transformation: Any, size: tuple[Any, Any]) -> Any:
        return self._apply(boxes, transformation, "_apply_to_boxes", size)


class AugMix(_Policy):
    """Blend the images with a mixture of chains of random layers.

    Args:
        value_range: the lowest and highest value of a pixel.
        num_chains: how many chains.
        chain_depth: how many layers a chain has at most.
        factor: the strength, 0 to 1.
        alpha: the parameter of the Dirichlet and beta distributions of the weights.
        all_ops: whether to use layers that change brightness, colour, contrast, sharpness.
        interpolation: nearest or bilinear.
        seed: an int makes the choices repeatable.
        data_format: channels_last or channels_first.

    >>> AugMix(factor=0.5)(np.ones((2, 4, 4, 3)), training=False).shape
    (2, 4, 4, 3)

    Source: Hendrycks et al., "AugMix: a simple data processing method to improve robustness and
    uncertainty", 2019. Which layers are used is drawn from the seed (in Keras: from Python's
    generator, so that a compiled step would always use the same ones).
    """

    value_range: Any = pixel_range()
    num_chains: int = 3
    chain_depth: int = 3
    factor: Any = range_of(0.3, low=0)
    alpha: float = 1.0
    all_ops: bool = True
    interpolation: str = "bilinear"
    seed: int | None = None
    data_format: Any = channels()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._make_layers(self.all_ops)

    def _draw(self, shape: tuple[int, ...], seed: Any) -> Any:
        shares = random.gamma((self.num_chains,), self.alpha, seed=seed)
        kept = random.beta((), self.alpha, self.alpha, seed=seed)
        size = (self.num_chains, self.chain_depth)
        chosen = random.randint(size, 0, len(self._chosen()) + 1, seed=seed)
        drawn = self._drawn_by_each((math.prod(size) * shape[0], *shape[1:]), seed)
        return {
            "chain_mixing_weights": shares / jnp.sum(shares),
            "weight_sample": kept,
            "layer_idxes": chosen,
            "chain_transforms": jax.tree.map(
                lambda a: a.reshape(*size, shape[0], *a.shape[1:]), drawn
            ),
        }

    def _apply(self, images: Any, transformation: Any, method: str = "_apply") -> Any:
        def chain(mixture: Any, one: Any) -> Any:
            share, *links = one
            changed, _ = jax.lax.scan(link, images, tuple(links))
            return mixture + changed * share.astype(images.dtype), None

        def link(changed: Any, one: Any) -> Any:
            return self._switch(*one, changed, method), None

        parts = (transformation[k] for k in ("chain_mixing_weights", *_LINKS))
        mixture, _ = jax.lax.scan(chain, jnp.zeros_like(images), tuple(parts))
        kept = transformation["weight_sample"].astype(images.dtype)
        return jnp.clip(kept * images + (1 - kept) * mixture, *self.value_range)


_LINKS = ("layer_idxes", "chain_transforms")
