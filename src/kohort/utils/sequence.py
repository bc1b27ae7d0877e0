"""Padding of sequences of unequal length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: float | str = 0.0,
) -> np.ndarray:
    """Bring sequences to one length by padding the short and cutting the long ones.

    Each sequence has shape `(length, ...)`; the result has shape `(len(sequences), maxlen, ...)`.
    `maxlen` defaults to the longest length. `padding` and `truncating` name the end that is
    filled or cut, `"pre"` or `"post"`; `value` fills. Use `dtype=object` for strings.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    >>> pad_sequences([[1], [2, 3]], padding="post", value=-1)
    array([[ 1, -1],
           [ 2,  3]], dtype=int32)
    """
    lengths = _lengths(sequences)
    first = next((s for s, length in zip(sequences, lengths, strict=True) if length), None)
    sample_shape = () if first is None else np.asarray(first).shape[1:]
    if maxlen is None:
        maxlen = max(lengths, default=0)
    _check_value(value, dtype)

    padded = np.full((len(lengths), maxlen, *sample_shape), value, dtype=dtype)
    for index, sequence in enumerate(sequences):
        if not lengths[index]:
            continue
        kept = np.asarray(_truncate(sequence, maxlen, truncating), dtype=dtype)
        if kept.shape[1:] != sample_shape:
            raise ValueError(
                f"Shape of sample {kept.shape[1:]} of sequence at position {index} is different "
                f"from expected shape {sample_shape}"
            )
        if padding == "post":
            padded[index, : len(kept)] = kept
        elif padding == "pre":
            padded[index, maxlen - len(kept) :] = kept
        else:
            raise ValueError(f'Padding type "{padding}" not understood')
    return padded


def _lengths(sequences: Sequence[Any]) -> list[int]:
    if not hasattr(sequences, "__len__"):
        raise ValueError("`sequences` must be iterable.")
    lengths = []
    for sequence in sequences:
        try:
            lengths.append(len(sequence))
        except TypeError as error:
            raise ValueError(
                f"`sequences` must be a list of iterables. Found non-iterable: {sequence!s}"
            ) from error
    return lengths


def _truncate(sequence: Any, maxlen: int, truncating: str) -> Any:
    if truncating == "pre":
        return sequence[max(len(sequence) - maxlen, 0) :]
    if truncating == "post":
        return sequence[:maxlen]
    raise ValueError(f'Truncating type "{truncating}" not understood')


def _check_value(value: float | str, dtype: Any) -> None:
    holds_text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and dtype is not object and not holds_text:
        raise ValueError(
            f"`dtype` {dtype} is not compatible with `value`'s type: {type(value)}\n"
            "You should set `dtype=object` for variable length strings."
        )
