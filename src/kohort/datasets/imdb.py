"""IMDB: film reviews, positive or negative."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np

from kohort.datasets._cache import KERAS_FILES, Split, locate
from kohort.datasets._npz import load_npz
from kohort.datasets._words import Texts, shuffle

_SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_INDEX_MD5 = "bfafd718b763782e994055a2d397834f"


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
    **kwargs: Any,
) -> Split:
    """Load IMDB: 25,000 training and 25,000 test reviews as lists of word indices.

    A word's index is its rank by frequency plus `index_from`; a review starts with `start_char`;
    indices below `skip_top` or from `num_words` on become `oov_char` (with None they are left
    out); 0 is free for padding. Reviews of `maxlen` indices or more are left out.

    Returns `(x_train, y_train), (x_test, y_test)`: `(n,)` object arrays of lists, shuffled by
    `seed`, and labels `(n,)`, 1 for positive.

    Source: Maas et al., *Learning Word Vectors for Sentiment Analysis*, 2011.
    """
    if "nb_words" in kwargs:
        warnings.warn(
            "The `nb_words` argument in `load_data` has been renamed `num_words`.", stacklevel=2
        )
        num_words = kwargs.pop("nb_words")
    if kwargs:
        raise TypeError(f"Unrecognized keyword arguments: {kwargs}")
    data = load_npz(locate(path, KERAS_FILES + "imdb.npz", _SHA256))
    rng = np.random.RandomState(seed)
    parts = []
    for part in ("train", "test"):
        x, y = shuffle(data[f"x_{part}"], data[f"y_{part}"], rng)
        texts = Texts.join(x).shift(start_char, index_from)
        if maxlen:
            short = texts.lengths < maxlen
            texts, y = texts.select(short), y[short]
        parts.append((texts, y))
    if maxlen and not all(len(y) for _, y in parts):
        raise ValueError(
            f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. "
            "Increase maxlen."
        )
    # Without a limit Keras still drops the highest index, since it compares by "less than".
    top = num_words or max(int(texts.words.max()) for texts, _ in parts)
    train, test = ((texts.limit(skip_top, top, oov_char).arrays(), y) for texts, y in parts)
    return train, test


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The rank of each word; its index in the data is the rank plus `index_from` (3)."""
    found = locate(path, KERAS_FILES + "imdb_word_index.json", _INDEX_MD5)
    return json.loads(found.read_text(encoding="utf-8"))
