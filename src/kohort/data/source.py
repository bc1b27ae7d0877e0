"""Sources: what `fit`, `evaluate` and `predict` accept, as blocks for the compiled programs.

A *block* is a tree of arrays with rows along the first axis, an `order` of shape
(steps, batch) with the row numbers of each batch, and how many of those steps to run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from kohort.core import settings, tree
from kohort.core.arrays import to_device
from kohort.core.host import to_host
from kohort.data.schedule import Part, Schedule
from kohort.distribution import replicated

AHEAD = 1
"""So many blocks may still be computed when the next one is asked for."""


class Block(NamedTuple):
    """Steps `start` to `stop` of `order` over the rows of `data`.

    Without an order, `data` are batches: arrays of shape (steps, batch, …).
    """

    data: Any
    order: Any
    start: int
    stop: int


class Pace:
    """How many steps to run before the host looks again.

    The number grows or shrinks so that a block takes about `seconds`; with `single`, blocks
    have one execution, of `execution` steps.
    """

    def __init__(self, seconds: float = 0.5, single: bool = False, execution: int = 1):
        self.seconds, self.single = seconds, single
        self.unit = execution if single else 1  # a batch hook is called for so many steps
        self.steps = execution if single else 16

    def measured(self, steps: int, seconds: float) -> None:
        """Learn from a block that took `seconds`."""
        if self.single or steps <= 0:
            return
        rate = max(seconds / steps, 1e-7)
        wanted = max(1, int(self.seconds / rate))
        self.steps = min(wanted, self.steps * 64)


def to_array(x: Any) -> Any:
    """Return rows as an array: NumPy arrays, JAX arrays, lists, frames and series."""
    if x is None or isinstance(x, (np.ndarray, jax.Array)):
        array = x
    elif hasattr(x, "to_numpy"):  # pandas, polars
        array = x.to_numpy()
    elif hasattr(x, "todense") and hasattr(x, "shape"):
        array = np.asarray(x.todense())
    elif hasattr(x, "numpy") and hasattr(x, "shape"):
        array = x.numpy()
    else:
        array = np.asarray(x)
    return None if array is None else _shrink(array)


def _shrink(array: Any) -> Any:
    """64-bit numbers become 32-bit ones, as everywhere in Keras."""
    kind = getattr(array.dtype, "kind", "")
    if isinstance(array, jax.Array):
        return array
    if array.dtype == object:
        array = _from_objects(array)
        kind = array.dtype.kind
    if kind in "SU":
        return to_host(array)
    if kind == "f" and array.dtype.itemsize == 8:
        return array.astype(settings.floatx())
    if kind in "iu" and array.dtype.itemsize == 8:
        return array.astype(np.int32 if kind == "i" else np.uint32)
    return array


def _from_objects(array: np.ndarray) -> np.ndarray:
    first = next(iter(array.ravel()), None)
    if isinstance(first, str):
        return array
    if isinstance(first, (list, tuple, np.ndarray)):
        raise ValueError(
            "The data is an array of Python lists, and their lengths differ: a network needs rows "
            f"of one size. Received: an object array of shape {array.shape}.\n"
            "  1. Pad or cut the rows: keras.utils.pad_sequences(x, maxlen=…).\n"
            "  2. Or encode them as fixed vectors, multi-hot for word indices."
        )
    try:
        return array.astype(np.float32)
    except (TypeError, ValueError):
        bad = next((v for v in array.ravel() if isinstance(v, str)), first)
        raise ValueError(
            "The data holds values that are not numbers. "
            f"Received: an object array of shape {array.shape} with, for example, {bad!r}.\n"
            "  1. Encode text columns as numbers first (StringLookup, one-hot).\n"
            "  2. Replace missing values."
        ) from None


def row_count(data: Any) -> int:
    """The number of rows, equal in all arrays, or an error that lists them."""
    sizes = [a.shape[0] if a.ndim else 0 for a in tree.flatten(data) if a is not None]
    if len(set(sizes)) > 1:
        shapes = tree.map_structure(lambda a: None if a is None else a.shape, data)
        raise ValueError(
            "Data cardinality is ambiguous. Make sure all arrays contain the same number of "
            f"samples.'x', 'y' and 'sample_weight' sizes: {sizes}. Received shapes: {shapes}"
        )
    return sizes[0] if sizes else 0


class ArraySource:
    """Arrays that lie on the device for the whole fit."""

    use = 0  # arrays look the same however often they are used

    def __init__(
        self,
        data: Any,
        batch_size: int | None,
        shuffle: Any,
        seed: int,
        steps: int | None = None,
        execution: int = 1,
    ):
        self.data, self.rows = data, row_count(data)
        if self.rows == 0:
            raise ValueError(
                "The data set is empty: training needs at least one row. Received: arrays with 0 "
                "rows.\n  1. Check the filter or split that made them."
            )
        if not batch_size:
            batch_size = 32 if steps is None else math.ceil(self.rows / steps)
        self.batch_size = min(int(batch_size), self.rows)
        if self.batch_size < 1:
            raise ValueError(f"`batch_size` must be a positive integer. Received: {batch_size}")
        self.shuffle, self.seed, self.first_epoch = shuffle, seed, 0
        self.size = math.ceil(self.rows / self.batch_size)
        self.steps = steps or self.size
        self.ran_out = self.exhausted = False
        self._schedule = Schedule(self.size, steps, execution)
        self._device: Any = None

    def first(self) -> Any:
        """The first batch, to learn shapes from."""
        return tree.map_structure(lambda a: None if a is None else a[: self.batch_size], self.data)

    def order(self, turn: int) -> np.ndarray:
        """The row numbers of a turn. Made on the host: inside the program it compiles slowly."""
        if not self.shuffle:
            return np.arange(self.rows, dtype=np.int32)
        rng = np.random.default_rng([self.seed, turn])
        if self.shuffle == "batch":
            starts = rng.permutation(self.rows // self.batch_size) * self.batch_size
            rows = (starts[:, None] + np.arange(self.batch_size)).ravel()
            rest = np.arange(len(rows), self.rows)
            return np.concatenate([rows, rest]).astype(np.int32)
        return rng.permutation(self.rows).astype(np.int32)

    def part(self, epoch: int) -> Part:
        """The steps of an epoch, and the turn they belong to."""
        part = self._schedule.part(epoch - self.first_epoch)
        return part._replace(turn=part.turn + self.first_epoch)

    def blocks(self, epoch: int, pace: Pace, start: int = 0) -> Iterator[Block]:
        """The blocks of an epoch from step `start` on; `pace` says how long they are."""
        if self._device is None:
            self._device = jax.device_put(self.data, replicated())
        part, size = self.part(epoch), self.batch_size
        order = self.order(part.turn)
        full = self.rows // size
        grid = to_device(order[: full * size].reshape(full, size))
        at, stop_all = part.start + start, min(full, part.stop)
        while at < stop_all:
            stop = min(at + pace.steps, stop_all)
            yield Block(self._device, grid, at, stop)
            at = stop
        if at == full < part.stop:
            yield Block(self._device, order[full * size :][None], 0, 1)
        self.ran_out = part.ran_out

    def rewind(self) -> None:
        """Nothing to do: the epoch says where to begin."""

    def on_epoch_begin(self) -> None:
        """Nothing to do for arrays."""

    def on_epoch_end(self) -> None:
        """Nothing to do for arrays."""


def clean_batch(item: Any) -> Any:
    """A batch as (x, y, sample_weight), with arrays."""
    if isinstance(item, list):
        item = tuple(item)
    if not isinstance(item, tuple):
        item = (item,)
    if len(item) > 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, "
            f"found: a tuple of {len(item)}"
        )
    x, y, weight = (*item, None, None)[:3]
    return tuple(map_arrays(part) for part in (x, y, weight))


def map_arrays(structure: Any) -> Any:
    """Apply `to_array` to the leaves; a list of numbers is one array, a frame is one array."""
    if isinstance(structure, Mapping):
        return {key: map_arrays(value) for key, value in structure.items()}
    if isinstance(structure, tuple):
        return tuple(map_arrays(value) for value in structure)
    if isinstance(structure, list) and structure and _holds_arrays(structure):
        return [map_arrays(value) for value in structure]
    return to_array(structure)


def _holds_arrays(items: list) -> bool:
    return all(
        hasattr(x, "shape") or hasattr(x, "to_numpy") or isinstance(x, (dict, tuple)) for x in items
    )


def is_batches(x: Any) -> bool:
    """Whether `x` gives batches rather than holds rows."""
    if isinstance(x, (np.ndarray, jax.Array, list, tuple, Mapping, str)) or x is None:
        return False
    if hasattr(x, "to_numpy") or (hasattr(x, "shape") and hasattr(x, "dtype")):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__") or hasattr(x, "__next__")


def iterate(x: Any, order: np.ndarray | None = None) -> Iterable[Any]:
    """The batches of any iterable, `PyDataset` or indexable object, the latter in an `order`."""
    if order is not None:
        return (x[int(i)] for i in order)
    if hasattr(x, "__getitem__") and hasattr(x, "__len__"):
        return (x[i] for i in range(len(x)))
    return x
