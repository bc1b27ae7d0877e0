"""The base of lookups: tokens to numbers and back, by a given or a learned vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.core.host import to_host
from kohort.core.settings import floatx
from kohort.core.symbolic import KerasTensor
from kohort.layers.preprocessing.encoding import encode_on_host, encoded_shape
from kohort.layers.preprocessing.hashes import hasher
from kohort.layers.preprocessing.host import adapt_batches
from kohort.layers.preprocessing.vocabulary import (
    Vocabulary,
    VocabularyLayer,
    from_file,
    listed,
)

LOOKUP_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_NOWHERE = np.iinfo(np.int64).max  # the number of a masked token in an encoding


class IndexLookup(VocabularyLayer):
    """The part of StringLookup and IntegerLookup that does not depend on the kind of token.

    Numbers are given in this order: the mask token (0, in mode "int"), `num_oov_indices` numbers
    for tokens out of the vocabulary, the vocabulary by falling frequency.
    """

    if TYPE_CHECKING:  # the fields of the subclasses
        max_tokens: int | None
        num_oov_indices: int
        mask_token: Any
        oov_token: Any
        invert: bool
        output_mode: str
        pad_to_max_tokens: bool
        salt: Any
        vocabulary_dtype: str
    _texts = True

    def __post_init__(self) -> None:
        given = self.__dict__.pop("vocabulary")
        weights = self.__dict__.pop("idf_weights")
        self.input_vocabulary = None if isinstance(given, (str, Path)) else listed(given)
        self.input_idf_weights = listed(weights)
        self._has_input_vocabulary = given is not None
        self._check_arguments(given, weights)
        self._idf: np.ndarray | None = None
        self._vocabulary = Vocabulary()
        self.reset_state()
        if given is not None:
            self.set_vocabulary(given, weights)
            self._has_input_vocabulary = True

    def _check_arguments(self, vocabulary: Any, idf_weights: Any) -> None:
        if self.max_tokens is not None and self.max_tokens <= 1:
            raise ValueError(
                "If set, `max_tokens` must be greater than 1. "
                f"Received: max_tokens={self.max_tokens}"
            )
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ValueError(
                "If pad_to_max_tokens is True, must set `max_tokens`. Received: max_tokens=None"
            )
        if self.num_oov_indices < 0:
            raise ValueError(
                "`num_oov_indices` must be greater than or equal to 0. "
                f"Received: num_oov_indices={self.num_oov_indices}"
            )
        if self.invert and self.output_mode != "int":
            raise ValueError(
                "`output_mode` must be `'int'` when `invert` is true. "
                f"Received: output_mode={self.output_mode}"
            )
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(
                "`idf_weights` should only be set if `output_mode` is `'tf_idf'`. "
                f"Received: idf_weights={idf_weights} and output_mode={self.output_mode}"
            )
        if self.output_mode == "tf_idf" and vocabulary is not None and idf_weights is None:
            raise ValueError(
                "When specifying the `vocabulary` argument, in TF-IDF output mode, the "
                "`idf_weights` argument must also be provided."
            )

    # ---- the vocabulary

    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    def _special_tokens(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their numbers."""
        special = self._special_tokens() if include_special_tokens else []
        return [*special, *self._vocabulary.tokens]

    def vocabulary_size(self) -> int:
        """How many numbers there are, those of mask and unknown tokens included."""
        return len(self._vocabulary) + self._token_start

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take these tokens (a list, an array, or a file with one token a line).

        Raises:
            ValueError: where tokens repeat, special tokens stand in the middle, there are more
                than `max_tokens`, or weights do not fit.
        """
        if self.output_mode == "tf_idf" and idf_weights is None:
            raise ValueError("`idf_weights` must be set if output_mode is 'tf_idf'.")
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(
                "`idf_weights` should only be set if output_mode is `'tf_idf'`. Received: "
                f"output_mode={self.output_mode} and idf_weights={idf_weights}"
            )
        found = from_file(vocabulary) if isinstance(vocabulary, (str, Path)) else vocabulary
        found = [self._as_token(token) for token in listed(found)]
        if not found:
            raise ValueError(f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        start, special = self._token_start, self._special_tokens()
        with_special = found[:start] == special
        tokens = found[start:] if with_special else found
        self._check_tokens(tokens, special)
        self._vocabulary = Vocabulary(tokens, start)
        self._freeze_size()
        if idf_weights is not None:
            self._set_weights(
                np.asarray(idf_weights, floatx()), found, start if with_special else 0
            )

    def _set_weights(self, weights: np.ndarray, tokens: list[Any], known: int) -> None:
        if len(weights) != len(tokens):
            raise ValueError(
                "`idf_weights` must be the same length as vocabulary. len(idf_weights) is "
                f"{len(weights)}; len(vocabulary) is {len(tokens)}"
            )
        if weights.ndim != 1:
            raise ValueError(f"TF-IDF data must be a 1-index array. Received: {weights.shape}")
        front = self._token_start - known
        self._idf = self._padded(np.pad(weights, (front, 0), constant_values=weights.mean()))

    def _padded(self, weights: np.ndarray) -> np.ndarray:
        if not self.pad_to_max_tokens:
            return weights
        return np.pad(weights, (0, (self.max_tokens or 0) - len(weights)))

    def _as_token(self, token: Any) -> Any:
        """A token as a plain Python value."""
        return token.decode("utf-8") if isinstance(token, bytes) else str(token)

    def _check_tokens(self, tokens: list[Any], special: list[Any]) -> None:
        repeated = [token for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise ValueError(
                "The passed vocabulary has at least one repeated term. Please uniquify your "
                f"dataset. The repeated terms are: {repeated}"
            )
        reserved = [("mask", self.mask_token)]
        if self.invert:
            reserved.append(("OOV", self.oov_token))
        for name, token in reserved:
            if token is not None and token in tokens:
                raise ValueError(
                    f"Found reserved {name} token at unexpected location in `vocabulary`. Note "
                    "that passed `vocabulary` does not need to include the OOV and mask tokens. "
                    "Either remove all mask and OOV tokens, or include them only at the start of "
                    f"the vocabulary in precisely this order: {special}. Received: "
                    f"{name.lower()}_token={token} at vocabulary index {tokens.index(token)}"
                )
        size = self._token_start + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                "Attempted to set a vocabulary larger than the maximum vocab size. Received "
                f"vocabulary size is {size}; `max_tokens` is {self.max_tokens}."
            )

    def _freeze_size(self) -> None:
        """Encoded outputs have the width of the vocabulary: it must not change any more."""
        size, before = self.vocabulary_size(), self._frozen_vocab_size
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and before is not None and size != before:
            raise RuntimeError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, the "
                "vocabulary size cannot be changed after the layer is called. Old vocab size is "
                f"{before}, new vocab size is {size}. Set `max_tokens` and "
                "`pad_to_max_tokens=True` for outputs of a fixed width."
            )
        self._frozen_vocab_size = size

    # ---- learning it

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary from an array, a list, or batches (of which at most `steps`)."""
        self.reset_state()
        for batch in adapt_batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of one more batch, whose rows are documents."""
        if self._has_input_vocabulary:
            raise ValueError(
                f"Cannot adapt layer '{self.name}' after setting a static vocabulary via "
                "`vocabulary` argument or `set_vocabulary()` method."
            )
        rows = self._to_keys(data)
        self._count(np.atleast_2d(rows) if rows.ndim < 2 else rows.reshape(len(rows), -1))

    def _count(self, documents: Iterable[Any]) -> None:
        documents = [d.tolist() if isinstance(d, np.ndarray) else d for d in documents]
        for document in documents:
            self._counts.update(document)
            if self.output_mode == "tf_idf":
                self._document_counts.update(set(document))
        self._documents += len(documents)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted: frequent tokens first, ties backwards."""
        counts = self._counts
        if self._has_input_vocabulary or not counts:
            self._freeze_size()
            return
        found = [(n, t) for t, n in counts.items() if t not in (self.mask_token, self.oov_token)]
        most = self.max_tokens - self._token_start if self.max_tokens else None
        tokens = [token for _, token in sorted(found, reverse=True)[:most]]
        self._vocabulary = Vocabulary(tokens, self._token_start)
        if self.output_mode == "tf_idf":
            seen = np.array([self._document_counts[t] for t in tokens], np.float64)
            idf = np.log(1 + self._documents / (1 + seen)).astype(floatx())
            front = (self._token_start, 0)
            self._idf = self._padded(np.pad(idf, front, constant_values=idf.mean()))
        self.reset_state()
        self._freeze_size()

    def reset_state(self) -> None:
        """Forget what was counted, not the vocabulary."""
        self._counts: Counter[Any] = Counter()
        self._document_counts: Counter[Any] = Counter()
        self._documents = 0

    # ---- looking up

    def _to_keys(self, x: Any) -> np.ndarray:
        """The inputs as an array of tokens."""
        return to_host(x)

    def _numbers(self, keys: np.ndarray) -> np.ndarray:
        """The numbers of tokens; those of unknown ones by their hash."""
        index = self._vocabulary.index
        found = np.fromiter((index.get(k, -1) for k in keys.ravel().tolist()), np.int64, keys.size)
        found = found.reshape(keys.shape)
        unknown = found < 0
        if self.mask_token is not None:
            masked = keys == self.mask_token
            found[masked] = 0 if self.output_mode == "int" else _NOWHERE
            unknown &= ~masked
        if unknown.any():
            if self.num_oov_indices == 0:
                raise ValueError(
                    "When `num_oov_indices=0` all inputs should be in vocabulary, found OOV values "
                    f"{keys[unknown][:10].tolist()}, consider setting `num_oov_indices=1`."
                )
            found[unknown] = self._oov_start + self._oov_places(keys[unknown])
        return found

    def _oov_places(self, keys: np.ndarray) -> Any:
        if self.num_oov_indices == 1:
            return 0
        hashed = hasher(self.salt)
        return np.array([hashed(str(k)) % self.num_oov_indices for k in keys.tolist()])

    def on_host(self, inputs: Any) -> np.ndarray:
        """The numbers (or, inverted, the tokens), encoded."""
        if self.invert:
            return self._tokens_of(np.asarray(inputs))
        if self._depth is None and self.output_mode != "int":
            raise RuntimeError(
                f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, you "
                "must set the layer's vocabulary before calling it. Either pass a `vocabulary` "
                "argument to the layer, or call `adapt` with some sample data."
            )
        return self.encoded(self._numbers(self._to_keys(inputs)))

    def _tokens_of(self, numbers: np.ndarray) -> np.ndarray:
        known = dict(enumerate(self._vocabulary.tokens, self._token_start))
        if self._oov_start:
            known[0] = self.mask_token
        found = np.empty(numbers.size, object)
        found[:] = [known.get(int(n), self.oov_token) for n in numbers.ravel()]
        return found.reshape(numbers.shape)

    def encoded(self, numbers: np.ndarray) -> np.ndarray:
        """Numbers in the output mode."""
        if self.output_mode == "int":
            return numbers.astype(np.int32)
        assert self._depth is not None
        counted = "count" if self.output_mode == "tf_idf" else self.output_mode
        return self.weighted(encode_on_host(numbers, counted, self._depth))

    def weighted(self, counts: np.ndarray) -> np.ndarray:
        """Counts times the weights of rare tokens, in mode "tf_idf"."""
        if self.output_mode != "tf_idf":
            return counts
        if self._idf is None:
            raise ValueError(
                "When `output_mode` is `'tf_idf'`, `idf_weights` must be provided, or learned by "
                "`adapt`. Received: neither."
            )
        return counts * self._idf

    @property
    def _depth(self) -> int | None:
        return self.max_tokens if self.pad_to_max_tokens else self._frozen_vocab_size

    @property
    def compute_dtype(self) -> str:  # type: ignore[override]
        """The kind of token."""
        return self.vocabulary_dtype

    @property
    def variable_dtype(self) -> str:  # type: ignore[override]
        """The kind of token."""
        return self.vocabulary_dtype

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the encoded numbers."""
        return encoded_shape(input_shape, self.output_mode, self._depth)

    def compute_output_spec(self, inputs: Any) -> Any:
        """The encoded numbers as a symbolic tensor."""
        dtype = "int32" if self.output_mode == "int" else floatx()
        if self.invert and self._texts:
            dtype = "string"
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=dtype)

    # ---- files

    def get_build_config(self) -> dict[str, Any]:
        """Nothing: there is nothing to build."""
        return {}

    def build_from_config(self, config: Any) -> None:
        """Nothing to do."""

    def get_config(self) -> dict[str, Any]:
        """The configuration; a learned vocabulary is a file beside it (`save_assets`)."""
        return {
            **super().get_config(), "vocabulary": self.input_vocabulary,
            "idf_weights": self.input_idf_weights, "vocabulary_size": self._frozen_vocab_size,
        }  # fmt: skip

    def save_own_variables(self, store: Any) -> None:
        """The weights of mode "tf_idf"."""
        if self.output_mode == "tf_idf" and self._idf is not None:
            store["idf_weights"] = self._idf

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote."""
        if self.output_mode == "tf_idf" and "idf_weights" in store.keys():
            self._idf = np.asarray(store["idf_weights"])

    def save_assets(self, dir_path: str) -> None:
        """Write a learned vocabulary as `vocabulary.txt`."""
        if self.input_vocabulary is None:
            lines = "\n".join(str(token) for token in self.get_vocabulary())
            Path(dir_path, "vocabulary.txt").write_text(lines, encoding="utf-8", newline="\n")

    def load_assets(self, dir_path: str) -> None:
        """Read what `save_assets` wrote."""
        if self.input_vocabulary is None:
            tokens = from_file(Path(dir_path, "vocabulary.txt"), checked=False)
            if len(tokens) > self._token_start:
                weights = self._idf if self.output_mode == "tf_idf" else None
                weights = weights if weights is None else weights[: len(tokens)]
                self.set_vocabulary(tokens, weights)
