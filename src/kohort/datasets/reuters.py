"""Reuters: newswires on 46 topics."""

from __future__ import annotations

import json

import numpy as np

from kohort.datasets._cache import KERAS_FILES, Split, locate
from kohort.datasets._npz import load_npz
from kohort.datasets._words import Texts, shuffle

_SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"
_TOPICS = """
cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship
cotton carcass crude nat-gas cpi money-fx interest gnp meal-feed alum oilseed gold tin
strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc orange pet-chem dlr
gas silver wpi hog lead
"""


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Split:
    """Load Reuters: 11,228 newswires as lists of word indices, with their topics 0 to 45.

    The coding is that of `imdb.load_data`. Returns `(x_train, y_train), (x_test, y_test)`: `(n,)`
    object arrays of lists and topics `(n,)`. The wires are shuffled by `seed` and the last
    `test_split` of them are the test part.

    Source: Lewis, *Reuters-21578 text categorization collection*, 1997 (for research only).
    """
    data = load_npz(locate(path, KERAS_FILES + "reuters.npz", _SHA256))
    x, y = shuffle(data["x"], data["y"], np.random.RandomState(seed))
    texts = Texts.join(x).shift(start_char, index_from)
    if maxlen:
        short = texts.lengths < maxlen
        texts, y = texts.select(short), y[short]
    if not len(y):
        raise ValueError(
            f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. "
            "Increase maxlen."
        )
    # Without a limit Keras still drops the highest index, since it compares by "less than".
    texts = texts.limit(skip_top, num_words or int(texts.words.max()), oov_char)
    lists, cut = texts.arrays(), int(len(y) * (1 - test_split))
    return (lists[:cut], y[:cut]), (lists[cut:], y[cut:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The rank of each word; its index in the data is the rank plus `index_from` (3)."""
    found = locate(path, KERAS_FILES + "reuters_word_index.json", _INDEX_MD5)
    return json.loads(found.read_text(encoding="utf-8"))


def get_label_names() -> tuple[str, ...]:
    """The names of the topics 0 to 45.

    >>> get_label_names()[3]
    'earn'
    """
    return tuple(_TOPICS.split())
