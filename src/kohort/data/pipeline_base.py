"""What every pipeline has: passes over its elements, their number and their specification."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np

from kohort.data.pipeline_elements import as_element, eager, spec_of

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2


class Run(NamedTuple):
    """Which pass: the use of the pipeline, the pass in it, then those of steps that repeat.

    `seed` is for steps that were given none; None: each has drawn its own.
    """

    path: tuple[int, ...]
    seed: int | None = None

    def child(self, number: int) -> Run:
        """The pass `number` that a step makes over what comes before it."""
        return self._replace(path=(*self.path, number))


class Rows(NamedTuple):
    """Elements that can be had by number, many at once."""

    gather: Callable[[Any], Any]
    order: Callable[[Run], np.ndarray]


class Pipeline:
    """Elements of each run, made when they are asked for.

    Args:
        elements: `elements(run, start)` gives them from number `start` on.
        size: how many there are, or `INFINITE_CARDINALITY`, `UNKNOWN_CARDINALITY`.
        spec: gives their specification; None: look at the first.
        rows: where elements can be had by number.
        batch_size: where they are batches.
    """

    def __init__(
        self,
        elements: Callable[[Run, int], Iterator[Any]],
        size: int,
        spec: Callable[[], Any] | None = None,
        rows: Rows | None = None,
        batch_size: int | None = None,
    ):
        self._elements, self._size, self._rows = elements, size, rows
        self._spec = spec or self._first_spec
        self._batch_size = batch_size
        self._uses = itertools.count()  # shared with those made of this one

    @classmethod
    def _of_rows(cls, rows: Rows, size: int, spec: Callable[[], Any] | None = None) -> Self:
        def elements(run: Run, start: int) -> Iterator[Any]:
            return (as_element(rows.gather(i)) for i in rows.order(run)[start:])

        return cls(elements, size, spec, rows)

    def _derive(self, *args: Any, **kwargs: Any) -> Self:
        """A pipeline made of this one. A pass over either is a new use of both.

        Only steps that draw random numbers begin to count anew.
        """
        made = type(self)(*args, **kwargs)
        made._uses = self._uses
        return made

    def _derive_rows(self, rows: Rows, size: int) -> Self:
        """Other rows of the same elements."""
        made = self._of_rows(rows, size, self._spec)
        made._uses = self._uses
        return made

    def _same(self, elements: Callable[[Run, int], Iterator[Any]], size: int) -> Self:
        """Other numbers of the same elements."""
        return self._derive(elements, size, self._spec, batch_size=self._batch_size)

    # ---- passes

    def _open(self, run: Run, start: int = 0) -> Iterator[Any]:
        """The elements of a run from number `start` on."""
        return self._elements(run, start)

    def next_use(self) -> int:
        """Begin a use of the pipeline: its number, which the orders of its passes depend on."""
        return next(self._uses)

    def turn(self, use: int, number: int = 0, seed: int | None = None) -> Iterator[Any]:
        """The elements of a pass of a use."""
        return self._open(Run((use, number), seed))

    def __iter__(self) -> DatasetIterator:
        return DatasetIterator(self, Run((self.next_use(), 0)))

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements as plain NumPy arrays."""
        return self.turn(self.next_use())

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any]) -> Any:
        """`state = reduce_func(state, element)` over all elements; the last state."""
        state = as_element(initial_state)
        for element in self.turn(self.next_use()):
            state = as_element(reduce_func(state, element))
        return state

    # ---- what there is

    def cardinality(self) -> Any:
        """The number of elements, `INFINITE_CARDINALITY` or `UNKNOWN_CARDINALITY`."""
        return eager(np.asarray(self._size))

    def __len__(self) -> int:
        if self._size < 0:
            kind = "infinite" if self._size == INFINITE_CARDINALITY else "unknown"
            raise TypeError(f"The length of the dataset is {kind}. `cardinality()` says so too.")
        return self._size

    def __bool__(self) -> bool:
        return True

    @property
    def element_spec(self) -> Any:
        """The shapes and dtypes of the elements, as `TensorSpec`s."""
        return self._spec()

    def _first_spec(self) -> Any:
        first = next(self._open(Run((0, 0))), None)
        if first is None:
            raise ValueError(
                "The specification is that of the first element. Received: an empty dataset."
            )
        return spec_of(first)

    def __repr__(self) -> str:
        size = {INFINITE_CARDINALITY: "endless", UNKNOWN_CARDINALITY: "unknown"}
        return f"<Dataset of {size.get(self._size, self._size)} elements>"


class DatasetIterator:
    """One pass over a pipeline. Its state is the number of the pass and of the next element.

    >>> from kohort.data import Dataset
    >>> numbers = Dataset.range(9).shuffle(9, seed=1)
    >>> iterator = iter(numbers)
    >>> first, state = int(next(iterator)), iterator.state_dict()
    >>> rest = [int(x) for x in iterator]
    >>> iterator.load_state_dict(state)
    >>> rest == [int(x) for x in iterator] and first not in rest
    True
    """

    def __init__(self, dataset: Pipeline, run: Run):
        self._dataset, self._run, self._position = dataset, run, 0
        self._elements = dataset._open(run)

    def __iter__(self) -> DatasetIterator:
        return self

    def __next__(self) -> Any:
        element = next(self._elements)
        self._position += 1
        return eager(element)

    def state_dict(self) -> dict[str, Any]:
        """Where the pass is, for JSON."""
        return {"pass": list(self._run.path), "position": self._position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to where another iterator over the same pipeline was."""
        self._run = Run(tuple(state["pass"]))
        self._position = int(state["position"])
        self._elements = self._dataset._open(self._run, self._position)


def skipping(items: Iterable[Any], start: int) -> Iterator[Any]:
    """The items from number `start` on."""
    return itertools.islice(items, start, None)


def check_positive(name: str, value: Any) -> None:
    """Refuse what is not a positive whole number."""
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value}")


def check_callable(method: str, function: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(function):
        raise TypeError(f"`{method}` needs a function. Received: {function!r}")


def check_datasets(method: str, datasets: Iterable[Any]) -> None:
    """Refuse what is not a pipeline."""
    for dataset in datasets:
        if not isinstance(dataset, Pipeline):
            raise TypeError(
                f"`{method}` joins datasets. Received: {dataset!r} of type "
                f"{type(dataset).__name__}.\n  1. Make one: Dataset.from_tensor_slices(…)."
            )
