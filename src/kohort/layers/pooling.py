"""Global pooling: one number a channel."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort.core.component import field
from kohort.core.settings import standardize_data_format
from kohort.layers.input_spec import InputSpec
from kohort.layers.layer import Layer


class _GlobalPooling(Layer):
    """Reduce all axes between batch and channels."""

    data_format: str = field(None, convert=standardize_data_format)
    keepdims: bool = False
    _rank = 1
    _needs_no_build = True

    def __post_init__(self) -> None:
        self.input_spec = InputSpec(ndim=self._rank + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self._rank))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """`(batch, channels)`, or with sizes 1 where `keepdims`."""
        if self.keepdims:
            return tuple(1 if a in self._axes else d for a, d in enumerate(input_shape))
        return tuple(d for a, d in enumerate(input_shape) if a not in self._axes)


class _GlobalAveragePooling(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        """Average each channel."""
        return jnp.mean(inputs, self._axes, keepdims=self.keepdims)


class _GlobalMaxPooling(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        """The largest value of each channel."""
        return jnp.max(inputs, self._axes, keepdims=self.keepdims)


class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The average over the steps of a sequence `(batch, steps, features)`.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether the reduced axis stays, with size 1.

    Call arguments: `inputs`, and `mask` of shape `(batch, steps)`: masked steps do not count.

    >>> GlobalAveragePooling1D()(np.ones((2, 3, 4))).shape
    (2, 4)
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Average the steps that are not masked."""
        if mask is None:
            return super().call(inputs)
        kept = jnp.expand_dims(mask, 2 if self.data_format == "channels_last" else 1).astype(bool)
        total = jnp.sum(jnp.where(kept, inputs, 0), self._axes, keepdims=self.keepdims)
        return total / jnp.sum(kept.astype(inputs.dtype), self._axes, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: there are no steps any more."""
        return None


class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The average over the pixels of images `(batch, rows, cols, channels)`.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether the reduced axes stay, with size 1.

    >>> GlobalAveragePooling2D()(np.ones((2, 3, 3, 4))).shape
    (2, 4)
    """

    _rank = 2


class GlobalAveragePooling3D(_GlobalAveragePooling):
    """The average over volumes `(batch, x, y, z, channels)`.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether the reduced axes stay, with size 1.

    >>> GlobalAveragePooling3D(keepdims=True)(np.ones((2, 3, 3, 3, 4))).shape
    (2, 1, 1, 1, 4)
    """

    _rank = 3


class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest value over the steps of a sequence `(batch, steps, features)`.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether the reduced axis stays, with size 1.

    >>> GlobalMaxPooling1D()(np.ones((2, 3, 4))).shape
    (2, 4)
    """


class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest value over the pixels of images `(batch, rows, cols, channels)`.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether the reduced axes stay, with size 1.

    >>> GlobalMaxPooling2D()(np.ones((2, 3, 3, 4))).shape
    (2, 4)
    """

    _rank = 2


class GlobalMaxPooling3D(_GlobalMaxPooling):
    """The largest value over volumes `(batch, x, y, z, channels)`.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether the reduced axes stay, with size 1.

    >>> GlobalMaxPooling3D()(np.ones((2, 3, 3, 3, 4))).shape
    (2, 4)
    """

    _rank = 3
