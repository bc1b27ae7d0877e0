"""ConvLSTM: an LSTM over images, whose products are convolutions."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import jax.numpy as jnp

from kohort.core.component import field, hyper
from kohort.core.settings import standardize_data_format
from kohort.layers.arguments import standardize_tuple
from kohort.layers.conv_base import check_positive, lower, window_counts, window_reach
from kohort.layers.fields import activation as function
from kohort.layers.fields import constraint, initializer, regularizer
from kohort.layers.input_spec import InputSpec
from kohort.layers.rnn.cell import Cell, Product, Step
from kohort.layers.rnn.lstm import unit_forget_bias
from kohort.layers.rnn.own_cell import OwnCellRNN
from kohort.ops.nn_conv import channels_axis, conv


def _masked_conv(x: Any, kernel: Any, masks: Any, data_format: str, **how: Any) -> Any:
    """The convolution, where each gate of the kernel may have its own mask for x."""
    how["data_format"] = data_format
    if masks is None:
        return conv(x, kernel, **how)
    parts = jnp.split(kernel, len(masks), axis=-1)
    made = [conv(x * m, k, **how) for m, k in zip(masks, parts, strict=True)]
    return jnp.concatenate(made, axis=channels_axis(data_format))


@dataclasses.dataclass(frozen=True)
class ConvLSTMStep(Step):
    """The gates of an LSTM; the state is convolved."""

    recurrent_activation: Any
    data_format: str

    def __call__(self, w: Product, x: Any, states: Any) -> tuple[Any, list[Any]]:
        """Compute the output h and the states h, c."""
        h, c = states
        x = x + _masked_conv(h, w.kernel, w.masks, self.data_format, padding="same")
        i, f, g, o = jnp.split(x, 4, axis=channels_axis(self.data_format))
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]


class ConvLSTMCell(Cell):
    """One step of a ConvLSTM over `rank` axes."""

    gates = 4
    _draws_seed_first = True

    rank: int
    filters: int = field(check=check_positive)
    kernel_size: Any = field()
    strides: Any = 1
    padding: str = field("valid", convert=lower)
    data_format: str = field(None, convert=standardize_data_format)
    dilation_rate: Any = 1
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

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel_size", "strides", "dilation_rate"):
            setattr(self, name, standardize_tuple(getattr(self, name), self.rank, name))
        if self.padding not in ("valid", "same"):
            raise ValueError(
                "The `padding` argument must be one of {'valid', 'same'}. "
                f"Received: {self.padding}"
            )
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "Specifying `strides > 1` is not compatible with `dilation_rate > 1`. Received: "
                f"strides={self.strides} and dilation_rate={self.dilation_rate}"
            )

    def _count_masks(self, recurrent: bool) -> int:
        return self.gates

    @property
    def state_size(self) -> list[int]:
        """The channels of h and c."""
        return [self.filters, self.filters]

    @property
    def step(self) -> ConvLSTMStep:
        """One step as a pure function."""
        return ConvLSTMStep(self.activation, self.recurrent_activation, self.data_format)

    def build(self, input_shape: Any, states_shape: Any = None) -> None:
        """Create the kernels and the bias."""
        channels, spatial = self._channels(input_shape), self._spatial(input_shape)
        if None in spatial or channels is None:
            raise ValueError(
                "ConvLSTM layers need static sizes of the channels and of all axes but batch and "
                f"steps. Received: input_shape={input_shape}"
            )
        self._step_shape = tuple(input_shape[1:])
        width = self.gates * self.filters
        shape = (*self.kernel_size, channels, width)
        self.kernel = self.add_weight(name="kernel", shape=shape)
        self._add_recurrent_kernel(*self.kernel_size, self.filters, width)
        self.bias = None
        if self.use_bias:
            start = self.bias_initializer
            if self.unit_forget_bias:
                start = unit_forget_bias(start, self.filters)
            self.bias = self.add_weight(name="bias", shape=(width,), initializer=start)

    def _channels(self, shape: Any) -> int | None:
        return shape[channels_axis(self.data_format)]

    def _spatial(self, shape: Any) -> Any:
        return shape[1:-1] if self.data_format == "channels_last" else shape[2:]

    def compute_output_shape(self, input_shape: Any, states_shape: Any = None) -> Any:
        """The shape of the output, and of h and c."""
        reach = window_reach(self.kernel_size, self.dilation_rate)
        sizes = window_counts(self._spatial(input_shape), reach, self.strides, self.padding)
        last = self.data_format == "channels_last"
        shape = (*sizes, self.filters) if last else (self.filters, *sizes)
        shape = (input_shape[0], *shape)
        return shape, [shape, shape]

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """States of zeros for a batch."""
        shape, _ = self.compute_output_shape((batch_size, *self._step_shape))
        return [jnp.zeros(shape, self.compute_dtype) for _ in range(2)]

    def project(self, inputs: Any, masks: list[Any] | None = None) -> Any:
        """Convolve the inputs of one step, or of all steps as one batch."""
        outer = inputs.shape[: -self.rank - 1]
        if masks is not None and len(outer) == 2:
            masks = [jnp.broadcast_to(m, inputs.shape).reshape(-1, *m.shape[1:]) for m in masks]
        x = _masked_conv(
            inputs.reshape(-1, *inputs.shape[len(outer) :]), self.kernel.value, masks,
            self.data_format, strides=self.strides, padding=self.padding,
            dilation_rate=self.dilation_rate,
        )  # fmt: skip
        if self.bias is not None:
            shape = [1] * x.ndim
            shape[channels_axis(self.data_format)] = -1
            x = x + self.bias.value.reshape(shape)
        return x.reshape(*outer, *x.shape[1:])


class _ConvLSTM(OwnCellRNN):
    arguments = (
        "filters kernel_size strides padding data_format dilation_rate activation "
        "recurrent_activation use_bias kernel_initializer recurrent_initializer bias_initializer "
        "unit_forget_bias kernel_regularizer recurrent_regularizer bias_regularizer "
        "activity_regularizer kernel_constraint recurrent_constraint bias_constraint dropout "
        "recurrent_dropout seed return_sequences return_state go_backwards stateful"
    )
    _rank: ClassVar[int]

    activity_regularizer: Any = regularizer()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.cell_class, cls.cell_settings = ConvLSTMCell, {"rank": cls._rank}
        super().__init_subclass__(**kwargs)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.input_spec = InputSpec(ndim=self._rank + 3)

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """The shape of the output, and of h and c with `return_state`."""
        batch, steps = sequences_shape[:2]
        state, states = self.cell.compute_output_shape((batch, *sequences_shape[2:]))
        shape = (batch, steps, *state[1:]) if self.return_sequences else state
        return (shape, *states) if self.return_state else shape


class ConvLSTM1D(_ConvLSTM):
    """An LSTM along a sequence of rows: the products of `LSTM` are convolutions over one axis.

    Args: those of `LSTM`, with `filters` for its `units`, and `kernel_size`, `strides`,
    `padding`, `data_format`, `dilation_rate` as `Conv1D` has them.

    Input shape: `(batch, steps, rows, channels)`. Output shape: `(batch, new_rows, filters)`,
    with `return_sequences` `(batch, steps, new_rows, filters)`.

    >>> ConvLSTM1D(4, 3, padding="same")(np.ones((2, 5, 8, 1))).shape
    (2, 8, 4)

    Source: Shi et al., "Convolutional LSTM network", 2015 (arXiv:1506.04214).
    """

    _rank = 1


class ConvLSTM2D(_ConvLSTM):
    """An LSTM along a sequence of images: the products of `LSTM` are convolutions.

    Args: those of `LSTM`, with `filters` for its `units`, and `kernel_size`, `strides`,
    `padding`, `data_format`, `dilation_rate` as `Conv2D` has them.

    Input shape: `(batch, steps, rows, cols, channels)`. Output shape:
    `(batch, new_rows, new_cols, filters)`, with `return_sequences` after the steps.

    >>> ConvLSTM2D(2, 3)(np.ones((1, 4, 6, 6, 1))).shape
    (1, 4, 4, 2)

    Source: Shi et al., "Convolutional LSTM network", 2015 (arXiv:1506.04214).
    """

    _rank = 2


class ConvLSTM3D(_ConvLSTM):
    """An LSTM along a sequence of volumes: the products of `LSTM` are convolutions.

    Args: those of `LSTM`, with `filters` for its `units`, and `kernel_size`, `strides`,
    `padding`, `data_format`, `dilation_rate` as `Conv3D` has them.

    Input shape: `(batch, steps, x, y, z, channels)`. Output shape:
    `(batch, new_x, new_y, new_z, filters)`, with `return_sequences` after the steps.

    >>> ConvLSTM3D(2, 2)(np.ones((1, 2, 3, 3, 3, 1))).shape
    (1, 2, 2, 2, 2)

    Source: Shi et al., "Convolutional LSTM network", 2015 (arXiv:1506.04214).
    """

    _rank = 3
