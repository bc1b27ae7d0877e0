"""Keras 2's text tools, against the copies that Keras 3 keeps."""

import json

import pytest
from keras.src.legacy.preprocessing import text as keras_text
from numpy.testing import assert_allclose

from kohort.preprocessing.text import (
    Tokenizer,
    hashing_trick,
    one_hot,
    text_to_word_sequence,
    tokenizer_from_json,
)

TEXTS = [
    "The cat sat on the mat.",
    "The dog sat on the log!\tDogs and cats living together",
    "",
    "a a a the",
]
NEW = ["the unknown cat, the log", "zebra", ""]


@pytest.mark.parametrize("text", [*TEXTS, "Ünïcödé wörds — ok"])
@pytest.mark.parametrize("options", [{}, {"lower": False}, {"split": "o"}, {"filters": "a"}])
def test_words_like_keras(text, options):
    words = text_to_word_sequence(text, **options)
    assert words == keras_text.text_to_word_sequence(text, **options)
    assert hashing_trick(text, 50, "md5", **options) == keras_text.hashing_trick(
        text, 50, "md5", **options
    )
    assert one_hot(text, 50, **options) == keras_text.one_hot(text, 50, **options)


def test_hashing_with_own_functions():
    assert hashing_trick("a b", 10, len, analyzer=lambda text: ["xx", "yyy"]) == [3, 4]
    with pytest.raises(ValueError, match="'md5' or None. Received: sha"):
        hashing_trick("a", 10, "sha")


OPTIONS = {
    "plain": {},
    "limited": {"num_words": 4},
    "unknown words": {"oov_token": "<oov>"},
    "limited, unknown words": {"num_words": 4, "oov_token": "<oov>"},
    "characters": {"char_level": True},
    "case": {"lower": False},
    "analyzer": {"analyzer": lambda text: text.split("t")},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_tokenizer_like_keras(name):
    ours, theirs = Tokenizer(**OPTIONS[name]), keras_text.Tokenizer(**OPTIONS[name])
    for texts in (TEXTS, [["Already", "split", "the"], "once more the"]):
        ours.fit_on_texts(texts)
        theirs.fit_on_texts(texts)
    for (
        attribute
    ) in "word_counts word_docs index_docs word_index index_word document_count".split():
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    sequences = ours.texts_to_sequences([*TEXTS, *NEW, ["The", "list"]])
    assert sequences == theirs.texts_to_sequences([*TEXTS, *NEW, ["The", "list"]])
    back = [[1, 2, 3, 900], [], *sequences]
    assert ours.sequences_to_texts(back) == theirs.sequences_to_texts(back)
    for mode in ("binary", "count", "freq", "tfidf"):
        expected = theirs.texts_to_matrix([*TEXTS, *NEW], mode)
        assert_allclose(ours.texts_to_matrix([*TEXTS, *NEW], mode), expected)
    assert json.loads(ours.to_json()) == json.loads(theirs.to_json())


def test_json_round_trip_goes_on_counting():
    tokenizer = Tokenizer(num_words=5, oov_token="?")
    tokenizer.fit_on_texts(TEXTS)
    again = tokenizer_from_json(tokenizer.to_json(indent=1))
    assert again.get_config() == tokenizer.get_config()
    assert again.texts_to_sequences(NEW) == tokenizer.texts_to_sequences(NEW)
    for each in (tokenizer, again):
        each.fit_on_texts(NEW)
        each.fit_on_sequences([[1, 1, 7]])
    assert again.get_config() == tokenizer.get_config()


def test_sequences_alone():
    ours, theirs = Tokenizer(num_words=6), keras_text.Tokenizer(num_words=6)
    sequences = [[1, 2, 2, 9], [], [5, 1]]
    with pytest.raises(ValueError, match="Fit the Tokenizer on some data before"):
        ours.sequences_to_matrix(sequences, "tfidf")
    ours.fit_on_sequences(sequences)
    theirs.fit_on_sequences(sequences)
    expected = theirs.sequences_to_matrix(sequences, "tfidf")
    assert_allclose(ours.sequences_to_matrix(sequences, "tfidf"), expected)


def test_errors():
    with pytest.raises(ValueError, match="Specify a dimension"):
        Tokenizer().sequences_to_matrix([[1]])
    with pytest.raises(ValueError, match="Unknown vectorization mode: half"):
        Tokenizer(num_words=3).sequences_to_matrix([[1]], "half")
    with pytest.raises(TypeError, match="Unrecognized keyword arguments"):
        Tokenizer(words=3)
    with pytest.warns(UserWarning, match="renamed `num_words`"):
        assert Tokenizer(nb_words=3).num_words == 3
