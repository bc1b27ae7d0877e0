"""Padding, against Keras."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from kohort.utils.sequence import pad_sequences

ENDS = st.sampled_from(["pre", "post"])


@given(
    st.lists(st.lists(st.integers(0, 99), max_size=6), min_size=1, max_size=5),
    st.one_of(st.none(), st.integers(1, 7)),
    ENDS,
    ENDS,
    st.integers(-3, 3),
)
def test_like_keras(sequences, maxlen, padding, truncating, value):
    options = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": value}
    result = pad_sequences(sequences, **options)
    expected = keras.utils.pad_sequences(sequences, **options)
    assert_array_equal(result, expected)
    assert result.dtype == expected.dtype


def test_vectors_and_strings():
    vectors = [[[1, 2]], [[3, 4], [5, 6]], []]
    assert_array_equal(pad_sequences(vectors), keras.utils.pad_sequences(vectors))
    words = [["a"], ["b", "c"]]
    result = pad_sequences(words, dtype=object, value="pad")
    assert result.tolist() == [["pad", "a"], ["b", "c"]]
    assert pad_sequences(words, dtype="<U3", value="pad").tolist() == result.tolist()


def test_length_zero_keeps_nothing():
    assert pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)
    assert pad_sequences([]).shape == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sequences": iter([[1]])}, "`sequences` must be iterable"),
        ({"sequences": [1, 2]}, "list of iterables. Found non-iterable: 1"),
        ({"sequences": [[1]], "padding": "mid"}, 'Padding type "mid" not understood'),
        ({"sequences": [[1]], "truncating": "mid"}, 'Truncating type "mid" not understood'),
        ({"sequences": [["a"]], "value": "pad"}, "is not compatible with `value`'s type"),
        ({"sequences": [[[1, 2]], [[1]]]}, "of sequence at position 1 is different"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError) as error:
        pad_sequences(**arguments)
    assert message in str(error.value)


def test_large_float_sequences():
    sequences = [np.linspace(0, 1, n) for n in (3, 500)]
    assert_array_equal(
        pad_sequences(sequences, dtype="float32"),
        keras.utils.pad_sequences(sequences, dtype="float32"),
    )
