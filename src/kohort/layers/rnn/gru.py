"""GRU: gated recurrent unit."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp

from kohort.core.component import field, hyper
from kohort.layers.fields import activation as function
from kohort.layers.fields import constraint, initializer, positive_int, regularizer
from kohort.layers.input_spec import InputSpec
from kohort.layers.rnn.cell import DenseCell, DenseStep, Product, Step, masked_product, slope
from kohort.layers.rnn.lstm import check_cudnn
from kohort.layers.rnn.own_cell import OwnCellRNN


@dataclasses.dataclass(frozen=True)
class GRUStep(DenseStep):
    """The gates: update z, reset r; the candidate g."""

    recurrent_activation: Any

    def forward(self, x: Any, r: Any, states: Any) -> tuple[list[Any], Any]:
        """Compute h."""
        (x_z, x_r, x_g), (h_z, h_r, h_g) = jnp.split(x, 3, axis=-1), jnp.split(r, 3, axis=-1)
        z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
        g = self.activation(x_g + r * h_g)
        return [z * states[0] + (1 - z) * g], (z, r, g, h_g)

    def backward(self, saved: Any, states: Any, gradients: Any) -> tuple[Any, Any, list[Any]]:
        """The gradients for x, r and the state before."""
        (z, r, g, h_g), (dh,) = saved, gradients
        dg = dh * (1 - z) * slope(self.activation, g)
        dz = dh * (states[0] - g) * slope(self.recurrent_activation, z)
        dr = dg * h_g * slope(self.recurrent_activation, r)
        dx, dr = (jnp.concatenate([dz, dr, last], axis=-1) for last in (dg, dg * r))
        return dx, dr, [dh * z]


@dataclasses.dataclass(frozen=True)
class ResetBeforeStep(Step):
    """The gates of a GRU whose reset gate r comes before the product."""

    recurrent_activation: Any

    def __call__(self, w: Product, x: Any, states: Any) -> tuple[Any, list[Any]]:
        """Compute the output h, which is the state too."""
        h, units = states[0], states[0].shape[-1]
        x_z, x_r, x_g = jnp.split(x, 3, axis=-1)
        inner = masked_product(h, w.kernel[:, : 2 * units], w.masks and w.masks[:2])
        h_z, h_r = jnp.split(inner, 2, axis=-1)
        z, r = self.recurrent_activation(x_z + h_z), self.recurrent_activation(x_r + h_r)
        kept = h if w.masks is None else h * w.masks[2]
        new = (r * kept) @ w.kernel[:, 2 * units :]
        h = z * h + (1 - z) * self.activation(x_g + new)
        return h, [h]


class GRUCell(DenseCell):
    """One step of `GRU`.

    Args: those of `GRU` that concern one step.

    Call arguments: `inputs` of shape `(batch, features)`, `states` `[h]` of shape `(batch, units)`.

    >>> h, [state] = GRUCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> h.shape
    (2, 4)

    Source: `keras.layers.GRUCell`.
    """

    gates = 3

    units: int = positive_int()
    activation: Any = function("tanh")
    recurrent_activation: Any = function("sigmoid")
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
    reset_after: bool = True
    seed: int | None = None
    implementation: int = field(2, config=False)

    def _count_masks(self, recurrent: bool) -> int:
        return self.gates if recurrent or self.implementation == 1 else 1

    @property
    def step(self) -> Step:
        """One step as a pure function."""
        kind = GRUStep if self.reset_after else ResetBeforeStep
        return kind(self.activation, self.recurrent_activation)

    def _add_bias(self, width: int) -> Any:
        """With `reset_after` two rows: one for the inputs, one for the state."""
        return self.add_weight(name="bias", shape=(2, width) if self.reset_after else (width,))

    def _input_bias(self) -> Any:
        bias = super()._input_bias()
        return bias[0] if bias is not None and self.reset_after else bias

    def recurrent(self, masks: list[Any] | None = None) -> Product:
        """What `step` needs."""
        bias = self.bias.value[1] if self.bias is not None and self.reset_after else None
        return Product(self.recurrent_kernel.value, bias, masks)


class GRU(OwnCellRNN):
    """Gated recurrent unit: a recurrent layer with two gates.

        z, r = sigmoid(x[t] @ kernel_zr + h[t-1] @ recurrent_kernel_zr + bias_zr)
        g = tanh(x[t] @ kernel_g + r * (h[t-1] @ recurrent_kernel_g + recurrent_bias_g) + bias_g)
        h[t] = z * h[t-1] + (1 - z) * g

    Args:
        units: the size of h.
        activation: the function of g.
        recurrent_activation: the function of the gates z, r.
        dropout: the share of inputs to drop in training; the same at all steps of a sequence.
        recurrent_dropout: the share of h to drop in training.
        seed: an int makes the masks repeatable.
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.
        reset_after: whether r applies after the product, as above; else
            `(r * h[t-1]) @ recurrent_kernel_g`, with one bias.
        use_cudnn: accepted; XLA compiles the loop on all devices.

    Input shape: `(batch, steps, features)`. Output shape: `(batch, units)`, with
    `return_sequences` `(batch, steps, units)`; with `return_state` the output and h.
    Call arguments: see `RNN`.

    >>> GRU(4)(np.ones((2, 10, 3))).shape
    (2, 4)

    Source: Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical
    machine translation", 2014.
    """

    cell_class = GRUCell
    arguments = (
        "units activation recurrent_activation use_bias kernel_initializer recurrent_initializer "
        "bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer "
        "activity_regularizer kernel_constraint recurrent_constraint bias_constraint dropout "
        "recurrent_dropout seed return_sequences return_state go_backwards stateful unroll "
        "reset_after use_cudnn"
    )

    activity_regularizer: Any = regularizer()
    use_cudnn: Any = field("auto", check=check_cudnn, config=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.input_spec = InputSpec(ndim=3)
