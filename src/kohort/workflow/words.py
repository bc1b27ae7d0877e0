"""Texts as yes/no columns: which of the frequent words occur?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

MOST_WORDS = 2000
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_PROSE = 3  # words that at least half of the texts have


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case.

    >>> words_of("It's 5 o'clock, <br />and all's well!")
    ["it's", '5', "o'clock", 'br', 'and', "all's", 'well']
    """
    return _WORD.findall(text.lower())


def is_prose(values: Iterable[str | None]) -> bool:
    """Whether these are texts rather than names.

    >>> is_prose(["a long way home", None, "no way, he said"]), is_prose(["Ada King", "Bob Hay"])
    (True, False)
    """
    counts = [len(words_of(value)) for value in values if value is not None]
    return bool(counts) and float(np.median(counts)) >= _PROSE


def vocabulary(values: Iterable[str | None]) -> list[str]:
    """The words that occur in most texts, at least in two; in the order of the alphabet."""
    counts = Counter(word for value in values if value is not None for word in set(words_of(value)))
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
    return sorted(word for word, count in common if count > 1)


def occurrences(values: Sequence[str | None], words: Sequence[str]) -> np.ndarray:
    """1 where a text holds a word, `(texts, words)`.

    >>> occurrences(["the end", None], ["end", "of", "the"]).tolist()
    [[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    place = {word: i for i, word in enumerate(words)}
    out = np.zeros((len(values), len(words)), dtype="float32")
    for row, value in enumerate(values):
        if value is not None:
            out[row, [place[word] for word in set(words_of(value)) if word in place]] = 1
    return out
