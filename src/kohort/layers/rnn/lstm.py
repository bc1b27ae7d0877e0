"""LSTM: long short-term memory."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp

from kohort.core.component import field, hyper
from kohort.layers.fields import activation as function
from kohort.layers.fields import constraint, initializer, positive_int, regularizer
from kohort.layers.input_spec import InputSpec
from kohort.layers.rnn.cell import DenseCell, DenseStep, slope
from kohort.layers.rnn.own_cell import OwnCellRNN


def unit_forget_bias(initializer: Any, units: int) -> Any:
    """An initialiser for the biases of four gates, where those of the forget gate are 1."""

    def initialize(shape: Any, dtype: Any = None) -> Any:
        before, after = initializer((units,), dtype=dtype), initializer((2 * units,), dtype=dtype)
        return jnp.concatenate([before, jnp.ones((units,), dtype), after])

    return initialize


def check_cudnn(name: str, value: Any) -> None:
    """Refuse what is no choice for `use_cudnn`."""
    if value not in ("auto", True, False):
        raise ValueError(
            f"Invalid value received for argument `{name}`. Expected one of {{'auto', True, "
            f"False}}. Received: {name}={value}"
        )


@dataclasses.dataclass(frozen=True)
class LSTMStep(DenseStep):
    """The gates: input i, forget f, candidate g, output o."""

    recurrent_activation: Any

    def forward(self, x: Any, r: Any, states: Any) -> tuple[list[Any], Any]:
        """Compute h and c."""
        i, f, g, o = jnp.split(x + r, 4, axis=-1)
        i, f, o = (self.recurrent_activation(gate) for gate in (i, f, o))
        g = self.activation(g)
        c = f * states[1] + i * g
        a = self.activation(c)
        return [o * a, c], (i, f, g, o, a)

    def backward(self, saved: Any, states: Any, gradients: Any) -> tuple[Any, Any, list[Any]]:
        """The gradients for x, r and the states before."""
        i, f, g, o, a = saved
        dh, dc = gradients
        dc = dc + dh * o * slope(self.activation, a)
        gates = ((dc * g, i), (dc * states[1], f), (dc * i, g), (dh * a, o))
        functions = [self.recurrent_activation] * 4
        functions[2] = self.activation
        dx = jnp.concatenate(
            [d * slope(f, y) for (d, y), f in zip(gates, functions, strict=True)], axis=-1
        )
        return dx, dx, [jnp.zeros_like(dh), dc * f]


class LSTMCell(DenseCell):
    """One step of `LSTM`.

    Args: those of `LSTM` that concern one step.

    Call arguments: `inputs` of shape `(batch, features)`, `states` `[h, c]` of shape
    `(batch, units)` each.

    >>> h, [h, c] = LSTMCell(4)(np.ones((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> h.shape, c.shape
    ((2, 4), (2, 4))

    Source: `keras.layers.LSTMCell`.
    """

    gates = 4

    units: int = positive_int()
    activation: Any = function("tanh")
    recurrent_activation: Any = function("sigmoid")
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    recurrent_initializer: Any = initializer("orthogonal")
    bias_initializer: Any = initializer("zeros")
    unit_forget_bias: bool = True
    kernel_regularizer: Any = regularizer()
    recurrent_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    recurrent_constraint: Any = constraint()
    bias_constraint: Any = constraint()
    dropout: float = hyper(0.0, low=0, high=1)
    recurrent_dropout: float = hyper(0.0, low=0, high=1)
    seed: int | None = None
    implementation: int = field(2, config=False)

    def _count_masks(self, recurrent: bool) -> int:
        return self.gates if recurrent or self.implementation == 1 else 1

    @property
    def state_size(self) -> list[int]:
        """The sizes of h and c."""
        return [self.units, self.units]

    @property
    def step(self) -> LSTMStep:
        """One step as a pure function."""
        return LSTMStep(self.activation, self.recurrent_activation)

    def _add_bias(self, width: int) -> Any:
        start = self.bias_initializer
        if self.unit_forget_bias:
            start = unit_forget_bias(start, self.units)
        return self.add_weight(name="bias", shape=(width,), initializer=start)


class LSTM(OwnCellRNN):
    """Long short-term memory: a recurrent layer that learns what to keep.

        i, f, g, o = split(x[t] @ kernel + h[t-1] @ recurrent_kernel + bias, 4)
        c[t] = sigmoid(f) * c[t-1] + sigmoid(i) * tanh(g)
        h[t] = sigmoid(o) * tanh(c[t])

    Args:
        units: the size of h and c.
        activation: the function of g and c.
        recurrent_activation: the function of the gates i, f, o.
        unit_forget_bias: whether the bias of f starts at 1.
        dropout: the share of inputs to drop in training; the same at all steps of a sequence.
        recurrent_dropout: the share of h to drop in training.
        seed: an int makes the masks repeatable.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.
        use_cudnn: accepted; XLA compiles the loop on all devices.

    Input shape: `(batch, steps, features)`. Output shape: `(batch, units)`, with
    `return_sequences` `(batch, steps, units)`; with `return_state` the output, h and c.
    Call arguments: see `RNN`.

    >>> LSTM(4)(np.ones((2, 10, 3))).shape
    (2, 4)

    Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997.
    """

    cell_class = LSTMCell
    arguments = (
        "units activation recurrent_activation use_bias kernel_initializer recurrent_initializer "
        "bias_initializer unit_forget_bias kernel_regularizer recurrent_regularizer "
        "bias_regularizer activity_regularizer kernel_constraint recurrent_constraint "
        "bias_constraint dropout recurrent_dropout seed return_sequences return_state "
        "go_backwards stateful unroll use_cudnn"
    )

    activity_regularizer: Any = regularizer()
    use_cudnn: Any = field("auto", check=check_cudnn, config=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.input_spec = InputSpec(ndim=3)
