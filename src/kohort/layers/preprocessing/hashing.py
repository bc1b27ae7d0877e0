"""Hashing and HashedCrossing: categories of unknown number in a fixed number of bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.core.component import field
from kohort.core.dtypes import standardize_dtype
from kohort.core.host import to_host
from kohort.core.symbolic import KerasTensor
from kohort.layers.preprocessing.encoding import (
    encode_on_host,
    encoded_shape,
    output_kind,
    refuse_sparse,
)
from kohort.layers.preprocessing.hashes import CROSS_KEY, fingerprint64, fingerprint_cat64, hasher
from kohort.layers.preprocessing.host import HostLayer

_INTEGERS = ("int32", "int64")


def check_salt(salt: Any, name: str = "Hashing") -> list[int] | None:
    """Two whole numbers, of one or two."""
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(
        f"The `salt` argument for `{name}` can only be a tuple of size 2 integers, or a single "
        f"integer. Received: salt={salt}."
    )


class _Hashed(HostLayer):
    """A layer whose output is a number of a bin, or its one-hot vector."""

    num_bins: int
    output_mode: str

    def __init__(self, *, dtype: Any = None, **kwargs: Any):
        self._given_dtype = dtype
        super().__init__(dtype=dtype, **kwargs)

    def __post_init__(self) -> None:
        if self._given_dtype is None and self.output_mode == "int":
            self.dtype_policy = "int64"
        if not isinstance(self.num_bins, int) or self.num_bins <= 0:
            raise ValueError(
                f"The `num_bins` for `{type(self).__name__}` cannot be `None` or non-positive "
                f"values. Received: num_bins={self.num_bins}."
            )

    @property
    def _output_dtype(self) -> str:
        """What arrays have: whole numbers of 32 bits."""
        name = self.compute_dtype
        return {"int64": "int32", "float64": "float32"}.get(name, name)

    def compute_output_spec(self, inputs: Any) -> Any:
        """The output as a symbolic tensor."""
        shape = (
            [tuple(x.shape) for x in inputs] if isinstance(inputs, (list, tuple)) else inputs.shape
        )
        return KerasTensor(self.compute_output_shape(shape), self._output_dtype)

    def _encoded(self, bins: np.ndarray) -> np.ndarray:
        if self.output_mode != "int":
            bins = encode_on_host(bins, self.output_mode, self.num_bins)
        return bins.astype(standardize_dtype(self._output_dtype))


class Hashing(_Hashed):
    """Strings or whole numbers in bins: their fingerprint (or SipHash) modulo `num_bins`.

    Args:
        num_bins: how many bins; with a mask value, bin 0 is its own.
        mask_value: the value that goes into bin 0.
        salt: one or two whole numbers, the key of SipHash; None: FarmHash without a key.
        output_mode: int, one_hot, multi_hot or count.
        sparse: must be False.

    >>> print(Hashing(3)(np.array([["A"], ["B"], ["C"], ["D"], ["E"]])).ravel())
    [1 0 1 1 2]

    Source: `keras.layers.Hashing`; the bins are those of TensorFlow.
    """

    num_bins: int
    mask_value: Any = None
    salt: Any = field(None, convert=check_salt)
    output_mode: str = output_kind()
    sparse: bool = refuse_sparse()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.output_mode == "int" and self.dtype_policy.name not in _INTEGERS:
            raise ValueError(
                "When `output_mode=\"int\"`, `dtype` should be an integer type, 'int32' or "
                f"'int64'. Received: dtype={self.dtype_policy.name}"
            )

    def on_host(self, inputs: Any) -> np.ndarray:
        """The bins, encoded."""
        values = to_host(inputs)
        if self.output_mode == "one_hot" and values.ndim > 1 and values.shape[-1] == 1:
            values = values[..., 0]
        masked = self.mask_value is not None and self.num_bins > 1
        bins, hashed = self.num_bins - masked, hasher(self.salt)
        whole = values if values.dtype == object else values.astype(np.int64)
        found = np.fromiter((hashed(str(v)) % bins for v in whole.ravel()), np.int64, values.size)
        found = found.reshape(values.shape)
        if masked:
            found = np.where(values == self.mask_value, 0, found + 1)
        return self._encoded(found)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the encoded bins."""
        shape = tuple(input_shape)
        if self.output_mode == "int":
            return shape
        if self.output_mode == "one_hot":
            return encoded_shape(shape, "one_hot", self.num_bins)
        return (*shape[:-1], self.num_bins)


class HashedCrossing(_Hashed):
    """Combinations of two or more features in bins.

    Args:
        num_bins: how many bins.
        output_mode: int or one_hot.
        sparse: must be False.

    Shapes: several inputs (batch,) or (batch, 1), strings or whole numbers.

    >>> print(HashedCrossing(5)((np.array(["A", "B"]), np.array([101, 101]))))
    [1 4]

    Source: `keras.layers.HashedCrossing`; the bins are those of TensorFlow.
    """

    num_bins: int
    output_mode: str = output_kind("int", ("int", "one_hot"))
    sparse: bool = refuse_sparse()

    def on_host(self, inputs: Any) -> np.ndarray:
        """The bins, encoded."""
        columns = self._columns(inputs)
        crossed = np.empty(columns[0].size, np.int64)
        for row, values in enumerate(zip(*(c.ravel().tolist() for c in columns), strict=True)):
            joined = CROSS_KEY
            for value in values:
                text = isinstance(value, str)
                number = fingerprint64(value.encode("utf-8")) if text else value
                joined = fingerprint_cat64(joined, number)
            crossed[row] = joined % self.num_bins
        return self._encoded(crossed.reshape(columns[0].shape))

    def _columns(self, inputs: Any) -> list[np.ndarray]:
        name = "HashedCrossing"
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(
                f"`{name}` should be called on a list or tuple of inputs. Received: inputs={inputs}"
            )
        if len(inputs) < 2:
            raise ValueError(
                f"`{name}` should be called on at least two inputs. Received: inputs={inputs}"
            )
        columns = [to_host(x) for x in inputs]
        shape = columns[0].shape
        if len(shape) > 2 or (len(shape) == 2 and shape[-1] != 1):
            raise ValueError(
                f"All `{name}` inputs should have shape `()`, `(batch_size)` or `(batch_size, 1)`. "
                f"Received: inputs={inputs}"
            )
        if any(c.shape != shape for c in columns):
            raise ValueError(
                f"All `{name}` inputs should have equal shape. Received: inputs={inputs}"
            )
        if any(c.dtype.kind not in "Oiu" for c in columns):
            raise ValueError(
                f"All `{name}` inputs should have an integer or string dtype. "
                f"Received: inputs={inputs}"
            )
        return columns

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the encoded bins, of that of the first input."""
        if len(input_shape) < 2 or not all(isinstance(s, (tuple, list)) for s in input_shape):
            raise ValueError(
                f"Expected as input a list/tuple of 2 tensors. Received: input_shape={input_shape}"
            )
        if any(tuple(s) != tuple(input_shape[0]) for s in input_shape):
            raise ValueError(
                "Expected the two input tensors to have identical shapes. "
                f"Received: input_shape={input_shape}"
            )
        return encoded_shape(input_shape[0], self.output_mode, self.num_bins)

    def get_config(self) -> dict[str, Any]:
        """What Keras's constructor takes: no `trainable`."""
        config = super().get_config()
        del config["trainable"]
        return {**config, "dtype": self.dtype}
