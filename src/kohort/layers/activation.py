"""Activations as layers."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp
from jax.scipy.special import logsumexp

from kohort import activations
from kohort.core.component import field
from kohort.layers.elementwise import _Elementwise
from kohort.layers.fields import constraint, initializer, regularizer
from kohort.layers.input_spec import InputSpec


class Activation(_Elementwise):
    """Apply an activation function: `output = activation(input)`.

    Args:
        activation: a function or its name.

    Input shape and output shape: any.

    >>> print(Activation("relu")(np.array([-3.0, 0.0, 2.0])))
    [0. 0. 2.]

    Source: `keras.layers.Activation`.
    """

    activation: Any = field(convert=activations.get, serialize=activations.serialize)

    def call(self, inputs: Any) -> Any:
        """Apply the function."""
        return self.activation(inputs)


def _not_negative(layer: str) -> Any:
    def check(name: str, value: Any) -> None:
        if value is None or value < 0:
            raise ValueError(
                f"{name} of a {layer} layer cannot be None or a negative value. "
                f"Received: {name}={value}"
            )

    return check


def _check_maximum(name: str, value: Any) -> None:
    if value is not None and value < 0:
        raise ValueError(
            f"{name} of a ReLU layer cannot be a negative value. Received: {name}={value}"
        )


class ReLU(_Elementwise):
    """The rectifier, with an optional cap, leak and threshold.

        f(x) = max_value                        x >= max_value
        f(x) = x                                threshold <= x < max_value
        f(x) = negative_slope * (x - threshold) otherwise

    Args:
        max_value: the cap; None for none.
        negative_slope: the slope below the threshold.
        threshold: where the function starts.

    >>> print(ReLU(max_value=10, negative_slope=0.5)(np.array([-10.0, -5.0, 0.0, 5.0, 12.0])))
    [-5.  -2.5  0.   5.  10. ]

    Source: `keras.layers.ReLU`.
    """

    max_value: float | None = field(None, check=_check_maximum)
    negative_slope: float = field(0.0, check=_not_negative("ReLU"))
    threshold: float = field(0.0, check=_not_negative("ReLU"))

    def call(self, inputs: Any) -> Any:
        """Apply the rectifier."""
        return activations.relu(
            inputs,
            negative_slope=self.negative_slope,
            max_value=self.max_value,
            threshold=self.threshold,
        )


class LeakyReLU(_Elementwise):
    """A rectifier with a leak: `f(x) = x if x >= 0 else negative_slope * x`.

    Args:
        negative_slope: the slope below zero. Keras 2 called it `alpha`.

    >>> print(LeakyReLU(0.5)(np.array([-10.0, 5.0])))
    [-5.  5.]

    Source: Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013.
    """

    negative_slope: float = 0.3

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warnings.warn(
                "Argument `alpha` is deprecated. Use `negative_slope` instead.", stacklevel=2
            )
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                "The negative_slope value of a Leaky ReLU layer cannot be None or negative value. "
                f"Expected a float. Received: negative_slope={negative_slope}"
            )
        self.negative_slope = negative_slope
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Apply the leaky rectifier."""
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        """The slope, under its present name."""
        return {**self.base_config(), "negative_slope": self.negative_slope}


class PReLU(_Elementwise):
    """A rectifier whose leak is learned: `f(x) = x if x >= 0 else alpha * x`.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slopes.
        shared_axes: the axes along which the slope is the same.

    `alpha` has the shape of one input row (size 1 on shared axes).

    >>> print(PReLU(alpha_initializer="ones")(np.array([[-1.0, 2.0]])))
    [[-1.  2.]]

    Source: He et al., "Delving deep into rectifiers", 2015.
    """

    alpha_initializer: Any = initializer("Zeros")
    alpha_regularizer: Any = regularizer()
    alpha_constraint: Any = constraint()
    shared_axes: Any = field(
        default=None,
        convert=lambda axes: (
            axes if axes is None else list(axes) if isinstance(axes, (list, tuple)) else [axes]
        ),
    )

    def build(self, input_shape: Any) -> None:
        """Create the slopes."""
        shared = self.shared_axes or []
        shape = [1 if i in shared else d for i, d in enumerate(input_shape)][1:]
        self.alpha = self.add_weight(name="alpha", shape=shape)
        axes = {i: d for i, d in enumerate(input_shape) if i and i not in shared} if shared else {}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=axes)

    def call(self, inputs: Any) -> Any:
        """Apply the rectifier with the present slopes."""
        return activations.relu(inputs) - self.alpha.value * activations.relu(-inputs)


class ELU(_Elementwise):
    """The exponential linear unit: `f(x) = x if x >= 0 else alpha * (exp(x) - 1)`.

    Args:
        alpha: the value that is approached at minus infinity, with the sign changed.

    >>> print(ELU()(np.array([-1e3, 2.0])))
    [-1.  2.]

    Source: Clevert et al., "Fast and accurate deep network learning by ELUs", 2016.
    """

    alpha: float = 1.0

    def call(self, inputs: Any) -> Any:
        """Apply the unit."""
        return activations.elu(inputs, alpha=self.alpha)


class Softmax(_Elementwise):
    """The softmax along one or several axes: `exp(x) / sum(exp(x))`.

    Args:
        axis: an axis, or a list of axes that are normalised together.

    Call arguments: `inputs`, and `mask`, which broadcasts to the inputs: False gives 0.

    >>> print(Softmax()(np.array([[2.0, 2.0]])))
    [[0.5 0.5]]

    Source: `keras.layers.Softmax`.
    """

    axis: Any = -1

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Normalise; masked entries take no part."""
        if mask is not None:
            _check_broadcasts(mask, inputs)
            mask = mask if mask.dtype == bool else mask > 0.5
            low = -3e4 if inputs.dtype == jnp.float16 else -1e9
            inputs = jnp.where(mask, inputs, jnp.asarray(low, inputs.dtype))
        axis = self.axis
        if isinstance(axis, (tuple, list)) and len(axis) > 1:
            outputs = jnp.exp(inputs - logsumexp(inputs, axis=tuple(axis), keepdims=True))
        else:
            outputs = activations.softmax(
                inputs, axis=axis[0] if isinstance(axis, (tuple, list)) else axis
            )
        # Where a whole line is masked, softmax alone would be uniform.
        return outputs if mask is None else jnp.where(mask, outputs, jnp.zeros_like(outputs))


def _check_broadcasts(mask: Any, inputs: Any) -> None:
    shapes = f"Received: inputs.shape={inputs.shape}, mask.shape={mask.shape}"
    if len(mask.shape) > len(inputs.shape):
        raise ValueError(
            "The `mask` must be broadcastable to `inputs` and must not have more dimensions. "
            f"{shapes}"
        )
    for m, d in zip(mask.shape[::-1], inputs.shape[::-1], strict=False):
        if m not in (1, d):
            raise ValueError(
                "The `mask` must be broadcastable to `inputs`. Each mask dimension must be 1 or "
                f"match the corresponding input dimension. {shapes}"
            )
