"""TextVectorization: texts to numbers of words."""

from __future__ import annotations

import itertools
import re
import string
from typing import Any

import numpy as np

from kohort.core.component import field
from kohort.core.host import to_host
from kohort.core.serialization import deserialize_keras_object
from kohort.core.settings import floatx
from kohort.core.symbolic import KerasTensor
from kohort.layers.preprocessing.encoding import output_kind, refuse_sparse, scatter
from kohort.layers.preprocessing.host import adapt_batches
from kohort.layers.preprocessing.lookup import LOOKUP_MODES
from kohort.layers.preprocessing.lookups import StringLookup
from kohort.layers.preprocessing.vocabulary import VocabularyLayer

# As in TensorFlow, only ASCII letters are lowered and only ASCII white space parts words.
_LOWER = {
    ord(a): ord(b) for a, b in zip(string.ascii_uppercase, string.ascii_lowercase, strict=True)
}
_STRIP: dict[int, Any] = dict.fromkeys(map(ord, string.punctuation))
_TABLES: dict[Any, dict[int, Any]] = {
    "lower": _LOWER,
    "strip_punctuation": _STRIP,
    "lower_and_strip_punctuation": {**_LOWER, **_STRIP},
}
_WORD = re.compile(r"[^ \t\n\r\f\v]+")


def _step(name: str, default: str, allowed: tuple[str, ...]) -> Any:
    """A field for a function, None, or one of a few names."""

    def check(key: str, value: Any) -> None:
        if not (value is None or callable(value) or value in allowed):
            raise ValueError(
                f"Unknown value for `{name}` argument of layer TextVectorization. If restricted to "
                f"a callable, a string or None, expected one of: {allowed}. "
                f"Received: {name}={value}"
            )

    return field(default, convert=_function, check=check)


def _function(value: Any) -> Any:
    return deserialize_keras_object(value) if isinstance(value, dict) else value


