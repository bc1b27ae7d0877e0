"""`Dataset`: pipelines with the names and the meaning of tf.data, in Python and NumPy.

A pipeline is lazy and can be gone through again and again. Each pass has a *run*: the numbers
from which shuffling draws its order. So the order of pass 3 is known without the passes before
it: `fit` resumed by `BackupAndRestore`, or an iterator whose `load_state_dict` was called, goes
on with the very elements that would have come.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kohort.core import tree
from kohort.data import pipeline_steps as steps
from kohort.data.disk_cache import DiskCache
from kohort.data.pipeline_base import (
    AUTOTUNE,
    INFINITE_CARDINALITY,
    UNKNOWN_CARDINALITY,
    Rows,
    Run,
    check_callable,
    check_datasets,
    check_positive,
    skipping,
)
from kohort.data.pipeline_batching import Batching
from kohort.data.pipeline_elements import TensorSpec, as_element, calling

_CYCLE = 16  # datasets that `interleave` keeps open, where it is not told


class Dataset(Batching):
    """Elements that are made when they are asked for: batches for `fit`, at the end of the line.

    Elements are tuples and dicts of NumPy arrays. Make one with `from_tensor_slices`,
    `from_generator`, `range` …; methods return new pipelines. `fit`, `evaluate` and `predict`
    take one that gives batches. Functions get NumPy arrays and may return whatever becomes one.

    >>> squares = Dataset.from_tensor_slices(np.arange(6)).map(lambda x: x**2)
    >>> [batch.tolist() for batch in squares.filter(lambda x: x % 2 == 0).batch(2)]
    [[0, 4], [16]]

    Source: the names and their meaning are those of `tf.data.Dataset`.
    """

    # ---- sources

    @classmethod
    def from_rows(cls, gather: Callable[[Any], Any], count: int) -> Dataset:
        """Elements by number: `gather(i)` gives one, `gather(array_of_numbers)` a batch of them.

        >>> [batch.tolist() for batch in Dataset.from_rows(lambda i: i * 10, 3).batch(2)]
        [[0, 10], [20]]
        """
        return cls._of_rows(Rows(gather, lambda run: np.arange(count)), count)

    @classmethod
    def from_tensor_slices(cls, tensors: Any, name: str | None = None) -> Dataset:
        """The rows of arrays: a tuple, dict or single array of one length.

        >>> next(iter(Dataset.from_tensor_slices(([[1, 2], [3, 4]], ["a", "b"]))))
        (EagerArray([1, 2], dtype=int32), 'a')
        """
        arrays = as_element(tensors)
        lengths = {len(a) if np.ndim(a) else -1 for a in tree.flatten(arrays) if a is not None}
        if len(lengths) != 1 or -1 in lengths:
            raise ValueError(
                "`from_tensor_slices` needs arrays with one length along their first axis. "
                f"Received: shapes {tree.map_structure(np.shape, arrays)}"
            )

        def gather(rows: Any) -> Any:
            return tree.map_structure(lambda a: None if a is None else a[rows], arrays)

        return cls.from_rows(gather, lengths.pop())

    @classmethod
    def from_tensors(cls, tensors: Any, name: str | None = None) -> Dataset:
        """One element."""
        return cls._of_list([as_element(tensors)])

    @classmethod
    def range(cls, *args: int, output_type: Any = "int64", name: str | None = None) -> Dataset:
        """The numbers `range(*args)`."""
        numbers = np.arange(*args, dtype=np.dtype(output_type))
        return cls.from_rows(lambda i: numbers[i], len(numbers))

    @classmethod
    def from_generator(
        cls,
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> Dataset:
        """The items of `generator(*args)`, which is called anew for each pass.

        Args:
            output_signature: `TensorSpec`s; items are cast to their dtypes.
            output_types: dtypes, the older form.
            output_shapes: accepted; shapes follow from the items.

        >>> pairs = Dataset.from_generator(lambda: ((i, i**2) for i in range(3)))
        >>> [(int(x), int(y)) for x, y in pairs]
        [(0, 0), (1, 1), (2, 4)]
        """
        check_callable("from_generator", generator)
        types = output_types
        if output_signature is not None:
            types = tree.map_structure(lambda spec: spec.dtype, output_signature)

        def elements(run: Run, start: int) -> Iterator[Any]:
            items = skipping(generator(*(args or ())), start)
            made = map(as_element, items)
            return made if types is None else (_cast(element, types) for element in made)

        spec = None if output_signature is None else lambda: _as_spec(output_signature)
        return cls(elements, UNKNOWN_CARDINALITY, spec)

    # ---- joins

    @staticmethod
    def zip(*datasets: Any, name: str | None = None) -> Dataset:
        """Tuples of one element from each, as long as all have some.

        >>> pairs = Dataset.zip(Dataset.range(2), Dataset.range(5, 9))
        >>> [(int(a), int(b)) for a, b in pairs]
        [(0, 5), (1, 6)]
        """
        parts = datasets[0] if len(datasets) == 1 else datasets
        flat: list[Dataset] = tree.flatten(parts)
        check_datasets("zip", flat)

        def elements(run: Run, start: int) -> Iterator[Any]:
            opened = [part._open(run, start) for part in flat]
            return (tree.pack_sequence_as(parts, row) for row in zip(*opened, strict=False))

        sizes = [part._size for part in flat if part._size != INFINITE_CARDINALITY]
        size = min(sizes, default=INFINITE_CARDINALITY)  # unknown is less than any
        return flat[0]._derive(
            elements, size, lambda: tree.map_structure(lambda d: d._spec(), parts)
        )

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """These elements, then those of another dataset."""
        check_datasets("concatenate", [dataset])

        def elements(run: Run, start: int) -> Iterator[Any]:
            if 0 <= self._size <= start:
                return dataset._open(run, start - self._size)
            if start and self._size == UNKNOWN_CARDINALITY:
                return skipping(elements(run, 0), start)
            return itertools.chain(self._open(run, start), dataset._open(run))

        sizes = (self._size, dataset._size)
        size = sum(sizes) if min(sizes) >= 0 else (
            INFINITE_CARDINALITY if INFINITE_CARDINALITY in sizes else UNKNOWN_CARDINALITY
        )  # fmt: skip
        return self._same(elements, size)

    # ---- steps

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        workers: str = "threads",
        name: str | None = None,
    ) -> Dataset:
        """Apply a function to each element; the parts of a tuple are its arguments.

        The order stays, whatever `deterministic` says. With `num_parallel_calls` as many threads
        call it (`AUTOTUNE`: one a core), or processes with `workers="processes"`, for which the
        function must be importable. What draws random numbers belongs into `random_map`.
        """
        check_callable("map", map_func)
        if workers not in ("threads", "processes"):
            raise ValueError(f'`workers` must be "threads" or "processes". Received: {workers}')
        if num_parallel_calls is None:

            def elements(run: Run, start: int) -> Iterator[Any]:
                return (as_element(calling(map_func, e)) for e in self._open(run, start))

            return self._derive(elements, self._size)
        pool = steps.Workers(num_parallel_calls, workers)
        return self._derive(
            lambda run, start: pool.map(map_func, self._open(run, start)), self._size
        )

    def random_map(self, map_func: Callable[..., Any], seed: int) -> Dataset:
        """`map` for functions that draw random numbers: `map_func(*element, rng=generator)`.

        The generator depends on the seed, the pass and the number of the element alone, so that
        a resumed pipeline gives the same numbers.

        >>> noisy = Dataset.range(2).random_map(lambda x, rng: x + rng.uniform(), seed=1)
        >>> [int(x) for x in noisy]
        [0, 1]
        """
        check_callable("random_map", map_func)

        def elements(run: Run, start: int) -> Iterator[Any]:
            for number, element in enumerate(self._open(run, start), start):
                rng = np.random.default_rng([seed, *run.path, number])
                parts = element if type(element) is tuple else (element,)
                yield as_element(map_func(*parts, rng=rng))

        return Dataset(elements, self._size)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """Keep the elements for which `predicate` holds."""
        check_callable("filter", predicate)

        def elements(run: Run, start: int) -> Iterator[Any]:
            return skipping((e for e in self._open(run) if calling(predicate, e)), start)

        return self._same(elements, min(self._size, UNKNOWN_CARDINALITY))

    def take_while(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements before the first for which `predicate` does not hold."""
        check_callable("take_while", predicate)

        def elements(run: Run, start: int) -> Iterator[Any]:
            kept = itertools.takewhile(lambda e: calling(predicate, e), self._open(run))
            return skipping(kept, start)

        return self._same(elements, UNKNOWN_CARDINALITY)

    def flat_map(self, map_func: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements of the datasets that `map_func` makes of the elements, one after another."""
        return self.interleave(map_func, cycle_length=1)

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: int | None = None,
        block_length: int = 1,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Dataset:
        """Go round `cycle_length` of the datasets that `map_func` makes, a block from each.

        >>> rows = Dataset.range(3).interleave(lambda x: Dataset.from_tensors(x).repeat(2), 2)
        >>> [int(x) for x in rows]
        [0, 1, 0, 1, 2, 2]
        """
        check_callable("interleave", map_func)
        cycle = _CYCLE if cycle_length in (None, AUTOTUNE) else cycle_length
        check_positive("cycle_length", cycle)
        check_positive("block_length", block_length)

        def whole(run: Run) -> Iterator[Any]:
            def opened(item: tuple[int, Any]) -> Iterator[Any]:
                made = calling(map_func, item[1])
                check_datasets("interleave", [made])
                return made._open(run.child(item[0]))

            return steps.interleaved(enumerate(self._open(run)), opened, cycle, block_length)

        return self._derive(lambda run, start: skipping(whole(run), start), UNKNOWN_CARDINALITY)

    def repeat(self, count: int | None = None, name: str | None = None) -> Dataset:
        """Go through the elements `count` times; without a count (or -1) for ever."""
        endless = count is None or count < 0

        def elements(run: Run, start: int) -> Iterator[Any]:
            done, start = divmod(start, self._size) if self._size > 0 else (0, start)
            if self._size < 0 and start:
                return skipping(elements(run, 0), start)
            turns = itertools.count(done) if endless else range(done, count or 0)
            return _turns(self, run, turns, start)

        size = self._size * (count or 0) if self._size >= 0 else self._size
        if endless and self._size:
            size = INFINITE_CARDINALITY
        return self._same(elements, size if endless or count else 0)

    def take(self, count: int, name: str | None = None) -> Dataset:
        """The first `count` elements; all with -1."""
        return self if count < 0 else self._slice(0, count)

    def skip(self, count: int, name: str | None = None) -> Dataset:
        """All but the first `count` elements; none with -1."""
        return self._slice(0, 0) if count < 0 else self._slice(count, None)

    def _slice(self, first: int, stop: int | None, step: int = 1) -> Dataset:
        size = self._size
        if size >= 0:
            size = len(range(size)[first:stop:step])
        elif size == INFINITE_CARDINALITY and stop is not None:
            size = stop - first
        if self._rows is not None:
            rows = self._rows
            cut = Rows(rows.gather, lambda run: rows.order(run)[first:stop:step])
            return self._derive_rows(cut, size)

        def elements(run: Run, start: int) -> Iterator[Any]:
            at = first + start * step
            left = None if stop is None else max(stop - at, 0)
            return itertools.islice(self._open(run, at), 0, left, step)

        return self._same(elements, size)

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Every `num_shards`-th element from number `index` on."""
        check_positive("num_shards", num_shards)
        if not 0 <= index < num_shards:
            raise ValueError(f"`index` must be from 0 to {num_shards - 1}. Received: index={index}")
        return self._slice(index, None, num_shards)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """Pairs of a number and an element."""

        def elements(run: Run, first: int) -> Iterator[Any]:
            numbered = enumerate(self._open(run, first), start + first)
            return ((np.asarray(number), element) for number, element in numbered)

        return self._derive(
            elements, self._size, lambda: (TensorSpec((), "int64"), self._spec()),
        )  # fmt: skip

    def cache(self, filename: str = "", name: str | None = None) -> Dataset:
        """Keep the elements of the first whole pass in memory, or in a file.

        A file that exists already is read, whatever the pipeline before it has become since: delete
        it where that changed. It appears at the end of the first whole pass.
        """
        kept: Any = DiskCache(filename) if filename else steps.Cache()

        def elements(run: Run, start: int) -> Iterator[Any]:
            first = Run((0, 0), run.seed)  # whichever pass fills it
            return kept.replay(lambda: self._open(first), start)

        return self._same(elements, self._size)

    def prefetch(self, buffer_size: int, name: str | None = None) -> Dataset:
        """Make up to `buffer_size` elements ahead of time in a thread (`AUTOTUNE`: two)."""
        count = 2 if buffer_size == AUTOTUNE else buffer_size
        if count == 0:
            return self
        check_positive("buffer_size", count)
        return self._same(lambda run, start: steps.ahead(self._open(run, start), count), self._size)

    def apply(self, transformation_func: Callable[[Dataset], Dataset]) -> Dataset:
        """`transformation_func(self)`, so that calls read in order."""
        return transformation_func(self)


def _turns(dataset: Dataset, run: Run, turns: Any, start: int) -> Iterator[Any]:
    """The elements of several runs; an empty one ends them."""
    for turn in turns:
        empty = not start
        for element in dataset._open(run.child(turn), start):
            empty = False
            yield element
        if empty:
            return
        start = 0


def _cast(element: Any, types: Any) -> Any:
    """The element with its arrays in other dtypes."""

    def cast(leaf: Any, dtype: Any) -> Any:
        if leaf is None or isinstance(leaf, (str, bytes)):
            return leaf
        name = getattr(dtype, "name", dtype)
        return leaf if name == "string" else leaf.astype(np.dtype(name))

    return tree.map_structure(cast, element, types)


def _as_spec(signature: Any) -> Any:
    """Specifications of any kind as `TensorSpec`s."""

    def spec(s: Any) -> TensorSpec:
        shape = tuple(s.shape) if s.shape is not None else ()
        return TensorSpec(shape, getattr(s.dtype, "name", s.dtype), getattr(s, "name", None))

    return tree.map_structure(spec, signature)
