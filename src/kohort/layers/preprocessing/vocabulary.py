"""Vocabularies: tokens with numbers, from lists, arrays and files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from kohort.core.safe_mode import in_safe_mode
from kohort.layers.preprocessing.host import HostLayer


class Vocabulary:
    """Tokens with numbers from `start` on."""

    def __init__(self, tokens: Iterable[Any] = (), start: int = 0):
        self.tokens = list(tokens)
        self.index = {token: number for number, token in enumerate(self.tokens, start)}

    def __len__(self) -> int:
        return len(self.tokens)

    def structure_key(self) -> Any:
        """What decides a compiled program: the size; whole numbers are looked up inside it."""
        inside = bool(self.tokens) and isinstance(self.tokens[0], int)
        content = hashlib.sha256(repr(self.tokens).encode()).digest() if inside else None
        return ("vocabulary", len(self.tokens), content)


class VocabularyLayer(HostLayer):
    """A layer whose files tell the size of its vocabulary."""

    def __init__(
        self, *, vocabulary_size: int | None = None, has_input_vocabulary: bool | None = None,
        trainable: bool = True, dtype: Any = None, **kwargs: Any,
    ):  # fmt: skip
        del trainable, dtype, has_input_vocabulary
        super().__init__(**kwargs)
        self._frozen_vocab_size = vocabulary_size


def listed(values: Any) -> Any:
    """Arrays and tuples as lists; None stays None."""
    return None if values is None else np.asarray(values, object).tolist()


def from_file(path: Any, checked: bool = True) -> list[str]:
    """The lines of a vocabulary file."""
    if checked and in_safe_mode():
        raise ValueError(
            "Requested the loading of a vocabulary file outside of the model archive. This carries "
            "a potential risk of loading arbitrary and sensitive files and thus it is disallowed "
            "by default. If you trust the source of the artifact, you can override this error by "
            "passing `safe_mode=False` to the loading function, or calling "
            f"`keras.config.enable_unsafe_deserialization(). Vocabulary file: '{path}'"
        )
    if not Path(path).exists():
        raise ValueError(f"Vocabulary file {path} does not exist.")
    lines = Path(path).read_text(encoding="utf-8").split("\n")
    while lines and lines[-1] == "":
        lines.pop()
    return lines
