"""Seeds: a counter that lives in a Variable, so that a compiled step can carry it."""

from __future__ import annotations

import random as python_random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import frame as frames
from kohort.core.arrays import to_device
from kohort.core.component import Component
from kohort.core.naming import name_scope
from kohort.core.session import on_clear
from kohort.core.variable import Variable

_STEP = np.array([0, 1], np.uint32)
_global: dict[str, Any] = {"generator": None, "seed": None}


class SeedGenerator(Component, module="keras.random"):
    """A source of seeds: each call of `next` gives another one.

    The state is the pair (seed, counter), a Variable of dtype uint32; inside a Frame it is
    read and written there.

    Args:
        seed: an int; drawn at random when None.
        name: a name.

    >>> generator = SeedGenerator(42)
    >>> generator.next(), generator.next()
    (Array([42,  0], dtype=uint32), Array([42,  1], dtype=uint32))
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any):
        kwargs.pop("backend", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
        super().__init__(name=name)
        self._initial_seed = seed
        if seed is None:
            seed = make_default_seed()
        if not isinstance(seed, (int, np.integer)):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed}")
        with name_scope(self.name, self):
            self.state = Variable(
                _pair(seed), trainable=False, autocast=False, name="seed_generator_state"
            )

    def next(self, ordered: bool = True) -> jax.Array:
        """Return the present seed and move on: by one, or (not `ordered`) by a jump."""
        seed = self.state.value
        self.state.assign(seed + _STEP if ordered else (seed + 1) * 5387 % 933199)
        return seed

    def get_config(self) -> dict[str, Any]:
        """The first seed (None where it was drawn) and the name."""
        return {"seed": self._initial_seed, "name": self.name}


def _pair(seed: int) -> np.ndarray:
    return np.array([int(seed) & 0xFFFFFFFF, 0], np.uint32)


def make_default_seed() -> int:
    """Draw a seed from Python's own generator, which `set_random_seed` sets."""
    return python_random.randint(1, int(1e9))


def global_seed_generator() -> SeedGenerator:
    """The generator behind `seed=None`.

    Raises:
        ValueError: in a traced function, unless a Frame holds the generator's state.
    """
    generator = _global["generator"]
    frame = frames.current()
    carried = None if generator is None or frame is None else frame.read(generator.state)
    if carried is None and isinstance(jnp.zeros(()), jax.core.Tracer):
        raise ValueError(
            "[JAX RNG] When tracing a JAX function, you should only use seeded random ops: an "
            "unseeded draw would become a constant of the compiled program.\n"
            "  1. Create a `SeedGenerator` in the constructor of your layer or model, "
            "`self.seed_generator = keras.random.SeedGenerator(seed=1337)`,\n"
            "     and pass it on: `keras.random.normal(shape, seed=self.seed_generator)`.\n"
            "  2. Or pass an int as `seed`, if equal numbers at each call are meant."
        )
    if generator is None:
        generator = _global["generator"] = SeedGenerator()
    return generator


def draw_seed(seed: Any) -> jax.Array:
    """Return a JAX key (uint32, two numbers) for an int, a generator, a key or None.

    >>> draw_seed(7)
    Array([7, 0], dtype=uint32)
    """
    if isinstance(seed, jax.Array):
        return seed
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, (int, np.integer)):
        return to_device(_pair(int(seed)))
    if seed is None:
        return global_seed_generator().next(ordered=False)
    raise ValueError(
        "Argument `seed` must be either an integer or an instance of `SeedGenerator`. "
        f"Received: seed={seed} (of type {type(seed)})"
    )


def set_random_seed(seed: int) -> None:
    """Seed Python's and NumPy's generators and all of Kohort's draws without a seed.

    >>> set_random_seed(1); first = global_seed_generator().next()
    >>> set_random_seed(1); bool((first == global_seed_generator().next()).all())
    True
    """
    if not isinstance(seed, int):
        raise ValueError(
            f"Expected `seed` argument to be an integer. Received: seed={seed} "
            f"(of type {type(seed)})"
        )
    _global.update(generator=None, seed=seed)
    python_random.seed(seed)
    np.random.seed(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw as after `set_random_seed(seed)` inside, and go on as before afterwards.

    >>> set_random_seed(1); first = np.random.rand()
    >>> set_random_seed(1)
    >>> with seeded(2): _ = np.random.rand()
    >>> np.random.rand() == first
    True
    """
    before = dict(_global), python_random.getstate(), np.random.get_state()
    set_random_seed(seed)
    try:
        yield
    finally:
        _global.update(before[0])
        python_random.setstate(before[1])
        np.random.set_state(before[2])


def get_random_seed() -> int | None:
    """The seed given to `set_random_seed`, or None."""
    return _global["seed"]


def reset_global_seed_generator() -> None:
    """Forget the global generator and seed; the next draw makes a new one."""
    _global.update(generator=None, seed=None)


on_clear(reset_global_seed_generator)
