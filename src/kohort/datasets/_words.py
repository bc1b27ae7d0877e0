"""The coding of texts as word indices, shared by IMDB and Reuters."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass
class Texts:
    """Sequences of word indices, end to end in one array, so that a million words cost little."""

    words: np.ndarray
    lengths: np.ndarray

    @classmethod
    def join(cls, sequences: Sequence[Sequence[int]] | np.ndarray) -> Texts:
        """From lists of indices."""
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        words = itertools.chain.from_iterable(sequences)
        return cls(np.fromiter(words, np.int64, int(lengths.sum())), lengths)

    def arrays(self) -> np.ndarray:
        """An object array of lists of Python integers, as Keras gives it."""
        words, ends = self.words.tolist(), np.cumsum(self.lengths).tolist()
        lists = [words[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        return np.array(lists, dtype="object")

    def shift(self, start_char: int | None, index_from: int | None) -> Texts:
        """Add `index_from` to each index and put `start_char` before each text."""
        words = self.words + (index_from or 0)
        if start_char is None:
            return Texts(words, self.lengths)
        starts = np.cumsum(self.lengths) - self.lengths
        return Texts(np.insert(words, starts, start_char), self.lengths + 1)

    def select(self, texts: np.ndarray) -> Texts:
        """The texts where the mask is true."""
        return Texts(self.words[np.repeat(texts, self.lengths)], self.lengths[texts])

    def limit(self, skip_top: int, num_words: int, oov_char: int | None) -> Texts:
        """Replace indices outside `skip_top .. num_words - 1` by `oov_char` (None: drop them)."""
        kept = (self.words >= skip_top) & (self.words < num_words)
        if oov_char is not None:
            return Texts(np.where(kept, self.words, oov_char), self.lengths)
        text = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return Texts(self.words[kept], np.bincount(text[kept], minlength=len(self.lengths)))


def shuffle(
    x: np.ndarray, y: np.ndarray, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Texts and labels in one new order."""
    order = np.arange(len(x))
    rng.shuffle(order)
    return x[order], y[order]
