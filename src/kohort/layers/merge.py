"""The base of layers that join several inputs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort import ops
from kohort.core.dtypes import result_type
from kohort.core.symbolic import KerasTensor
from kohort.layers.layer import Layer


class Merge(Layer):
    """Base of the element-wise joins: a list of inputs that broadcast, one output.

    A subclass gives `_merge_function(inputs)`.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def _merge_function(self, inputs: list[Any]) -> Any:
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        """Check that the shapes fit."""
        check_list(input_shape, "A merge layer should be called on a list of inputs.")
        sizes = {s[0] for s in input_shape if s} - {None}
        if len(sizes) > 1:
            raise ValueError(
                "Cannot merge tensors with different batch sizes. "
                f"Received tensors with shapes {input_shape}"
            )
        self.compute_output_shape(input_shape)

    def call(self, inputs: Any) -> Any:
        """Join the inputs; those of lower rank get axes of size 1 after the batch axis."""
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                "A merge layer should be called on a list of inputs. "
                f"Received: inputs={inputs} (not a list of tensors)"
            )
        return self._merge_function(self._align(inputs))

    def _align(self, inputs: Any) -> list[Any]:
        rank = max(x.ndim for x in inputs)
        return [
            x if x.ndim == rank else jnp.expand_dims(x, tuple(range(1, 1 + rank - x.ndim)))
            for x in inputs
        ]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The batch size, and the other sizes by broadcasting."""
        output = tuple(input_shape[0][1:])
        for shape in input_shape[1:]:
            output = _broadcast(output, tuple(shape[1:]))
        sizes = {s[0] for s in input_shape} - {None}
        return (sizes.pop() if len(sizes) == 1 else None, *output)

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        """The broadcast shape, with the dtype that the inputs give together."""
        shape = self.compute_output_shape([x.shape for x in inputs])
        return KerasTensor(shape, dtype=result_type(*[x.dtype for x in inputs]))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """A step counts where it counts in any input; None unless all have masks."""
        if not masks_given(inputs, previous_mask) or any(m is None for m in previous_mask):
            return None
        joined = previous_mask[0]
        for mask in previous_mask[1:]:
            joined = ops.logical_or(joined, mask)
        return joined


def check_list(input_shape: Any, rule: str) -> None:
    """Refuse what is not a list of shapes."""
    if not input_shape or not isinstance(input_shape[0], (tuple, list)):
        raise ValueError(f"{rule} Received: input_shape={input_shape} (not a list of shapes)")


def _broadcast(first: tuple[Any, ...], second: tuple[Any, ...]) -> tuple[Any, ...]:
    """The shape of an element-wise operation; None is an unknown size."""
    if len(first) < len(second):
        first, second = second, first
    split = len(first) - len(second)
    output = list(first[:split])
    for a, b in zip(first[split:], second, strict=True):
        if a is None or b is None:
            output.append(None)
        elif a == b or b == 1:
            output.append(a)
        elif a == 1:
            output.append(b)
        else:
            raise ValueError(
                f"Inputs have incompatible shapes. Received shapes {first} and {second}"
            )
    return tuple(output)


def masks_given(inputs: Any, masks: Any) -> bool:
    """Whether there are masks; they must be a list as long as that of the inputs."""
    if masks is None:
        return False
    if not isinstance(masks, (tuple, list)):
        raise ValueError(f"`mask` should be a list. Received: mask={masks}")
    if not isinstance(inputs, (tuple, list)):
        raise ValueError(f"`inputs` should be a list. Received: inputs={inputs}")
    if len(masks) != len(inputs):
        raise ValueError(
            "The lists `inputs` and `mask` should have the same length. Received: "
            f"inputs={inputs} of length {len(inputs)}, and mask={masks} of length {len(masks)}"
        )
    return True


def spread(mask: Any, x: Any) -> Any:
    """A mask of steps as a mask of all entries of `x`."""
    return jnp.broadcast_to(jnp.asarray(mask, bool)[..., None], x.shape)
