"""Keras's `preprocessing.sequence`: padding, and the Keras 2 tools for series and skip-grams."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np

from kohort.utils.pydataset import PyDataset
from kohort.utils.sequence import pad_sequences

__all__ = ["TimeseriesGenerator", "make_sampling_table", "pad_sequences", "skipgrams"]


class TimeseriesGenerator(PyDataset):
    """Batches of windows over a series (Keras 2; new code: `timeseries_dataset_from_array`).

    The window before row `t` is `data[t - length : t : sampling_rate]`, its target `targets[t]`,
    for `t = start_index + length, ... + stride, ...` up to `end_index`, the last row included.
    `shuffle` draws rows at random, with repeats; `reverse` turns the windows round. A batch is
    `(windows, targets)` with windows of shape `(batch_size, length / sampling_rate, ...)`.

    >>> series = np.arange(5)
    >>> windows, targets = TimeseriesGenerator(series, series, length=2, batch_size=2)[0]
    >>> windows.tolist(), targets.tolist()
    ([[0, 1], [1, 2]], [2, 3])
    """

    def __init__(
        self,
        data: Any,
        targets: Any,
        length: int,
        sampling_rate: int = 1,
        stride: int = 1,
        start_index: int = 0,
        end_index: int | None = None,
        shuffle: bool = False,
        reverse: bool = False,
        batch_size: int = 128,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if len(data) != len(targets):
            raise ValueError(
                f"Data and targets have to be of same length. Data length is {len(data)} "
                f"while target length is {len(targets)}"
            )
        self.data = data
        self.targets = targets
        self.length = length
        self.sampling_rate = sampling_rate
        self.stride = stride
        self.start_index = start_index + length
        self.end_index = len(data) - 1 if end_index is None else end_index
        self.shuffle = shuffle
        self.reverse = reverse
        self.batch_size = batch_size
        if self.start_index > self.end_index:
            raise ValueError(
                f"`start_index+length={self.start_index} > end_index={self.end_index}` is "
                "disallowed, as no part of the sequence would be left to be used as current step."
            )

    def __len__(self) -> int:
        step = self.batch_size * self.stride
        return (self.end_index - self.start_index + step) // step

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._rows(index)
        windows = [self.data[row - self.length : row : self.sampling_rate] for row in rows]
        samples = np.array(windows)
        targets = np.array([self.targets[row] for row in rows])
        return (samples[:, ::-1, ...] if self.reverse else samples), targets

    def _rows(self, index: int) -> np.ndarray:
        if self.shuffle:
            return np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        step = self.batch_size * self.stride
        first = self.start_index + step * index
        return np.arange(first, min(first + step, self.end_index + 1), self.stride)

    def get_config(self) -> dict[str, Any]:
        """The arguments, with data and targets as JSON text."""
        config: dict[str, Any] = {
            "data": _to_json("Data", self.data),
            "targets": _to_json("Targets", self.targets),
        }
        names = "length sampling_rate stride start_index end_index shuffle reverse batch_size"
        return config | {name: getattr(self, name) for name in names.split()}

    def to_json(self, **kwargs: Any) -> str:
        """The class name and configuration as JSON; `kwargs` go to `json.dumps`."""
        return json.dumps(
            {"class_name": type(self).__name__, "config": self.get_config()}, **kwargs
        )


def _to_json(label: str, values: Any) -> str:
    values = values.tolist() if isinstance(values, np.ndarray) else values
    try:
        return json.dumps(values)
    except TypeError as error:
        raise TypeError(f"{label} not JSON Serializable: {values}") from error


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> np.ndarray:
    """The probability to keep the word of each rank, as word2vec samples (Keras 2).

    `p = min(1, sqrt(f / factor) / (f / factor))`, where the frequency of rank `i` follows Zipf's
    law: `1 / f = i (log i + gamma) + 1/2 - 1/(12 i)`. The result has shape `(size,)`.

    Source: Mikolov et al., *Distributed Representations of Words and Phrases*, 2013.

    >>> make_sampling_table(3).round(4)
    array([0.0032, 0.0032, 0.0055])
    """
    gamma = 0.577  # as many digits of Euler's constant as Keras uses
    rank = np.arange(size)
    rank[:1] = 1
    inverse = rank * (np.log(rank) + gamma) + 0.5 - 1.0 / (12.0 * rank)
    return np.minimum(1.0, np.sqrt(sampling_factor * inverse))


def skipgrams(
    sequence: list[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: np.ndarray | None = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs (word, neighbour), labelled 1, and (word, random word), labelled 0 (Keras 2).

    Neighbours stand at most `window_size` places apart; word 0 is skipped. There are
    `negative_samples` random pairs for each true one. `categorical` gives the labels `[0, 1]` and
    `[1, 0]`. `sampling_table[word]` is the probability to use a word. Randomness comes from
    Python's `random`; `seed` fixes the order of the pairs.

    Source: Mikolov et al., *Efficient Estimation of Word Representations in Vector Space*, 2013.

    >>> skipgrams([3, 5], vocabulary_size=10, negative_samples=0, shuffle=False)
    ([[3, 5], [5, 3]], [1, 1])
    """
    couples = _neighbours(sequence, window_size, sampling_table)
    labels: list[Any] = [[0, 1] if categorical else 1 for _ in couples]
    if negative_samples > 0:
        count = int(len(labels) * negative_samples)
        words = [couple[0] for couple in couples]
        random.shuffle(words)
        couples += [
            [words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(count)
        ]
        labels += [[1, 0] if categorical else 0 for _ in range(count)]
    if shuffle:
        if seed is None:
            seed = random.randint(0, 10_000_000)
        for values in (couples, labels):  # the same seed twice keeps pairs and labels together
            random.seed(seed)
            random.shuffle(values)
    return couples, labels


def _neighbours(
    sequence: list[int], window_size: int, sampling_table: np.ndarray | None
) -> list[list[int]]:
    couples = []
    for i, word in enumerate(sequence):
        if not word:
            continue
        if sampling_table is not None and sampling_table[word] < random.random():
            continue
        window = range(max(0, i - window_size), min(len(sequence), i + window_size + 1))
        couples += [[word, sequence[j]] for j in window if j != i and sequence[j]]
    return couples
