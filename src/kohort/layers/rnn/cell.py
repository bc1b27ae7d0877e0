"""What the cells of SimpleRNN, LSTM and GRU share: weights, dropout masks, and one step.

A cell works in two parts. `project` multiplies inputs and kernel, for one step or for all
steps at once; `step`, a pure function, does the rest. So a layer forms the product once before
its loop, and the loop has only what depends on the step before.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp

from kohort import activations, random
from kohort.core.component import is_zero
from kohort.layers.layer import Layer

_local = threading.local()


class Masks(NamedTuple):
    """Dropout masks for inputs and states: one for all gates, one each, or None."""

    inputs: list[Any] | None = None
    states: list[Any] | None = None


class Product(NamedTuple):
    """A product with a kernel: of the inputs or, which a step needs, of the state before."""

    kernel: Any
    bias: Any = None
    masks: list[Any] | None = None

    def of(self, x: Any) -> Any:
        """`x @ kernel + bias`, where each gate of the kernel may have its own mask for x."""
        product = masked_product(x, self.kernel, self.masks)
        return product if self.bias is None else product + self.bias


@dataclasses.dataclass(frozen=True)
class Step:
    """One step as a pure function `(Product, x, states) -> (output, states)`.

    Equal steps are equal as keys, so that their compiled loop is found again.
    """

    activation: Any

    def __call__(self, w: Product, x: Any, states: Any) -> tuple[Any, list[Any]]:
        """Compute output and new states."""
        raise NotImplementedError

    @property
    def cacheable(self) -> bool:
        """Whether it is made of Kohort's functions alone, which compiled loops may keep."""
        parts = (getattr(self, f.name) for f in dataclasses.fields(self))
        return all(getattr(p, "__module__", "kohort.").startswith("kohort.") for p in parts)


@dataclasses.dataclass(frozen=True)
class DenseStep(Step):
    """A step of two products, x of the inputs and r of the state before, and its derivative."""

    def __call__(self, w: Product, x: Any, states: Any) -> tuple[Any, list[Any]]:
        """Compute output and new states."""
        new, _ = self.forward(x, w.of(states[0]), states)
        return new[0], new

    @property
    def derivable(self) -> bool:
        """Whether `backward` holds: the slopes of its functions follow from their values."""
        parts = (getattr(self, f.name) for f in dataclasses.fields(self))
        return all(part in _SLOPES for part in parts if callable(part))

    def forward(self, x: Any, r: Any, states: Any) -> tuple[list[Any], Any]:
        """Compute the new states, the first of which is the output, and what `backward` needs."""
        raise NotImplementedError

    def backward(self, saved: Any, states: Any, gradients: Any) -> tuple[Any, Any, list[Any]]:
        """From the gradients for the new states those for x, r and the states before.

        What reaches the state before through r is not part of the last.
        """
        raise NotImplementedError


_SLOPES: dict[Any, Callable[[Any], Any]] = {
    activations.tanh: lambda y: 1 - y * y,
    activations.sigmoid: lambda y: y * (1 - y),
    activations.relu: lambda y: y > 0,
    activations.linear: jnp.ones_like,
}


def slope(function: Any, value: Any) -> Any:
    """The derivative of an activation where it has this value."""
    return _SLOPES[function](value)


