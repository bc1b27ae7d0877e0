"""Class numbers as vectors: CategoryEncoding, and what the other table layers share of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import ops
from kohort.core.component import field
from kohort.core.symbolic import KerasTensor
from kohort.core.variable import convert_to_tensor
from kohort.layers.layer import Layer

OUTPUT_MODES = ("int", "one_hot", "multi_hot", "count")


def output_kind(default: str = "int", allowed: tuple[str, ...] = OUTPUT_MODES) -> Any:
    """A field for the kind of output; "binary" and "tf-idf" are Keras 2's names."""

    def convert(value: Any) -> str:
        value = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(value, value)
        if value not in allowed:
            raise ValueError(
                f"Invalid value for argument `output_mode`. Expected one of {allowed}. "
                f"Unknown arg for output_mode: {value}. Received: output_mode={value}"
            )
        return value

    return field(default, convert=convert)


def refuse_sparse() -> Any:
    """A field `sparse` that must stay False."""

    def check(name: str, value: Any) -> None:
        if value:
            raise ValueError(
                f"`sparse=True` can only be used with the TensorFlow backend. Received: {value}"
            )

    return field(False, check=check)


def encode(indices: Any, mode: str, depth: int, dtype: str, count_weights: Any = None) -> Any:
    """Class numbers (batch, n) or (batch,) as one-hot or multi-hot vectors, or counts."""
    if mode == "int":
        return indices.astype(dtype)
    indices = indices[None] if indices.ndim == 0 else indices
    if mode == "multi_hot":
        return ops.multi_hot(indices, depth, dtype=dtype)
    if mode == "one_hot":
        return ops.one_hot(_squeezed(indices), depth, dtype=dtype)
    hot = ops.one_hot(indices, depth, dtype=dtype)
    if count_weights is not None:
        hot = hot * count_weights[..., None]
    return hot.sum(1 if indices.ndim > 1 else 0)


def _squeezed(indices: Any) -> Any:
    return indices[..., 0] if indices.ndim > 1 and indices.shape[-1] == 1 else indices


def encode_on_host(indices: np.ndarray, mode: str, depth: int) -> np.ndarray:
    """The same in NumPy, float32; class numbers out of range count nowhere."""
    indices = np.atleast_1d(indices)
    if mode == "one_hot":
        indices = _squeezed(indices)[..., None]
    shape = indices.shape[:-1]
    rows = np.repeat(np.arange(int(np.prod(shape))), indices.shape[-1])
    return scatter(rows, indices.ravel(), shape, mode, depth)


def scatter(
    rows: np.ndarray, indices: np.ndarray, shape: tuple[int, ...], mode: str, depth: int
) -> np.ndarray:
    """Count (or mark) the class numbers of each row. Shape (*shape, depth)."""
    known = (indices >= 0) & (indices < depth)
    out = np.zeros((int(np.prod(shape)), depth), np.float32)
    if mode == "count":
        np.add.at(out, (rows[known], indices[known]), 1)
    else:
        out[rows[known], indices[known]] = 1
    return out.reshape(*shape, depth)


def encoded_shape(shape: Any, mode: str, depth: int | None) -> tuple[Any, ...]:
    """The shape of encoded class numbers of this shape."""
    shape = tuple(shape)
    if mode == "int":
        return shape
    if mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
        return (*shape, depth)
    return (*shape[:-1], depth)


class CategoryEncoding(Layer):
    """Class numbers 0 to `num_tokens` - 1 as vectors.

    Args:
        num_tokens: how many classes there are.
        output_mode: one_hot; multi_hot: 1 for each class that a row has; or count.
        sparse: must be False.

    Shapes: (batch, n) -> (batch, num_tokens); one_hot: (batch, n, num_tokens).

    >>> print(CategoryEncoding(3)(np.array([[0, 2], [1, 1]])))
    [[1. 0. 1.]
     [0. 1. 0.]]

    Source: `keras.layers.CategoryEncoding`.
    """

    num_tokens: int | None = None
    output_mode: str = output_kind("multi_hot", ("count", "one_hot", "multi_hot"))
    sparse: bool = refuse_sparse()
    _needs_no_build = True

    def __post_init__(self) -> None:
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        if self.num_tokens is None:
            raise ValueError(
                "num_tokens must be set to use this layer. If the number of tokens is not known "
                "beforehand, use the IntegerLookup layer instead."
            )
        if self.num_tokens < 1:
            raise ValueError(f"`num_tokens` must be >= 1. Received: num_tokens={self.num_tokens}.")

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        """Encode; `count_weights` say how much each entry counts in mode "count"."""
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(
                    "`count_weights` is not used when `output_mode` is not `'count'`. "
                    f"Received: count_weights={count_weights}"
                )
            count_weights = convert_to_tensor(count_weights, self.compute_dtype)
        indices = convert_to_tensor(inputs).astype("int32")
        assert self.num_tokens is not None
        return encode(indices, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the vectors."""
        if len(input_shape) == 0:
            return (self.num_tokens,)
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> Any:
        """The vectors as a symbolic tensor."""
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The configuration, without `sparse`, as in Keras."""
        config = super().get_config()
        del config["sparse"]
        return config
