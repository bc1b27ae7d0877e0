"""Splitting a data set in two."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kohort.data.pipeline import Dataset
from kohort.utils.pydataset import PyDataset


def split_dataset(
    dataset: Any,
    left_size: int | float | None = None,
    right_size: int | float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Split a data set into a left and a right part, for example training and test.

    `dataset` is an array, a list or tuple of arrays of one length, or an iterable of samples
    (a PyTorch data set, a generator, ...). A size is a fraction in `(0, 1)` or a number of
    samples; the one that is None is the complement. Both parts are `kohort.data.Dataset`s, in
    memory: of samples, or of batches if `dataset` gives batches (`PyDataset`, a batched
    `Dataset`). `preferred_backend` is accepted for Keras scripts and not used.

    >>> left, right = split_dataset(np.arange(10), left_size=0.8)
    >>> len(left), [int(x) for x in right]
    (8, [8, 9])
    """
    del preferred_backend
    arrays, batch_size = _load(dataset)
    if right_size is None and left_size is None:
        raise ValueError(
            "At least one of the `left_size` or `right_size` must be specified. "
            "Received: left_size=None and right_size=None"
        )
    total = len(_first_leaf(arrays))
    order = list(range(total))
    if shuffle:
        random.Random(seed).shuffle(order)
    left, right = _sizes(left_size, right_size, total)
    parts = [
        Dataset.from_tensor_slices(_map(lambda array: array[rows], arrays))  # noqa: B023
        for rows in (order[:left], order[-right:])
    ]
    if batch_size is not None:
        parts = [part.batch(batch_size) for part in parts]
    return parts[0], parts[1]


def _load(dataset: Any) -> tuple[Any, int | None]:
    """All samples as one structure of arrays, and the batch size if they came in batches."""
    if isinstance(dataset, np.ndarray):
        if not len(dataset):
            raise ValueError(_empty())
        return dataset, None
    if isinstance(dataset, (list, tuple)):
        _check_arrays(dataset)
        return tuple(dataset), None
    if not (hasattr(dataset, "__iter__") or hasattr(dataset, "__getitem__")):
        raise TypeError(
            "The `dataset` argument must be an iterable of samples, an array or a list/tuple of "
            f"arrays. Received: dataset={dataset} of type {type(dataset)}"
        )
    if isinstance(dataset, PyDataset) or getattr(dataset, "batch_size", None):
        return _concatenate(list(dataset))
    if getattr(dataset, "_batch_size", None) and hasattr(dataset, "unbatch"):
        arrays, _ = _stack(list(dataset.unbatch()))
        return arrays, int(dataset._batch_size)
    return _stack(list(_each(dataset)))


def _each(dataset: Any) -> Iterator[Any]:
    """Iterate; map-style data sets (PyTorch's) end by their length, not by an IndexError."""
    if hasattr(dataset, "__iter__"):
        return iter(dataset)
    return (dataset[index] for index in range(len(dataset)))


def _stack(samples: list[Any]) -> tuple[Any, None]:
    if not samples:
        raise ValueError(_empty())
    samples = [_map(np.asarray, sample) for sample in samples]
    expected = _first_leaf(samples[0]).shape
    for index, sample in enumerate(samples):
        if isinstance(sample, np.ndarray) and sample.shape != expected:
            raise ValueError(
                f"All `dataset` samples must have same shape, Expected shape: {expected} "
                f"Received shape: {sample.shape} at index {index}."
            )
    return _map(lambda *leaves: np.stack(leaves), *samples), None


def _concatenate(batches: list[Any]) -> tuple[Any, int]:
    if not batches:
        raise ValueError(_empty())
    batches = [_map(np.asarray, batch) for batch in batches]
    arrays = _map(lambda *leaves: np.concatenate(leaves), *batches)
    return arrays, len(_first_leaf(batches[0]))


