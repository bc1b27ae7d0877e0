"""Keras 2's `preprocessing.text`: words to integers (new code: the layer `TextVectorization`)."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "freq", "tfidf")


def text_to_word_sequence(
    input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """Split a text into words; the characters in `filters` separate words too.

    >>> text_to_word_sequence("Hello, world!")
    ['hello', 'world']
    """
    text = input_text.lower() if lower else input_text
    text = text.translate({ord(character): split for character in filters})
    return [word for word in text.split(split) if word]


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """`hashing_trick` with Python's `hash`, which differs from run to run.

    >>> all(1 <= index < 50 for index in one_hot("to be or not to be", 50))
    True
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[str], int] | str | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], list[str]] | None = None,
) -> list[int]:
    """Give each word the index `hash(word) % (n - 1) + 1`, in `1 .. n - 1`; words may collide.

    `hash_function` is a function, `"md5"` (the same in every run) or None (Python's `hash`).

    >>> hashing_trick("the cat sat on the mat", 100, "md5")
    [51, 3, 10, 28, 51, 26]
    """
    function = _md5 if hash_function == "md5" else hash_function or hash
    if not callable(function):
        raise ValueError(
            f"`hash_function` must be a function, 'md5' or None. Received: {hash_function}"
        )
    words = analyzer(text) if analyzer else text_to_word_sequence(text, filters, lower, split)
    return [function(word) % (n - 1) + 1 for word in words]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode()).hexdigest(), 16)


class Tokenizer:
    """Number the words of texts by how often they occur, from 1 on (0 is for padding).

    `num_words` keeps the `num_words - 1` most frequent words; the others are left out, or become
    `oov_token`, which then has index 1. Texts are split as in `text_to_word_sequence`, into
    characters with `char_level`, or by `analyzer(text)`; lists are taken as split already.

    >>> tokenizer = Tokenizer(num_words=3)
    >>> tokenizer.fit_on_texts(["the cat sat", "the cat", "the dog"])
    >>> tokenizer.texts_to_sequences(["the cat sat on the dog"])
    [[1, 2, 1]]
    >>> tokenizer.texts_to_matrix(["the the cat"], mode="count").tolist()
    [[0.0, 2.0, 1.0]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[str], list[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        if "nb_words" in kwargs:
            warnings.warn(
                "The `nb_words` argument in `Tokenizer` has been renamed `num_words`.",
                stacklevel=2,
            )
            num_words = kwargs.pop("nb_words")
        self.document_count = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"Unrecognized keyword arguments: {kwargs}")
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.word_counts: dict[str, int] = OrderedDict()
        self.word_docs: dict[str, int] = defaultdict(int)
        self.index_docs: dict[int, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _words(self, text: Any) -> Any:
        if not (self.char_level or isinstance(text, list)):
            if self.analyzer is not None:
                return self.analyzer(text)
            return text_to_word_sequence(text, self.filters, self.lower, self.split)
        if not self.lower:
            return text
        return [part.lower() for part in text] if isinstance(text, list) else text.lower()

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts and number them; further calls go on counting."""
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        ranked = sorted(self.word_counts, key=self.word_counts.__getitem__, reverse=True)
        vocabulary = ranked if self.oov_token is None else [self.oov_token, *ranked]
        self.word_index = {word: index for index, word in enumerate(vocabulary, start=1)}
        self.index_word = {index: word for word, index in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: list[list[int]]) -> None:
        """Count in how many sequences each index occurs (for `mode="tfidf"` without texts)."""
        self.document_count += len(sequences)
        for sequence in sequences:
            for index in set(sequence):
                self.index_docs[index] += 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The indices of the words of each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """`texts_to_sequences`, one text at a time."""
        for text in texts:
            indices = (self._kept(self.word_index.get(word)) for word in self._words(text))
            yield [index for index in indices if index is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of each sequence, joined by blanks."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """`sequences_to_texts`, one sequence at a time."""
        for sequence in sequences:
            known = (index if index in self.index_word else None for index in sequence)
            indices = (self._kept(index) for index in known)
            yield " ".join(self.index_word[index] for index in indices if index is not None)

    def _kept(self, index: int | None) -> int | None:
        """The index itself; that of `oov_token` (or None) if it is unknown or beyond the limit."""
        if index is None or (self.num_words and index >= self.num_words):
            return self.word_index.get(self.oov_token) if self.oov_token is not None else None
        return index

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """One row a text, one column a word: see `sequences_to_matrix`."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode=mode)

    def sequences_to_matrix(self, sequences: list[list[int]], mode: str = "binary") -> np.ndarray:
        """One row a sequence, `num_words` columns.

        `mode` is `"binary"` (1 if the word occurs), `"count"` (c), `"freq"` (c / length) or
        `"tfidf"` (`(1 + log c) * log(1 + documents / (1 + documents with the word))`).
        """
        num_words = self._matrix_width()
        if mode not in _MODES:
            raise ValueError(f"Unknown vectorization mode: {mode}. Expected one of {_MODES}.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Fit the Tokenizer on some data before using tfidf mode.")
        matrix = np.zeros((len(sequences), num_words))
        for row, sequence in enumerate(sequences):
            for index, count in Counter(sequence).items():
                if index < num_words:
                    matrix[row, index] = self._weight(index, count, len(sequence), mode)
        return matrix

    def _matrix_width(self) -> int:
        if self.num_words:
            return self.num_words
        if not self.word_index:
            raise ValueError(
                "Specify a dimension (`num_words` argument), or fit on some text data first."
            )
        return len(self.word_index) + 1

    def _weight(self, index: int, count: int, length: int, mode: str) -> float:
        if mode == "binary":
            return 1.0
        if mode == "count":
            return float(count)
        if mode == "freq":
            return count / length
        documents = 1 + self.index_docs.get(index, 0)
        return float((1 + np.log(count)) * np.log(1 + self.document_count / documents))

    def get_config(self) -> dict[str, Any]:
        """The settings, and the counts as JSON text."""
        names = "num_words filters lower split char_level oov_token document_count".split()
        counts = "word_counts word_docs index_docs index_word word_index".split()
        config = {name: getattr(self, name) for name in names}
        return config | {name: json.dumps(getattr(self, name)) for name in counts}

    def to_json(self, **kwargs: Any) -> str:
        """The class name and configuration as JSON; `kwargs` go to `json.dumps`."""
        return json.dumps(
            {"class_name": type(self).__name__, "config": self.get_config()}, **kwargs
        )


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The inverse of `Tokenizer.to_json`.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["a b"])
    >>> tokenizer_from_json(tokenizer.to_json()).word_index
    {'a': 1, 'b': 2}
    """
    config = json.loads(json_string)["config"]
    counts = "word_counts word_docs word_index index_docs index_word".split()
    stored = {name: json.loads(config.pop(name)) for name in counts}
    tokenizer = Tokenizer(**config)
    for name, values in stored.items():
        if name.startswith("index"):  # JSON has text keys only
            values = {int(key): value for key, value in values.items()}
        getattr(tokenizer, name).update(values)
    return tokenizer