class TextVectorization(VocabularyLayer):
    """Texts to the numbers of their words, or to one vector a text.

    A text is standardised, split into tokens, joined to n-grams; tokens are looked up in a
    vocabulary that is given or learned by `adapt`. 0 stands for no token, 1 for an unknown one.

    Args:
        max_tokens: the size of the vocabulary at most, special tokens included.
        standardize: lower_and_strip_punctuation, lower, strip_punctuation, None, or a function of
            an array of strings.
        split: whitespace, character, None, or a function of an array of strings.
        ngrams: n for all n-grams up to n words, or a tuple of lengths.
        output_mode: int, one_hot, multi_hot, count or tf_idf.
        output_sequence_length: the length to which rows are cut or filled (mode "int").
        pad_to_max_tokens: whether vectors have `max_tokens` columns in any case.
        vocabulary: a list, an array, or the path of a text file with one token a line.
        idf_weights: the weight of each token in mode "tf_idf".
        sparse, ragged: must be False.
        encoding: the encoding of bytes.

    Shapes: (batch,) or (batch, 1) -> (batch, length) or (batch, tokens).

    >>> layer = TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["the cat sat", "the dog"])
    >>> print(layer(["The dog, THE bird!"]))
    [[2 4 2 1]]

    Source: `keras.layers.TextVectorization`.
    """

    max_tokens: int | None = None
    standardize: Any = _step("standardize", "lower_and_strip_punctuation", tuple(_TABLES))
    split: Any = _step("split", "whitespace", ("whitespace", "character"))
    ngrams: Any = field(None, convert=lambda n: tuple(n) if isinstance(n, list) else n)
    output_mode: str = output_kind("int", LOOKUP_MODES)
    output_sequence_length: int | None = None
    pad_to_max_tokens: bool = False
    vocabulary: Any = None
    idf_weights: Any = None
    sparse: bool = refuse_sparse()
    ragged: bool = False
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        self._check_arguments()
        given, weights = self.__dict__.pop("vocabulary"), self.__dict__.pop("idf_weights")
        self._lookup_layer = StringLookup(
            max_tokens=self.max_tokens, mask_token="", vocabulary=given, idf_weights=weights,
            output_mode=self.output_mode, pad_to_max_tokens=self.pad_to_max_tokens,
            encoding=self.encoding, vocabulary_size=self._frozen_vocab_size,
        )  # fmt: skip
        self.input_vocabulary = self._lookup_layer.input_vocabulary

    def _check_arguments(self) -> None:
        ngrams, length = self.ngrams, self.output_sequence_length
        if not (
            ngrams is None
            or isinstance(ngrams, int)
            or (isinstance(ngrams, tuple) and all(isinstance(n, int) for n in ngrams))
        ):
            raise ValueError(
                "`ngrams` must be None, an integer, or a tuple of integers. "
                f"Received: ngrams={ngrams}"
            )
        if self.output_mode == "int" and not (isinstance(length, int) or length is None):
            raise ValueError(
                "`output_sequence_length` must be either None or an integer when `output_mode` is "
                f"'int'. Received: output_sequence_length={length}"
            )
        if self.output_mode != "int" and length is not None:
            raise ValueError(
                "`output_sequence_length` must not be set if `output_mode` is not 'int'. "
                f"Received: output_sequence_length={length}."
            )
        if self.ragged:
            raise ValueError(
                "`ragged=True` can only be used with the TensorFlow backend. Received: ragged=True"
            )

    # ---- the vocabulary

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from texts, or batches of texts (of which at most `steps`)."""
        del batch_size
        self.reset_state()
        for batch in adapt_batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of one more batch."""
        if self._lookup_layer._has_input_vocabulary:
            self._lookup_layer.update_state(data)  # it says that this must not be
        self._lookup_layer._count(self._token_rows(data))

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their numbers."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many numbers there are, those of padding and unknown tokens included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take these tokens (a list, an array, or a file with one token a line)."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # ---- texts to tokens

    def _token_rows(self, inputs: Any) -> Any:
        """Lists of tokens, one a text (an array where nothing is split)."""
        texts = to_host(inputs)
        if callable(self.standardize):
            texts = to_host(self.standardize(texts.astype(str)))
        elif self.standardize is not None:
            table = _TABLES[self.standardize]
            flat = np.empty(texts.size, object)
            flat[:] = [text.translate(table) for text in texts.ravel()]
            texts = flat.reshape(texts.shape)
        rows: Any = texts if self.split is None else self._split(texts)
        if self.ngrams is None:
            return rows
        lengths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        return [_ngrams(list(row), lengths) for row in rows]

    def _split(self, texts: np.ndarray) -> Any:
        if texts.ndim > 1:
            if texts.shape[-1] != 1:
                raise ValueError(
                    "When using `TextVectorization` to tokenize strings, the input rank must be 1 "
                    "or the last shape dimension must be 1. "
                    f"Received: inputs.shape={texts.shape} with rank={texts.ndim}"
                )
            texts = texts[..., 0]
        if callable(self.split):
            return [list(to_host(row)) for row in self.split(texts.astype(str))]
        cut = list if self.split == "character" else _WORD.findall
        return [cut(text) for text in np.atleast_1d(texts)]

    # ---- tokens to numbers

    def on_host(self, inputs: Any) -> np.ndarray:
        """The numbers of the tokens, or one vector a text."""
        rows, lookup = self._token_rows(inputs), self._lookup_layer
        if isinstance(rows, np.ndarray):
            return self._cut(lookup.on_host(rows))
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        flat = np.empty(int(lengths.sum()), object)
        flat[:] = list(itertools.chain.from_iterable(rows))
        numbers = lookup._numbers(flat)
        row = np.repeat(np.arange(len(rows)), lengths)
        if self.output_mode in ("multi_hot", "count", "tf_idf"):
            depth = lookup.compute_output_shape((1,))[-1]
            mode = "count" if self.output_mode == "tf_idf" else self.output_mode
            return lookup.weighted(scatter(row, numbers, (len(rows),), mode, depth))
        place = np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        width = self.output_sequence_length
        width = int(lengths.max(initial=0)) if width is None else width
        out = np.full((len(rows), width), 0 if self.output_mode == "int" else -1, np.int64)
        kept = place < width
        out[row[kept], place[kept]] = numbers[kept]
        return lookup.encoded(out)

    def _cut(self, numbers: np.ndarray) -> np.ndarray:
        """Rows of the wanted length."""
        width = self.output_sequence_length
        if width is None:
            return numbers
        numbers = numbers[..., :width]
        return np.pad(numbers, [(0, 0)] * (numbers.ndim - 1) + [(0, width - numbers.shape[-1])])

    @property
    def compute_dtype(self) -> str:  # type: ignore[override]
        """Texts."""
        return "string"

    @property
    def variable_dtype(self) -> str:  # type: ignore[override]
        """Texts."""
        return "string"

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the numbers or vectors."""
        if self.output_mode == "int":
            return (input_shape[0], self.output_sequence_length)
        shape = tuple(input_shape)
        if self.split is not None:
            shape = (*shape, None) if len(shape) == 1 else (*shape[:-1], None)
        elif len(shape) == 1:
            shape = (*shape, 1)
        return self._lookup_layer.compute_output_shape(shape)

    def compute_output_spec(self, inputs: Any) -> Any:
        """The numbers or vectors as a symbolic tensor."""
        dtype = "int32" if self.output_mode == "int" else floatx()
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=dtype)

    # ---- files

    def get_build_config(self) -> None:
        """Nothing: there is nothing to build."""

    def get_config(self) -> dict[str, Any]:
        """The configuration; a learned vocabulary is a file beside it (`save_assets`)."""
        lookup = self._lookup_layer
        return {
            **super().get_config(), "vocabulary": lookup.input_vocabulary,
            "idf_weights": lookup.input_idf_weights, "vocabulary_size": self.vocabulary_size(),
        }  # fmt: skip

    def save_own_variables(self, store: Any) -> None:
        """The weights of mode "tf_idf"."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Write a learned vocabulary as `vocabulary.txt`."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read what `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)


def _ngrams(tokens: list[str], lengths: Any) -> list[str]:
    """All runs of so many tokens, joined by blanks, the lengths one after the other."""
    return [" ".join(tokens[i : i + n]) for n in lengths for i in range(len(tokens) - n + 1)]