def _check_arrays(arrays: Sequence[Any]) -> None:
    kind = type(arrays).__name__
    if not arrays:
        raise ValueError(
            f"Received an empty list dataset. Please provide a non-empty {kind} of arrays."
        )
    for index, array in enumerate(arrays):
        if not isinstance(array, np.ndarray):
            raise ValueError(
                f"Expected a {kind} of `numpy.ndarray` objects, "
                f"Received: {type(array)} at index {index}."
            )
        if len(array) != len(arrays[0]):
            raise ValueError(
                f"Received a {kind} of NumPy arrays with different lengths. "
                f"Mismatch found at index {index}, Expected shape={arrays[0].shape} "
                f"Received shape={array.shape}. "
                f"Please provide a {kind} of NumPy arrays of the same length."
            )
    if not len(arrays[0]):
        raise ValueError(_empty())


def _empty() -> str:
    return (
        "Received an empty dataset. Argument `dataset` must be a non-empty list/tuple of "
        "`numpy.ndarray` objects or a non-empty iterable of samples."
    )


def _sizes(left: Any, right: Any, total: int) -> tuple[int, int]:
    """The two sizes as numbers of samples, checked."""
    _check_size_types(left, right)
    if left == 0 and right == 0:
        raise ValueError(
            "Both `left_size` and `right_size` are zero. "
            "At least one of the split sizes must be non-zero."
        )
    _check_size("left_size", left, total, "smaller")
    _check_size("right_size", right, total, "and smaller")
    if isinstance(left, float) and isinstance(right, float) and left + right > 1:
        raise ValueError(
            "The sum of `left_size` and `right_size` is greater than 1. "
            "It must be less than or equal to 1."
        )
    left, right = (round(n * total) if isinstance(n, float) else n for n in (left, right))
    left = total - right if left is None else left
    right = total - left if right is None else right
    if left + right > total:
        raise ValueError(
            f"The sum of `left_size` and `right_size` should be smaller than the {total}. "
            f"Received: left_size + right_size = {left + right} and total_length = {total}"
        )
    for size, side in ((left, "left"), (right, "right")):
        if size == 0:
            raise ValueError(
                f"With `dataset` of length={total}, `left_size`={left} and `right_size`={right}. "
                f"Resulting {side} side dataset split will be empty. "
                "Adjust any of the aforementioned parameters"
            )
    return left, right


def _check_size_types(left: Any, right: Any) -> None:
    bad = {
        name: type(size)
        for name, size in (("left_size", left), ("right_size", right))
        if size is not None and type(size) not in (int, float)
    }
    if len(bad) == 2:
        raise TypeError(
            "Invalid `left_size` and `right_size` Types. Expected: integer or float or None, "
            f"Received: type(left_size)={type(left)} and type(right_size)={type(right)}"
        )
    for name, kind in bad.items():
        raise TypeError(
            f"Invalid `{name}` Type. Expected: int or float or None, Received: type({name})={kind}."
        )


def _check_size(name: str, size: Any, total: int, smaller: str) -> None:
    limit = 1 if isinstance(size, float) else total
    if size is not None and not 0 < size < limit:
        raise ValueError(
            f"`{name}` should be either a positive integer {smaller} than {total}, or a float "
            f"within the range `[0, 1]`. Received: {name}={size}"
        )


def _map(function: Callable[..., Any], *trees: Any) -> Any:
    """Apply to the leaves of tuples, lists and dicts of one structure."""
    first = trees[0]
    if isinstance(first, dict):
        return type(first)((key, _map(function, *(tree[key] for tree in trees))) for key in first)
    if isinstance(first, (tuple, list)):
        # Always a tuple: a list of arrays would read as one array later.
        return tuple(_map(function, *parts) for parts in zip(*trees, strict=True))
    return function(*trees)


def _first_leaf(tree: Any) -> Any:
    while isinstance(tree, (tuple, list, dict)):
        tree = next(iter(tree.values())) if isinstance(tree, dict) else tree[0]
    return tree
