"""Pooling over windows that move, and over windows that cut an axis into equal parts."""

from __future__ import annotations

from typing import Any

from kohort.core.component import field
from kohort.core.settings import standardize_data_format
from kohort.layers.conv_base import WindowLayer, lower
from kohort.layers.input_spec import InputSpec
from kohort.layers.layer import Layer
from kohort.ops import nn_pool


class _Pooling(WindowLayer):
    pool_size: Any = 2
    strides: Any = None
    padding: str = field("valid", convert=lower)
    data_format: str = field(None, convert=standardize_data_format)
    _sizes = ("pool_size", "strides")
    _needs_no_build = True

    def __post_init__(self) -> None:
        if self.strides is None:
            self.strides = self.pool_size
        super().__post_init__()
        self.input_spec = InputSpec(ndim=self._rank + 2)

    @property
    def _reach(self) -> tuple[int, ...]:
        return self.pool_size

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The windows along each axis; the channels stay."""
        lengths = self._windows(input_shape, pool_size=self.pool_size)
        return self._with_channels(input_shape, lengths, input_shape[self._channel_axis])

    def call(self, inputs: Any) -> Any:
        """Reduce each window to one number a channel."""
        self.compute_output_shape(inputs.shape)  # the window must fit into the input
        return self._pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)

    def _pool(self, *arguments: Any) -> Any:
        raise NotImplementedError


class _MaxPooling(_Pooling):
    def _pool(self, *arguments: Any) -> Any:
        return nn_pool.max_pool(*arguments)


class _AveragePooling(_Pooling):
    def _pool(self, *arguments: Any) -> Any:
        return nn_pool.average_pool(*arguments)


class MaxPooling1D(_MaxPooling):
    """The largest value of each channel in each window of steps.

    Args:
        pool_size: the length of the window.
        strides: how far the window moves; None: by its length.
        padding: `"valid"`: only whole windows; `"same"`: `ceil(steps / strides)` windows.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, channels)`.

    >>> MaxPooling1D(2)(np.arange(5.0).reshape(1, 5, 1)).ravel()
    Array([1., 3.], dtype=float32)
    """


class MaxPooling2D(_MaxPooling):
    """The largest value of each channel in each window of pixels.

    Args:
        pool_size: an int, or (rows, columns), of the window.
        strides: how far the window moves; None: by its size.
        padding: `"valid"`: only whole windows; `"same"`: `ceil(size / strides)` windows.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, rows, columns, channels)`. Output shape: `(batch, new_rows,
    new_columns, channels)`.

    >>> MaxPooling2D((2, 3))(np.ones((2, 6, 6, 4))).shape
    (2, 3, 2, 4)
    """

    _rank = 2


class MaxPooling3D(_MaxPooling):
    """The largest value of each channel in each window of a volume.

    Args:
        pool_size: an int, or 3 ints, of the window.
        strides: how far the window moves; None: by its size.
        padding: `"valid"`: only whole windows; `"same"`: `ceil(size / strides)` windows.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, x, y, z, channels)`. Output shape: `(batch, new_x, new_y, new_z,
    channels)`.

    >>> MaxPooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    _rank = 3


class AveragePooling1D(_AveragePooling):
    """The mean of each channel in each window of steps; padded places do not count.

    Args:
        pool_size: the length of the window.
        strides: how far the window moves; None: by its length.
        padding: `"valid"`: only whole windows; `"same"`: `ceil(steps / strides)` windows.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, steps, channels)`. Output shape: `(batch, new_steps, channels)`.

    >>> AveragePooling1D(2)(np.arange(5.0).reshape(1, 5, 1)).ravel()
    Array([0.5, 2.5], dtype=float32)
    """


class AveragePooling2D(_AveragePooling):
    """The mean of each channel in each window of pixels; padded places do not count.

    Args:
        pool_size: an int, or (rows, columns), of the window.
        strides: how far the window moves; None: by its size.
        padding: `"valid"`: only whole windows; `"same"`: `ceil(size / strides)` windows.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, rows, columns, channels)`. Output shape: `(batch, new_rows,
    new_columns, channels)`.

    >>> AveragePooling2D(2, strides=1)(np.ones((2, 6, 6, 4))).shape
    (2, 5, 5, 4)
    """

    _rank = 2


class AveragePooling3D(_AveragePooling):
    """The mean of each channel in each window of a volume; padded places do not count.

    Args:
        pool_size: an int, or 3 ints, of the window.
        strides: how far the window moves; None: by its size.
        padding: `"valid"`: only whole windows; `"same"`: `ceil(size / strides)` windows.
        data_format: `"channels_last"` or `"channels_first"`.

    Input shape: `(batch, x, y, z, channels)`. Output shape: `(batch, new_x, new_y, new_z,
    channels)`.

    >>> AveragePooling3D(2)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    _rank = 3


class _AdaptivePooling(Layer):
    output_size: Any = field()
    data_format: str = field(None, convert=standardize_data_format)
    _rank = 1
    _needs_no_build = True

    def __post_init__(self) -> None:
        size = self.output_size
        if isinstance(size, int):
            size = (size,) * self._rank
        if not isinstance(size, (tuple, list)):
            raise TypeError(
                f"`output_size` must be an integer or a tuple of {self._rank} integer(s). "
                f"Received: {size} of type {type(size)}"
            )
        if len(size) != self._rank:
            # Keras raises another class for one axis than for several.
            raise (ValueError if self._rank == 1 else TypeError)(
                f"For {self._rank}D input, `output_size` must be an integer or a tuple of length "
                f"{self._rank}. Received: {size}"
            )
        self.output_size = tuple(size)
        self.input_spec = InputSpec(ndim=self._rank + 2)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """`output_size`, with the batch and the channels of the input."""
        if self.data_format == "channels_last":
            return (input_shape[0], *self.output_size, input_shape[-1])
        return (*input_shape[:2], *self.output_size)


class _AdaptiveAverage(_AdaptivePooling):
    def call(self, inputs: Any) -> Any:
        """The mean of each part."""
        return nn_pool.adaptive_average_pool(inputs, self.output_size, self.data_format)


class _AdaptiveMax(_AdaptivePooling):
    def call(self, inputs: Any) -> Any:
        """The largest value of each part."""
        return nn_pool.adaptive_max_pool(inputs, self.output_size, self.data_format)


class AdaptiveAveragePooling1D(_AdaptiveAverage):
    """The means of `output_size` parts of a sequence.

    Part i of n goes from `floor(i · steps / n)` to `ceil((i + 1) · steps / n)`.

    Args:
        output_size: how many parts.
        data_format: `"channels_last"` or `"channels_first"`.

    >>> AdaptiveAveragePooling1D(2)(np.ones((3, 7, 4))).shape
    (3, 2, 4)
    """


class AdaptiveAveragePooling2D(_AdaptiveAverage):
    """The means of `output_size` parts of images, along rows and columns.

    Args:
        output_size: an int, or (rows, columns).
        data_format: `"channels_last"` or `"channels_first"`.

    >>> AdaptiveAveragePooling2D((2, 3))(np.ones((2, 7, 7, 4))).shape
    (2, 2, 3, 4)
    """

    _rank = 2


class AdaptiveAveragePooling3D(_AdaptiveAverage):
    """The means of `output_size` parts of volumes, along each axis.

    Args:
        output_size: an int, or 3 ints.
        data_format: `"channels_last"` or `"channels_first"`.

    >>> AdaptiveAveragePooling3D(2)(np.ones((1, 3, 4, 5, 2))).shape
    (1, 2, 2, 2, 2)
    """

    _rank = 3


class AdaptiveMaxPooling1D(_AdaptiveMax):
    """The largest values of `output_size` parts of a sequence.

    Args:
        output_size: how many parts.
        data_format: `"channels_last"` or `"channels_first"`.

    >>> AdaptiveMaxPooling1D(2)(np.ones((3, 7, 4))).shape
    (3, 2, 4)
    """


class AdaptiveMaxPooling2D(_AdaptiveMax):
    """The largest values of `output_size` parts of images, along rows and columns.

    Args:
        output_size: an int, or (rows, columns).
        data_format: `"channels_last"` or `"channels_first"`.

    >>> AdaptiveMaxPooling2D((2, 3))(np.ones((2, 7, 7, 4))).shape
    (2, 2, 3, 4)
    """

    _rank = 2


class AdaptiveMaxPooling3D(_AdaptiveMax):
    """The largest values of `output_size` parts of volumes, along each axis.

    Args:
        output_size: an int, or 3 ints.
        data_format: `"channels_last"` or `"channels_first"`.

    >>> AdaptiveMaxPooling3D(2)(np.ones((1, 3, 4, 5, 2))).shape
    (1, 2, 2, 2, 2)
    """

    _rank = 3
