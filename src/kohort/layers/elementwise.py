"""The base of layers that change neither the shape nor the mask of their input."""

from __future__ import annotations

from typing import Any

from kohort.layers.layer import Layer


class _Elementwise(Layer):
    """A layer whose output has the shape and the mask of its input."""

    _needs_no_build = True

    def __post_init__(self) -> None:
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape
