"""SimpleRNN: the output is fed back as one more input."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp

from kohort.core.component import hyper
from kohort.layers.fields import activation, constraint, initializer, positive_int, regularizer
from kohort.layers.input_spec import InputSpec
from kohort.layers.rnn.cell import DenseCell, DenseStep, slope
from kohort.layers.rnn.own_cell import OwnCellRNN


@dataclasses.dataclass(frozen=True)
class SimpleRNNStep(DenseStep):
    """`h = activation(x + h @ recurrent_kernel)`."""

    def forward(self, x: Any, r: Any, states: Any) -> tuple[list[Any], Any]:
        """Compute h."""
        h = self.activation(x + r)
        return [h], h

    def backward(self, saved: Any, states: Any, gradients: Any) -> tuple[Any, Any, list[Any]]:
        """The gradients for x, r and the state before."""
        dx = gradients[0] * slope(self.activation, saved)
        return dx, dx, [jnp.zeros_like(dx)]


class SimpleRNNCell(DenseCell):
    """One step of `SimpleRNN`.

        h = activation(x @ kernel + h @ recurrent_kernel + bias)

    Args: those of `SimpleRNN` that concern one step.

    Call arguments: `inputs` of shape `(batch, features)`, `states` `[h]` of shape `(batch, units)`.

    >>> h, [state] = SimpleRNNCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> h.shape
    (2, 4)

    Source: `keras.layers.SimpleRNNCell`.
    """

    _draws_seed_first = True

    units: int = positive_int()
    activation: Any = activation("tanh")
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    recurrent_initializer: Any = initializer("orthogonal")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    recurrent_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    recurrent_constraint: Any = constraint()
    bias_constraint: Any = constraint()
    dropout: float = hyper(0.0, low=0, high=1)
    recurrent_dropout: float = hyper(0.0, low=0, high=1)
    seed: int | None = None

    @property
    def step(self) -> SimpleRNNStep:
        """One step as a pure function."""
        return SimpleRNNStep(self.activation)


class SimpleRNN(OwnCellRNN):
    """A fully connected recurrent layer: the output is fed back as one more input.

        h[t] = activation(x[t] @ kernel + h[t-1] @ recurrent_kernel + bias)

    Args:
        units: the size of the output.
        activation: a function or its name; None is linear.
        dropout: the share of inputs to drop in training; the same at all steps of a sequence.
        recurrent_dropout: the share of `h` to drop in training.
        seed: an int makes the masks repeatable.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.

    Input shape: `(batch, steps, features)`. Output shape: `(batch, units)`, with
    `return_sequences` `(batch, steps, units)`. Call arguments: see `RNN`.

    >>> SimpleRNN(4)(np.ones((2, 10, 3))).shape
    (2, 4)

    Source: Elman, "Finding structure in time", 1990; `keras.layers.SimpleRNN`.
    """

    cell_class = SimpleRNNCell
    arguments = (
        "units activation use_bias kernel_initializer recurrent_initializer bias_initializer "
        "kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer "
        "kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout "
        "return_sequences return_state go_backwards stateful unroll seed"
    )

    activity_regularizer: Any = regularizer()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.input_spec = [InputSpec(ndim=3)]

    def get_config(self) -> dict[str, Any]:
        """The configuration; as in Keras it has a seed only where one was given."""
        config = super().get_config()
        if config["seed"] is None:
            del config["seed"]
        return config
