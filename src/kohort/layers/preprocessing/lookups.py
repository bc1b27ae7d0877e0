"""StringLookup and IntegerLookup."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from kohort.core.component import field
from kohort.core.host import to_host
from kohort.core.settings import floatx
from kohort.layers.preprocessing.encoding import encode, output_kind, refuse_sparse
from kohort.layers.preprocessing.hashing import check_salt
from kohort.layers.preprocessing.lookup import LOOKUP_MODES, IndexLookup


class StringLookup(IndexLookup):
    """Strings to numbers by a vocabulary, which is given or learned by `adapt`.

    Args:
        max_tokens: the size of the vocabulary at most, special tokens included.
        num_oov_indices: how many numbers stand for strings out of the vocabulary; several are
            shared out by a hash.
        mask_token: the string that gets the number 0 (None: none does).
        oov_token: what unknown numbers are called when inverted.
        vocabulary: a list, an array, or the path of a text file with one token a line.
        idf_weights: the weight of each token in mode "tf_idf".
        invert: map numbers to strings.
        output_mode: int, one_hot, multi_hot, count or tf_idf.
        pad_to_max_tokens: whether encoded outputs have `max_tokens` columns in any case.
        sparse: must be False.
        encoding: the encoding of bytes.
        salt: a key (one or two whole numbers) for the hash of unknown strings.

    >>> layer = StringLookup(vocabulary=["a", "b"])
    >>> print(layer([["b", "z", "a"]]))
    [[2 0 1]]

    Source: `keras.layers.StringLookup`.
    """

    max_tokens: int | None = None
    num_oov_indices: int = 1
    mask_token: Any = None
    oov_token: Any = "[UNK]"
    vocabulary: Any = None
    idf_weights: Any = None
    invert: bool = False
    output_mode: str = output_kind("int", LOOKUP_MODES)
    pad_to_max_tokens: bool = False
    sparse: bool = refuse_sparse()
    encoding: str = "utf-8"
    salt: Any = field(None, convert=lambda salt: check_salt(salt, "StringLookup"))
    oov_method: str = "floormod"
    vocabulary_dtype = "string"

    def _to_keys(self, x: Any) -> np.ndarray:
        keys = to_host(x)
        return keys if keys.dtype == object else keys.astype(str).astype(object)


def _oov_method(value: Any) -> str:
    if value not in ("floormod", "farmhash"):
        raise ValueError(
            "Unknown value for `oov_method` argument of layer IntegerLookup. Expected one of: "
            f"('floormod', 'farmhash'). Received: oov_method={value}"
        )
    return value


def _check_dtype(name: str, value: Any) -> None:
    if value != "int64":
        raise ValueError(
            "Only `vocabulary_dtype='int64'` is supported at this time. "
            f"Received: vocabulary_dtype={value}"
        )


class IntegerLookup(IndexLookup):
    """Whole numbers to the numbers 0, 1, 2, … by a vocabulary, given or learned by `adapt`.

    Args:
        max_tokens: the size of the vocabulary at most, special tokens included.
        num_oov_indices: how many numbers stand for values out of the vocabulary; several are
            shared out by `oov_method`.
        mask_token: the value that gets the number 0 (None: none does).
        oov_token: what unknown numbers are called when inverted.
        vocabulary: a list, an array, or the path of a text file with one value a line.
        vocabulary_dtype: "int64".
        idf_weights: the weight of each token in mode "tf_idf".
        invert: map numbers back to values.
        output_mode: int, one_hot, multi_hot, count or tf_idf.
        sparse: must be False.
        pad_to_max_tokens: whether encoded outputs have `max_tokens` columns in any case.
        oov_method: floormod or farmhash.
        salt: a key for the hash of unknown values.

    >>> layer = IntegerLookup(vocabulary=[12, 36])
    >>> print(layer(np.array([[36, 7, 12]])))
    [[2 0 1]]

    Source: `keras.layers.IntegerLookup`.
    """

    max_tokens: int | None = None
    num_oov_indices: int = 1
    mask_token: Any = None
    oov_token: Any = -1
    vocabulary: Any = None
    vocabulary_dtype: str = field("int64", check=_check_dtype)
    idf_weights: Any = None
    invert: bool = False
    output_mode: str = output_kind("int", LOOKUP_MODES)
    sparse: bool = refuse_sparse()
    pad_to_max_tokens: bool = False
    oov_method: str = field("floormod", convert=_oov_method)
    salt: Any = field(None, convert=lambda salt: check_salt(salt, "IntegerLookup"))
    _texts = False

    def __post_init__(self) -> None:
        if self.salt is not None and self.oov_method != "farmhash":
            raise ValueError(
                "`salt` can only be used when `oov_method='farmhash'`. "
                f"Received: oov_method={self.oov_method}"
            )
        super().__post_init__()

    def _as_token(self, token: Any) -> Any:
        return int(token)

    def _to_keys(self, x: Any) -> np.ndarray:
        return to_host(x).astype(np.int64)

    def _oov_places(self, keys: np.ndarray) -> Any:
        if self.oov_method == "floormod":
            return np.mod(keys, self.num_oov_indices)
        return super()._oov_places(keys)

    def _tokens_of(self, numbers: np.ndarray) -> np.ndarray:
        return super()._tokens_of(numbers).astype(np.int32)

    def _traced(self, inputs: Any) -> Any:
        """Look up in the compiled program, by bisection; what hashes is done on the host."""
        hashes = self.oov_method == "farmhash" and self.num_oov_indices > 1
        if self.invert or hashes or self.num_oov_indices == 0 or not len(self._vocabulary):
            return super()._traced(inputs)
        tokens = np.asarray(self._vocabulary.tokens, np.int32)
        order = np.argsort(tokens)
        place = jnp.searchsorted(jnp.asarray(tokens[order]), inputs)
        place = jnp.minimum(place, len(tokens) - 1)
        known = jnp.asarray(tokens[order])[place] == inputs
        unknown = self._oov_start + jnp.mod(inputs, self.num_oov_indices)
        numbers = jnp.where(known, self._token_start + jnp.asarray(order)[place], unknown)
        if self.mask_token is not None:
            # In an encoding -1 stands nowhere.
            masked = 0 if self.output_mode == "int" else -1
            numbers = jnp.where(inputs == self.mask_token, masked, numbers)
        if self.output_mode == "int":
            return numbers.astype("int32")
        counted = "count" if self.output_mode == "tf_idf" else self.output_mode
        assert self._depth is not None
        out = encode(numbers, counted, self._depth, floatx())
        return out if self.output_mode != "tf_idf" else out * jnp.asarray(self._idf)
