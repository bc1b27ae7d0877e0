"""Layers that compute on the host, in NumPy: strings cannot be traced.

Inside a Sequential or functional model such layers stand in front. The model's host part
(`models/host_part.py`) runs them on the raw rows, before the compiled program sees these.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core.host import to_host
from kohort.core.symbolic import KerasTensor
from kohort.layers.layer import Layer


class HostLayer(Layer):
    """A layer that says in `on_host` what it does to NumPy arrays."""

    _needs_no_build = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    def on_host(self, inputs: Any) -> np.ndarray:
        """The outputs as a NumPy array, of numbers or of strings."""
        raise NotImplementedError

    def call(self, inputs: Any) -> Any:
        """The outputs; inside a compiled program the host is called for them."""
        if any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(inputs)):
            return self._traced(inputs)
        outputs = self.on_host(inputs)
        return outputs if outputs.dtype == object else jnp.asarray(outputs)

    def _traced(self, inputs: Any) -> Any:
        symbols = jax.tree.map(lambda x: KerasTensor(x.shape, str(x.dtype)), inputs)
        spec = self.compute_output_spec(symbols)
        result = jax.ShapeDtypeStruct(spec.shape, spec.dtype)
        return jax.pure_callback(self.on_host, result, inputs, vmap_method="sequential")


def adapt_batches(data: Any, steps: int | None = None) -> Iterator[np.ndarray]:
    """What `adapt` was given, in batches: one for rows, else those of an iterable.

    Rows (n,) come in the shape (n, 1). Of a batch that is a tuple (x, y, …) the first part counts.
    """
    rows = (
        hasattr(data, "__array__") or hasattr(data, "to_numpy") or isinstance(data, (list, tuple))
    )
    if rows:
        array = to_host(data)
        yield array[:, None] if array.ndim == 1 else array
        return
    if not hasattr(data, "__iter__"):
        if not (hasattr(data, "__getitem__") and hasattr(data, "__len__")):
            raise TypeError(
                "`adapt` supports arrays, lists, frames and iterables of batches. "
                f"Received: data of type {type(data).__name__}"
            )
        data = (data[i] for i in range(len(data)))
    for number, batch in enumerate(data):
        if steps is not None and number >= steps:
            return
        yield to_host(batch[0] if isinstance(batch, tuple) else batch)
