"""EinsumDense: a dense layer over any axes, written as an einsum."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import jax.numpy as jnp

from kohort.core.component import field
from kohort.initializers import VarianceScaling
from kohort.layers.fields import activation, constraint, initializer, regularizer
from kohort.layers.input_spec import InputSpec
from kohort.layers.layer import Layer

_EQUATION = re.compile(r"(0?)([a-zA-Z]+)(0?),([a-zA-Z]+)->(0?)([a-zA-Z]+)(0?)")  # 0 for "..."


def _sizes(value: Any) -> tuple[int | None, ...]:
    return (value,) if isinstance(value, int) else tuple(value)


class EinsumDense(Layer):
    """A dense layer over the axes that an einsum names.

        output = activation(einsum(equation, input, kernel) + bias)

    Args:
        equation: `inputs,kernel->outputs`, such as `abc,cd->abd`; `...` may stand for further
            axes on the left or on the right of both inputs and outputs.
        output_shape: the sizes of the output's axes, without the batch and what `...` stands
            for. None where the input tells.
        activation: a function or its name; None is linear.
        bias_axes: the axes of the output that the bias has, such as `d`; None for no bias.

    Input shape: `(batch, …)`. Output shape: `(batch, *output_shape)`.

    >>> EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")(np.ones((2, 5, 3))).shape
    (2, 5, 64)
    >>> EinsumDense("...x,xy->...y", output_shape=4).compute_output_shape((None, 7, 8, 3))
    (None, 7, 8, 4)

    Source: `keras.layers.EinsumDense`.
    """

    equation: str
    output_shape: Any = field(convert=_sizes)
    activation: Any = activation()
    bias_axes: str | None = None
    kernel_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    bias_constraint: Any = constraint()
    activity_regularizer: Any = regularizer()

    @property
    def partial_output_shape(self) -> tuple[int | None, ...]:
        """The sizes that were given for the output."""
        return self.output_shape

    def build(self, input_shape: Any) -> None:
        """Create kernel and bias."""
        plan = plan_einsum(self.equation, self.bias_axes, input_shape, self.output_shape)
        self.input_spec = InputSpec(ndim=len(input_shape))
        self.kernel = self.add_weight(
            name="kernel", shape=plan.kernel_shape, initializer=self._initializer(plan)
        )
        self.bias = None
        if plan.bias_shape is not None:
            self.bias = self.add_weight(name="bias", shape=plan.bias_shape)

    def _initializer(self, plan: EinsumPlan) -> Any:
        """The kernel's initialiser, which learns which axes are inputs and which outputs."""
        given = self.kernel_initializer
        if not isinstance(given, VarianceScaling) or None not in (
            given.input_axes,
            given.output_axes,
        ):
            return given
        axes = {"input_axes": plan.input_axes, "output_axes": plan.output_axes}
        return type(given).from_config({**given.get_config(), "seed": given.seed, **axes})

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The batch, `output_shape` and what `...` stands for."""
        return plan_einsum(self.equation, None, input_shape, self.output_shape).output_shape

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute `activation(einsum(equation, inputs, kernel) + bias)`."""
        x = jnp.einsum(self.equation, inputs, self.kernel.value)
        if self.bias is not None:
            x = x + self.bias.value
        return self.activation(x)


@dataclasses.dataclass(frozen=True)
class EinsumPlan:
    """The shapes that an equation asks for; the kernel's axes that are inputs and outputs."""

    kernel_shape: tuple[int | None, ...]
    bias_shape: tuple[int | None, ...] | None
    output_shape: tuple[int | None, ...]
    input_axes: list[int]
    output_axes: list[int]


def plan_einsum(
    equation: str, bias_axes: str | None, input_shape: Any, output_shape: Any
) -> EinsumPlan:
    """Find the shapes of kernel, bias and output.

    >>> plan = plan_einsum("abc,cde->abde", "de", (None, 8, 3), (None, 4, 5))
    >>> plan.kernel_shape, plan.bias_shape, plan.output_shape
    ((3, 4, 5), (4, 5), (None, 8, 4, 5))
    """
    left, inputs, kernel, outputs = _split(equation)
    more = max(len(input_shape) - len(inputs), 0)  # axes that `...` stands for
    first = more if left else 0
    in_sizes = dict(zip(inputs, input_shape[first:], strict=False))
    middle = tuple(input_shape[1:first])
    after = () if left or not more else tuple(input_shape[-more:])
    full = (input_shape[0], *middle, *_sizes(output_shape), *after)
    out_sizes = dict(zip(outputs, full[first:], strict=False))
    _check(inputs, kernel, outputs, in_sizes, out_sizes)
    out_sizes = {a: in_sizes.get(a) if n is None else n for a, n in out_sizes.items()}
    known = (*full[:first], *(out_sizes[a] for a in outputs if a in out_sizes), *after)
    return EinsumPlan(
        tuple(out_sizes[a] if a in outputs else in_sizes[a] for a in kernel),
        _bias_shape(bias_axes, outputs, out_sizes, 0 if left else more),
        known,
        [i for i, a in enumerate(kernel) if a not in outputs],
        [i for i, a in enumerate(kernel) if a in outputs],
    )


def _split(equation: str) -> tuple[bool, str, str, str]:
    """Whether `...` stands on the left; the axes of inputs, kernel and outputs."""
    match = _EQUATION.fullmatch(equation.replace("...", "0"))
    if match is not None:
        left, inputs, right, kernel, out_left, outputs, out_right = match.groups()
        paired = left == out_left and right == out_right and not (left and right)
        if paired and not (right and len(inputs) < 2):
            return bool(left), inputs, kernel, outputs
    raise ValueError(
        f"Invalid einsum equation '{equation}'. Equations must be in the form "
        "[X],[Y]->[Z], ...[X],[Y]->...[Z], or [X]...,[Y]->[Z]...."
    )


def _check(
    inputs: str, kernel: str, outputs: str, in_sizes: dict[str, Any], out_sizes: dict[str, Any]
) -> None:
    """Refuse sizes that contradict each other, and axes that come from nowhere."""
    for axis in in_sizes.keys() & out_sizes.keys():
        if out_sizes[axis] not in (None, in_sizes[axis]):
            raise ValueError(
                f"Input shape and output shape do not match at shared dimension '{axis}'. "
                f"Input shape is {in_sizes[axis]}, and output shape is {out_sizes[axis]}."
            )
    for axis in outputs:
        if axis not in inputs and axis not in kernel:
            raise ValueError(
                f"Dimension '{axis}' was specified in the output '{outputs}' but has no "
                f"corresponding dim in the input spec '{inputs}' or weight spec '{kernel}'"
            )
    for axis in kernel:
        if axis not in inputs and axis not in outputs:
            raise ValueError(
                f"Weight dimension '{axis}' did not have a match in either the input spec "
                f"'{inputs}' or the output spec '{outputs}'. For this layer, the weight must be "
                "fully specified."
            )


def _bias_shape(
    bias_axes: str | None, outputs: str, sizes: dict[str, Any], after: int
) -> tuple[int | None, ...] | None:
    """Sizes from the first axis of the bias on; 1 where the bias is the same for all."""
    if bias_axes is None:
        return None
    for axis in bias_axes:
        if axis not in outputs:
            raise ValueError(
                f"Bias dimension '{axis}' was requested, but is not part of the output spec "
                f"'{outputs}'"
            )
    first = min(outputs.index(axis) for axis in bias_axes)
    return (*(sizes[a] if a in bias_axes else 1 for a in outputs[first:]), *(1,) * after)