class Cell(Layer):
    """Base of the cells: `output, states = cell(inputs, states)`."""

    gates: ClassVar[int] = 1
    """How many products the kernels hold side by side."""
    _draws_seed_first: ClassVar[bool] = False
    """Whether Keras draws this cell's seed before those of the initialisers."""

    activation: Any
    recurrent_initializer: Any
    recurrent_regularizer: Any
    recurrent_constraint: Any
    dropout: float
    recurrent_dropout: float
    seed: int | None

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        if self._draws_seed_first and self._init_args[1].get("seed") is None:
            self.seed_generator = random.SeedGenerator()

    def __post_init__(self) -> None:
        if self.seed is not None or "seed_generator" not in self.__dict__:
            self.seed_generator = random.SeedGenerator(self.seed)
        recurrent = not is_zero(self.recurrent_dropout)
        self._mask_count = self._count_masks(recurrent)
        # How many masks are drawn decides their seeds: it belongs to the structure.
        self._draws_both = recurrent and not is_zero(self.dropout)

    def _count_masks(self, recurrent: bool) -> int:
        """The number of masks, each for its own gates."""
        return 1

    @property
    def step(self) -> Step:
        """One step as a pure function."""
        raise NotImplementedError

    def project(self, inputs: Any, masks: list[Any] | None = None) -> Any:
        """The part that depends on the inputs alone, for inputs `(…, batch, features)`."""
        raise NotImplementedError

    def _add_recurrent_kernel(self, *shape: int) -> None:
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=shape,
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )

    def recurrent(self, masks: list[Any] | None = None) -> Product:
        """What `step` needs."""
        return Product(self.recurrent_kernel.value, None, masks)

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """States of zeros for a batch."""
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Compute `output, states` of one step."""
        nested = isinstance(states, (list, tuple))
        states = list(states) if nested else [states]
        masks = self.masks(inputs, states, training)
        x = self.project(inputs, masks.inputs)
        output, new = self.step(self.recurrent(masks.states), x, states)
        return output, new if nested else new[0]

    # ---- dropout

    def masks(self, inputs: Any, states: Any, training: bool | None) -> Masks:
        """The masks of the loop that runs now; outside a loop, new ones. None unless training."""
        if not training:
            return Masks()
        drawn = getattr(_local, "masks", {}).get(id(self))
        return self.draw_masks(inputs, states) if drawn is None else drawn

    def draw_masks(self, inputs: Any, states: Any) -> Masks:
        """Draw masks for inputs and states of these shapes."""

        def draw(x: Any, rate: Any) -> list[Any] | None:
            if is_zero(rate):
                return None
            ones, generator = jnp.ones(x.shape, x.dtype), self.seed_generator
            return [random.dropout(ones, rate, seed=generator) for _ in range(self._mask_count)]

        return Masks(draw(inputs, self.dropout), draw(states[0], self.recurrent_dropout))


class DenseCell(Cell):
    """Base of the cells whose kernels are matrices."""

    units: int
    use_bias: bool

    @property
    def state_size(self) -> Any:
        """The size of the state, or a list of sizes."""
        return self.units

    @property
    def output_size(self) -> int:
        """The size of the output."""
        return self.units

    def build(self, input_shape: Any) -> None:
        """Create the kernels and the bias."""
        width = self.gates * self.units
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], width))
        self._add_recurrent_kernel(self.units, width)
        self.bias = self._add_bias(width) if self.use_bias else None

    def _add_bias(self, width: int) -> Any:
        return self.add_weight(name="bias", shape=(width,))

    def _input_bias(self) -> Any:
        return self.bias.value if self.bias is not None else None

    def project(self, inputs: Any, masks: list[Any] | None = None) -> Any:
        """`inputs @ kernel + bias`."""
        return self.projection(masks).of(inputs)

    def projection(self, masks: list[Any] | None = None) -> Product:
        """What `project` is made of."""
        return Product(self.kernel.value, self._input_bias(), masks)

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """States of zeros for a batch."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [jnp.zeros((batch_size, size), self.compute_dtype) for size in sizes]


@contextmanager
def same_masks(cell: Any, inputs: Any, states: Any) -> Iterator[None]:
    """Draw the masks of a cell, or of a stack of cells, which all steps inside use."""
    before = getattr(_local, "masks", {})
    drawn = dict(before)
    for part, part_states in _parts(cell, states):
        if isinstance(part, Cell):
            drawn[id(part)] = part.draw_masks(inputs, part_states)
        size = output_size(part)
        if isinstance(size, int):  # what the next cell of the stack gets
            inputs = jnp.ones((inputs.shape[0], size), inputs.dtype)
    _local.masks = drawn
    try:
        yield
    finally:
        _local.masks = before


def _parts(cell: Any, states: Any) -> list[tuple[Any, Any]]:
    cells = getattr(cell, "cells", None)
    if cells is None:
        return [(cell, states)]
    nested = [s if isinstance(s, (list, tuple)) else [s] for s in states]
    return list(zip(cells, nested, strict=True))


def output_size(cell: Any) -> Any:
    """The size of a cell's output: its first state's, where it does not say."""
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size
    return size[0] if isinstance(size, (list, tuple)) else size


def masked_product(x: Any, kernel: Any, masks: list[Any] | None) -> Any:
    """`x @ kernel`, where each gate of the kernel may have its own mask for x."""
    if masks is None:
        return x @ kernel
    if len(masks) == 1:
        return (x * masks[0]) @ kernel
    parts = jnp.split(kernel, len(masks), axis=-1)
    return jnp.concatenate([(x * m) @ k for m, k in zip(masks, parts, strict=True)], axis=-1)
