"""Layers that join several inputs, and their functional forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kohort import ops
from kohort.core.component import field
from kohort.core.dtypes import result_type
from kohort.core.masks import get_mask, set_mask
from kohort.core.symbolic import KerasTensor
from kohort.layers.merge import Merge, check_list, masks_given, spread
from kohort.layers.normalization import unit_length


class Add(Merge):
    """The sum of the inputs, element by element.

    >>> print(Add()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]))
    [[4. 6.]]
    """

    def _merge_function(self, inputs: list[Any]) -> Any:
        output = inputs[0]
        for x in inputs[1:]:
            output = output + x
        return output


class Average(Add):
    """The mean of the inputs, element by element.

    >>> print(Average()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]))
    [[2. 3.]]
    """

    def _merge_function(self, inputs: list[Any]) -> Any:
        return super()._merge_function(inputs) / len(inputs)

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        """The broadcast shape; whole numbers have a mean with a fraction."""
        spec = super().compute_output_spec(inputs)
        return KerasTensor(spec.shape, dtype=result_type(spec.dtype, float))


class Subtract(Merge):
    """The difference of two inputs: `inputs[0] - inputs[1]`.

    >>> print(Subtract()([np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])]))
    [[-2. -3.]]
    """

    def build(self, input_shape: Any) -> None:
        """Check that there are two inputs that fit."""
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(
                "A `Subtract` layer should be called on exactly 2 inputs. "
                f"Received: input_shape={input_shape}"
            )

    def _merge_function(self, inputs: list[Any]) -> Any:
        if len(inputs) != 2:
            raise ValueError(
                "A `Subtract` layer should be called on exactly 2 inputs. "
                f"Received: inputs={inputs}"
            )
        return inputs[0] - inputs[1]


class Multiply(Merge):
    """The product of the inputs, element by element; masked entries count as 1.

    >>> print(Multiply()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]))
    [[3. 8.]]
    """

    def _merge_function(self, inputs: list[Any]) -> Any:
        masks = [get_mask(x) for x in inputs]
        wide: list[Any] = [
            None if m is None else spread(m, x) for m, x in zip(masks, inputs, strict=True)
        ]
        output: Any = None
        for x, mask in zip(inputs, wide, strict=True):
            x = x if mask is None else jnp.where(mask, x, jnp.ones((), x.dtype))
            output = x if output is None else output * x
        if all(mask is not None for mask in masks):
            joined = wide[0]
            for mask in wide[1:]:
                joined = joined | mask
            output = jnp.where(joined, output, jnp.zeros((), output.dtype))
            set_mask(output, joined.any(axis=-1))
        return output


class _Extreme(Merge):
    """Maximum and minimum: there is no neutral element, so a masked entry yields to the others."""

    _choose: Callable[[Any, Any], Any]

    def _merge_function(self, inputs: list[Any]) -> Any:
        output, joined = inputs[0], get_mask(inputs[0])
        joined = None if joined is None else spread(joined, output)
        for x in inputs[1:]:
            mask = get_mask(x)
            mask = None if mask is None else spread(mask, x)
            if mask is not None:
                x = jnp.where(mask, x, output)
            if joined is not None:
                output = jnp.where(joined, output, x)
            joined = joined | mask if joined is not None and mask is not None else None
            output = type(self)._choose(output, x)
        if joined is not None:
            set_mask(output, joined.any(axis=-1))
        return output


class Maximum(_Extreme):
    """The largest of the inputs, element by element.

    >>> print(Maximum()([np.array([[1.0, 5.0]]), np.array([[3.0, 4.0]])]))
    [[3. 5.]]
    """

    _choose = staticmethod(jnp.maximum)


class Minimum(_Extreme):
    """The smallest of the inputs, element by element.

    >>> print(Minimum()([np.array([[1.0, 5.0]]), np.array([[3.0, 4.0]])]))
    [[1. 4.]]
    """

    _choose = staticmethod(jnp.minimum)


class Concatenate(Merge):
    """Put the inputs one after the other along an axis.

    Args:
        axis: the axis.

    >>> Concatenate()([np.ones((2, 3)), np.ones((2, 4))]).shape
    (2, 7)
    """

    axis: int = -1

    def build(self, input_shape: Any) -> None:
        """Check that all sizes but those of the axis are equal."""
        rule = "A `Concatenate` layer should be called on a list of at least 1 input."
        check_list(input_shape, rule)
        shapes = [list(shape) for shape in input_shape]
        rest = [[d for a, d in enumerate(s) if a != self.axis % len(s)] for s in shapes]
        equal = len({len(s) for s in shapes}) == 1 and all(
            len(set(sizes) - {None}) <= 1 for sizes in zip(*rest, strict=True)
        )
        if not equal:
            raise ValueError(
                "A `Concatenate` layer requires inputs with matching shapes except for the "
                f"concatenation axis. Received: input_shape={input_shape}"
            )

    def _align(self, inputs: Any) -> list[Any]:
        return list(inputs)

    def _merge_function(self, inputs: list[Any]) -> Any:
        return jnp.concatenate(inputs, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The first shape, with the sizes along the axis added."""
        check_list(input_shape, "A `Concatenate` layer should be called on a list of inputs.")
        output = list(input_shape[0])
        sizes = [shape[self.axis] for shape in input_shape]
        output[self.axis] = None if None in sizes else sum(sizes)
        return tuple(output)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The masks one after the other; an input without one counts everywhere."""
        if not masks_given(inputs, previous_mask) or all(m is None for m in previous_mask):
            return None
        masks = []
        for x, mask in zip(inputs, previous_mask, strict=True):
            if mask is None:
                masks.append(ops.ones_like(x, dtype="bool"))
            elif len(mask.shape) < len(x.shape):
                everywhere = ops.zeros_like(x, dtype="bool")
                masks.append(ops.logical_or(ops.expand_dims(mask, axis=-1), everywhere))
            else:
                masks.append(mask)
        return ops.any(ops.concatenate(masks, axis=self.axis), axis=-1)


def _check_axes(name: str, axes: Any) -> None:
    if isinstance(axes, int):
        return
    if not isinstance(axes, (list, tuple)):
        raise TypeError(
            f"Invalid type for argument `{name}`: it should be a list or an int. "
            f"Received: {name}={axes}"
        )
    start = f"Invalid format for argument `{name}`: "
    if len(axes) != 2:
        raise ValueError(f"{start}it should contain two elements. Received: {name}={axes}")
    if not all(isinstance(a, int) for a in axes):
        raise ValueError(f"{start}list elements should be integers. Received: {name}={axes}")


class Dot(Merge):
    """The dot product of two inputs along an axis of each, example by example.

    Args:
        axes: the axis, or one for each input; not 0, the batch axis.
        normalize: scale to length 1 along the axes first: the cosine.

    Output shape: the sizes of the first input, then those of the second, without the axes.

    >>> Dot(axes=(1, 2))([np.ones((2, 3, 5)), np.ones((2, 10, 3))]).shape
    (2, 5, 10)
    """

    axes: Any = field(check=_check_axes)
    normalize: bool = False

    def build(self, input_shape: Any) -> None:
        """Check that the two axes have the same size."""
        if not isinstance(input_shape[0], (tuple, list)) or len(input_shape) != 2:
            raise ValueError(
                "A `Dot` layer should be called on a list of 2 inputs. "
                f"Received: input_shape={input_shape}"
            )
        first, second = input_shape
        i, j = self._axes_of(first, second)
        if 0 in (i, j):
            raise ValueError(
                "Cannot perform batch_dot over axis 0. If your inputs are not batched, add a dummy "
                "batch dimension to your inputs using keras.ops.expand_dims(x, 0)"
            )
        if None not in (first[i], second[j]) and first[i] != second[j]:
            raise ValueError(
                f"Incompatible input shapes: axis values {first[i]} (at axis {i}) != {second[j]} "
                f"(at axis {j}). Full input shapes: {first}, {second}"
            )

    def _axes_of(self, first: Any, second: Any) -> tuple[int, int]:
        i, j = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return i % len(first), j % len(second)

    def _align(self, inputs: Any) -> list[Any]:
        if len(inputs) != 2:
            raise ValueError(
                f"A `Dot` layer should be called on exactly 2 inputs. Received: inputs={inputs}"
            )
        return list(inputs)

    def _merge_function(self, inputs: list[Any]) -> Any:
        x, y = inputs
        i, j = self._axes_of(x.shape, y.shape)
        if self.normalize:
            x, y = unit_length(x, i, 1e-7), unit_length(y, j, 1e-7)
        dtype = jnp.promote_types(x.dtype, y.dtype)
        axes = (((i,), (j,)), ((0,), (0,)))
        output = jax.lax.dot_general(x.astype(dtype), y.astype(dtype), axes)
        return output if output.ndim > 1 else output[:, None]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The sizes of both inputs without the axes and the second batch axis."""
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) != 2:
            raise ValueError(
                "A `Dot` layer should be called on a list of 2 inputs. "
                f"Received: input_shape={input_shape}"
            )
        first, second = input_shape
        i, j = self._axes_of(first, second)
        rest = [d for a, d in enumerate(second) if a not in (0, j)]
        output = [d for a, d in enumerate(first) if a != i] + rest
        return tuple(output) if len(output) > 1 else (*output, 1)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: the product has no steps."""
        return None


def add(inputs: Any, **kwargs: Any) -> Any:
    """Apply an `Add` layer."""
    return Add(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Apply an `Average` layer."""
    return Average(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Apply a `Subtract` layer."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Apply a `Multiply` layer."""
    return Multiply(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Apply a `Maximum` layer."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Apply a `Minimum` layer."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Apply a `Concatenate` layer."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Apply a `Dot` layer."""
    return Dot(axes=axes, **kwargs)(inputs)
