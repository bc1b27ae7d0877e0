"""The steps of a pipeline that change the order of elements or put several together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from kohort.core import tree
from kohort.data import pipeline_steps as steps
from kohort.data.pipeline_base import (
    INFINITE_CARDINALITY,
    UNKNOWN_CARDINALITY,
    Pipeline,
    Rows,
    Run,
    check_positive,
    skipping,
)
from kohort.data.pipeline_elements import (
    as_element,
    batched_spec,
    stack,
    stack_padded,
    unstack,
)


class Batching(Pipeline):
    """Orders, batches and windows."""

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool = True,
        name: str | None = None,
    ) -> Self:
        """Draw each element at random from a buffer of the next `buffer_size`.

        Without a seed, `fit` gives one (a backup keeps it); elsewhere it comes from NumPy's
        global generator, which `set_random_seed` sets.
        """
        check_positive("buffer_size", buffer_size)
        own = int(np.random.randint(2**31)) if seed is None else int(seed)

        def rng(run: Run) -> np.random.Generator:
            if not reshuffle_each_iteration:
                return np.random.default_rng([own])
            entropy = run.seed if seed is None and run.seed is not None else own
            return np.random.default_rng([entropy, *run.path])

        rows = self._rows
        if rows is None:

            def elements(run: Run, start: int) -> Iterator[Any]:
                return skipping(steps.shuffled(self._open(run), buffer_size, rng(run)), start)

            return type(self)(elements, self._size, self._spec, batch_size=self._batch_size)

        def order(run: Run) -> np.ndarray:
            numbers = rows.order(run)
            if buffer_size >= len(numbers):
                return rng(run).permutation(numbers)
            mixed = steps.shuffled(numbers, buffer_size, rng(run))
            return np.fromiter(mixed, numbers.dtype, len(numbers))

        return self._of_rows(Rows(rows.gather, order), self._size, self._spec)

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> Self:
        """Stack `batch_size` elements at a time; the last batch may be smaller, or is dropped."""
        check_positive("batch_size", batch_size)
        rows = self._rows

        def elements(run: Run, start: int) -> Iterator[Any]:
            first = start * batch_size
            if rows is None:
                groups = steps.grouped(self._open(run, first), batch_size, drop_remainder)
                return map(_stacked, groups)
            order = rows.order(run)
            stop = len(order) - (len(order) % batch_size if drop_remainder else 0)
            return (
                as_element(rows.gather(order[i : i + batch_size]))
                for i in range(first, stop, batch_size)
            )

        known = batch_size if drop_remainder else None
        return self._derive(
            elements, self._batches(batch_size, drop_remainder),
            lambda: batched_spec(self._spec(), known), batch_size=batch_size,
        )  # fmt: skip

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Self:
        """`batch` for elements of different lengths, padded to the longest or `padded_shapes`.

        >>> from kohort.data import Dataset
        >>> ragged = Dataset.from_generator(lambda: ([1] * n for n in (1, 3)))
        >>> next(iter(ragged.padded_batch(2))).tolist()
        [[1, 0, 0], [1, 1, 1]]
        """
        check_positive("batch_size", batch_size)

        def elements(run: Run, start: int) -> Iterator[Any]:
            opened = self._open(run, start * batch_size)
            groups = steps.grouped(opened, batch_size, drop_remainder)
            return (stack_padded(group, padded_shapes, padding_values) for group in groups)

        known = batch_size if drop_remainder else None
        return self._derive(
            elements, self._batches(batch_size, drop_remainder),
            lambda: batched_spec(self._spec(), known, unknown=True), batch_size=batch_size,
        )  # fmt: skip

    def _batches(self, batch_size: int, drop_remainder: bool) -> int:
        """How many batches the elements make."""
        if self._size < 0:
            return self._size
        return self._size // batch_size if drop_remainder else -(-self._size // batch_size)

    def unbatch(self, name: str | None = None) -> Self:
        """The rows of each element as elements."""

        def elements(run: Run, start: int) -> Iterator[Any]:
            rows = (row for element in self._open(run) for row in unstack(element))
            return skipping(rows, start)

        known = self._size in (0, INFINITE_CARDINALITY)
        return self._derive(elements, self._size if known else UNKNOWN_CARDINALITY)

    def window(
        self,
        size: int,
        shift: int | None = None,
        stride: int = 1,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> Self:
        """Datasets of `size` elements that lie `stride` apart; each begins `shift` later.

        Where elements are tuples or dicts, so are the windows: of a dataset for each part.

        >>> from kohort.data import Dataset
        >>> windows = Dataset.range(5).window(3, shift=1, drop_remainder=True)
        >>> [row.tolist() for row in windows.flat_map(lambda window: window.batch(3))]
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
        """
        shift = size if shift is None else shift
        for what, value in (("size", size), ("shift", shift), ("stride", stride)):
            check_positive(what, value)

        def whole(run: Run) -> Iterator[Any]:
            for window in steps.windows(self._open(run), size, shift, stride, drop_remainder):
                yield tree.map_structure(lambda *parts: self._of_list(parts), *window)

        return self._derive(lambda run, start: skipping(whole(run), start), self._windows(
            size, shift, stride, drop_remainder
        ))  # fmt: skip

    def _windows(self, size: int, shift: int, stride: int, drop_remainder: bool) -> int:
        """How many windows there are."""
        if self._size < 0:
            return self._size
        last = self._size - ((size - 1) * stride if drop_remainder else 0)
        return max(0, -(-last // shift))

    @classmethod
    def _of_list(cls, elements: Any) -> Self:
        return cls(lambda run, start: itertools.islice(elements, start, None), len(elements))


def _stacked(group: list[Any]) -> Any:
    if isinstance(group[0], Pipeline):
        raise TypeError(
            "Windows are datasets themselves and cannot be batched. Received: datasets as elements."
            "\n  1. Make each an element: flat_map(lambda window: window.batch(size))."
        )
    return stack(group)
