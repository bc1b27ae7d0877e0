"""From the arguments of `fit`, `evaluate` and `predict` to a source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from kohort.core import tree
from kohort.data.source import (
    ArraySource,
    BatchSource,
    Source,
    clean_batch,
    is_batches,
    iterate,
    map_arrays,
    row_count,
)

_DEVICE_SHARE = 0.25  # arrays larger than this share of the memory are streamed
_ALWAYS_RESIDENT = 2**28  # bytes: never worth asking


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
) -> Source:
    """Return the source for this data.

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
        return _batch_source(x, steps, class_weight)
    if x is None:
        raise ValueError("No data: `x` is None. Pass arrays, a dataset or a generator.")
    data = tuple(map_arrays(part) for part in (x, y, sample_weight))
    row_count(data)
    if class_weight is not None:
        data = with_class_weight(data, class_weight)
    if _is_large(data):
        return _streamed(data, batch_size, steps, shuffle, seed)
    return ArraySource(data, batch_size, shuffle, seed, steps)


def _is_large(data: Any) -> bool:
    size = sum(a.nbytes for a in tree.flatten(data) if a is not None and hasattr(a, "nbytes"))
    return size > _ALWAYS_RESIDENT and size > _DEVICE_SHARE * device_memory()


def device_memory() -> int:
    """The memory of the device (of the machine, where it is the CPU) in bytes."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return int(stats["bytes_limit"])
    import os

    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _streamed(data: Any, batch_size: Any, steps: Any, shuffle: Any, seed: int) -> Source:
    """Large arrays in batches that are cut out on the host."""
    plan = ArraySource(data, batch_size, shuffle, seed, steps)

    class Slices:
        """Cuts one epoch's batches; each epoch has an order of its own."""

        epoch = 0

        def __call__(self) -> Any:
            order, size = plan.order(self.epoch), plan.batch_size
            self.epoch += 1
            for at in range(0, plan.rows, size):
                rows = order[at : at + size]
                yield tree.map_structure(lambda a: None if a is None else a[rows], data)  # noqa: B023

    return BatchSource(Slices(), steps, epochs_share=False, size=plan.steps)


def _batch_source(x: Any, steps: int | None, class_weight: Any) -> Source:
    size = None
    if hasattr(x, "num_batches"):
        size = x.num_batches
    elif hasattr(x, "__len__"):
        size = len(x)
    elif hasattr(x, "cardinality"):
        size = int(x.cardinality())
        size = size if size >= 0 else None
    endless = hasattr(x, "__next__")

    def make() -> Any:
        batches = iterate(x)
        if class_weight is None:
            return iter(batches)
        return (with_class_weight(clean_batch(item), class_weight) for item in batches)

    make.on_epoch_end = getattr(x, "on_epoch_end", lambda: None)  # type: ignore[attr-defined]
    return BatchSource(make, steps, epochs_share=endless or steps is not None, size=size)


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
