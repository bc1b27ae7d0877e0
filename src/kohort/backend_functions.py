"""The functions of Keras 2's `backend` that old scripts call (`K.mean`, `K.ctc_decode` …)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from kohort import ops, random
from kohort.core.variable import Variable

# Old names of operations that take the same arguments today.
_SAME = (
    "abs all any arange argmax argmin cast clip cos cumprod cumsum dot elu equal exp eye greater "
    "greater_equal hard_sigmoid less less_equal log max maximum mean min minimum not_equal "
    "one_hot ones ones_like prod relu repeat reshape round shape sigmoid sign sin softmax "
    "softplus softsign sqrt square squeeze stack std stop_gradient sum tanh tile transpose var "
    "zeros zeros_like"
).split()
_EPSILON = 1e-7
_RENAMED = {"gather": "take", "permute_dimensions": "transpose", "pow": "power"}


def find(name: str) -> Any:
    """The function of this name; None where there is none."""
    if name in _SAME or name in _RENAMED:
        return getattr(ops, _RENAMED.get(name, name))
    found = globals().get(name)
    return found if getattr(found, "__module__", None) == __name__ and name[0] != "_" else None


def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """The dot product of each pair of rows, over `axes` (of x and y)."""
    from kohort.layers import Dot

    axes = (len(x.shape) - 1, max(len(y.shape) - 2, 1)) if axes is None else axes
    return Dot(axes)([x, y])


def batch_flatten(x: Any) -> Any:
    """Each row as a vector."""
    return ops.reshape(x, (ops.shape(x)[0], -1))


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """Join along an axis, by default the last."""
    return ops.concatenate(tensors, axis)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """An array filled with a value, or of the values."""
    array = ops.convert_to_tensor(value, dtype)
    return array if shape is None else ops.broadcast_to(array, shape)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """Add an axis of size 1, by default the last."""
    return ops.expand_dims(x, axis)


def flatten(x: Any) -> Any:
    """All values in one axis."""
    return ops.reshape(x, (-1,))


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The shape, None where it is not known."""
    return tuple(x.shape)


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(x.shape)


def l2_normalize(x: Any, axis: Any = None) -> Any:
    """Divide by the Euclidean norm."""
    return ops.normalize(x, axis) if axis is not None else x / ops.sqrt(ops.sum(x * x))


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Normal numbers."""
    return random.normal(shape, mean, stddev, dtype, seed)


def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Uniform numbers."""
    return random.uniform(shape, minval, maxval, dtype, seed)


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Any:
    """A variable with this value."""
    return Variable(value, dtype=dtype, name=name)


def get_value(x: Any) -> np.ndarray:
    """The value as a NumPy array."""
    return np.asarray(ops.convert_to_tensor(x))


eval = get_value


def set_value(x: Variable, value: Any) -> None:
    """Give a variable a value."""
    x.assign(value)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One of two values, by a condition."""
    return ops.where(condition, then_expression, else_expression)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """The cross-entropy of each value."""
    return ops.binary_crossentropy(target, output, from_logits)


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The cross-entropy of each row of probabilities."""
    return ops.categorical_crossentropy(target, output, from_logits, axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """The cross-entropy of each row, whose class is a number."""
    return ops.sparse_categorical_crossentropy(target, output, from_logits, axis)


def placeholder(
    shape: Any = None, ndim: int | None = None, dtype: Any = None, name: str | None = None,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """A symbolic input."""
    from kohort.layers import Input

    full = tuple(shape) if shape is not None else (None,) * (ndim or 0)
    return Input(batch_shape=full, dtype=dtype, name=name)


def function(inputs: Any, outputs: Any, updates: Any = None, name: str | None = None) -> Callable:
    """A function from lists of arrays to lists of arrays, between symbolic tensors."""
    from kohort.models.function import Function

    computation = Function(list(inputs), outputs, name=name)

    def run(arrays: Sequence[Any]) -> Any:
        found = computation(list(arrays))
        return jax.tree.map(np.asarray, found)

    return run


def gradients(loss: Any, variables: Any) -> Any:
    """Not possible where nothing is kept of how a value came about."""
    raise NotImplementedError(
        "`backend.gradients` needs a graph of the past, as TensorFlow 1 kept it. "
        f"Received: loss={loss!r}.\n"
        "  1. Write the loss as a function and use jax.grad(function)(array)."
    )


def learning_phase() -> int:
    """0: layers are told `training` when they are called."""
    return 0


def set_learning_phase(value: Any) -> None:
    """Accepted for old scripts: layers are told `training` when they are called."""


def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """The CTC loss of each row, `(batch, 1)`; the blank is the last class.

    Args:
        y_true: `(batch, labels)`; y_pred: probabilities `(batch, steps, classes)`.
        input_length, label_length: `(batch, 1)`, how much of each row counts.
    """
    logits = ops.log(ops.convert_to_tensor(y_pred) + _EPSILON)
    lengths = [ops.reshape(ops.cast(n, "int32"), (-1,)) for n in (label_length, input_length)]
    cost = ops.ctc_loss(y_true, logits, *lengths, mask_index=logits.shape[-1] - 1)
    return ops.expand_dims(cost, 1)


def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Any], Any]:
    """The most probable labels: a list of `(batch, steps)`, -1 behind the ends, and scores."""
    logits = ops.log(ops.convert_to_tensor(y_pred) + _EPSILON)
    blank = logits.shape[-1] - 1
    options = {} if greedy else {"beam_width": beam_width, "top_paths": top_paths}
    decoded, scores = ops.ctc_decode(
        logits, ops.cast(input_length, "int32"), "greedy" if greedy else "beam_search",
        mask_index=blank, **options,
    )  # fmt: skip
    return list(decoded), scores
