"""From the arguments of `fit`, `evaluate` and `predict` to a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from kohort.core import tree
from kohort.data.batches import BatchSource, Source
from kohort.data.host_rows import HostRows
from kohort.data.pipeline import Dataset
from kohort.data.source import (
    ArraySource,
    clean_batch,
    is_batches,
    iterate,
    map_arrays,
    row_count,
)
from kohort.utils.pydataset import PyDataset

_DEVICE_SHARE = 0.25  # arrays larger than this share of the memory stay on the host
_SMALL = {"cpu": 2**24}  # bytes, elsewhere 2**28: such arrays are copied in no time


def make_source(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: Any = False,
    class_weight: Mapping[int, float] | None = None,
    seed: int = 0,
    execution: int = 1,
    prepare: Callable[[Any], Any] | None = None,
) -> Source:
    """Return the source for this data.

    Args:
        steps: the steps of an epoch, where that is not the whole data.
        execution: how many steps belong together (`steps_per_execution`).
        prepare: makes of raw inputs what the compiled program takes.

    Raises:
        ValueError: where `y` or `sample_weight` come beside batches that hold their own, the
            arrays differ in length, or there is no data.
    """
    if is_batches(x):
        for name, value in (("y", y), ("sample_weight", sample_weight)):
            if value is not None:
                raise ValueError(
                    f"When `x` gives batches, `{name}` comes with them as (x, y, sample_weight). "
                    f"Received: x of type {type(x).__name__} and "
                    f"{name} of type {type(value).__name__}"
                )
        return _batch_source(x, steps, class_weight, shuffle, seed, execution, prepare)
    if x is None:
        raise ValueError("No data: `x` is None. Pass arrays, a dataset or a generator.")
    data = tuple(map_arrays(part) for part in (x, y, sample_weight))
    row_count(data)
    if prepare is not None:
        data = (prepare(data[0]), *data[1:])
    if class_weight is not None:
        data = with_class_weight(data, class_weight)
    kind = HostRows if _stays_on_host(data) else ArraySource
    return kind(data, batch_size, shuffle, seed, steps, execution)


def _stays_on_host(data: Any) -> bool:
    """Whether to copy rows block by block. On a CPU the copy of the whole gains nothing."""
    size = sum(a.nbytes for a in tree.flatten(data) if isinstance(a, np.ndarray))
    backend = jax.default_backend()
    if size <= _SMALL.get(backend, 2**28):
        return False
    return backend == "cpu" or size > _DEVICE_SHARE * device_memory()


def device_memory() -> int:
    """The memory of the device (of the machine, where it is the CPU) in bytes."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    import os

    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _batch_source(
    x: Any, steps: int | None, class_weight: Any, shuffle: Any, seed: int, execution: int,
    prepare: Callable[[Any], Any] | None,
) -> Source:  # fmt: skip
    once = hasattr(x, "__next__") and not isinstance(x, PyDataset)
    size = None if once else _batch_count(x)
    mixed = shuffle and size is not None and isinstance(x, PyDataset)
    first_use = x.next_use() if isinstance(x, Dataset) else 0

    def make(seed: int, use: int, turn: int) -> Any:
        order = np.random.default_rng([seed, turn]).permutation(size or 0) if mixed else None
        pipeline = isinstance(x, Dataset)
        batches = x.turn(use, turn, seed) if pipeline else iterate(x, order)
        if prepare is not None:
            batches = (_with_inputs(clean_batch(item), prepare) for item in batches)
        if class_weight is None:
            return iter(batches)
        return (with_class_weight(clean_batch(item), class_weight) for item in batches)

    return BatchSource(make, steps, size, once, execution, x, seed, first_use)


def _with_inputs(batch: tuple, prepare: Callable[[Any], Any]) -> tuple:
    return prepare(batch[0]), *batch[1:]


def _batch_count(x: Any) -> int | None:
    """How many batches `x` gives, where it says so."""
    if hasattr(x, "num_batches"):
        return x.num_batches
    if hasattr(x, "cardinality"):
        count = int(x.cardinality())
        return count if count >= 0 else None
    try:
        return len(x) if hasattr(x, "__len__") else None
    except TypeError:  # a loader over an iterable of unknown length
        return None


def with_class_weight(data: tuple, class_weight: Mapping[int, float]) -> tuple:
    """Turn class weights into sample weights, joined with those there are."""
    x, y, sample_weight = data
    if y is None:
        raise ValueError("`class_weight` needs labels `y`. Received: y=None")
    if tree.is_nested(y):
        raise ValueError(
            "`class_weight` is only supported for Models with a single output. "
            "Use `sample_weight` with one entry for each output."
        )
    labels = np.asarray(y)
    if labels.ndim > 1 and labels.shape[-1] > 1:
        labels = labels.argmax(-1)
    labels = (
        labels.reshape(labels.shape[0], -1)[:, 0].astype(int)
        if labels.ndim > 1
        else labels.astype(int)
    )
    table = np.ones(max(int(labels.max(initial=0)), *class_weight, 0) + 1, np.float32)
    for label, weight in class_weight.items():
        table[int(label)] = weight
    weights = table[labels]
    if sample_weight is not None:
        weights = weights * np.asarray(sample_weight)
    return x, y, weights


def split_validation(data: tuple, share: float) -> tuple[tuple, tuple]:
    """Cut the last `share` of the rows off, before any shuffling.

    Returns:
        (training, validation), each (x, y, sample_weight).
    """
    if not 0 < share < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1. Received: {share}")
    data = tuple(map_arrays(part) for part in data)
    rows = row_count(data)
    at = int(np.floor(rows * (1.0 - share)))
    if at == 0 or at == rows:
        raise ValueError(
            f"Training data contains {rows} samples, which is not sufficient to split it into a "
            f"validation and training set as specified by `validation_split={share}`. Either "
            "provide more data, or a different value for the `validation_split` argument."
        )

    def cut(part: slice) -> tuple:
        return tuple(tree.map_structure(lambda a: None if a is None else a[part], p) for p in data)

    return cut(slice(None, at)), cut(slice(at, None))
