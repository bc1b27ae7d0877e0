"""Tables: categories, bins, hashes, lookups. Expected values are TensorFlow's."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import layers
from kohort.layers.preprocessing.hashes import fingerprint64, siphash
from tests.layers.preprocessing.cases import TABLES


@pytest.mark.parametrize("case", TABLES, ids=repr)
def test_encodings_are_those_of_keras(case):
    mine, reference = case.layer()(case.inputs()), case.layer(keras.layers)(case.inputs())
    assert mine.dtype == reference.dtype
    np.testing.assert_array_equal(mine, reference)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", 12917804110809363939),
        ("hello", 13009744463427800296),
        ("hello world", 6381520714923946011),
        ("x" * 20, 8233088228747857348),
        ("y" * 40, 276292113409495006),
        ("z" * 64, 294799756062990872),
        ("w" * 65, 12495383604066267776),
        ("v" * 200, 3418923557503646492),
    ],
)
def test_fingerprints(text, expected):
    assert fingerprint64(text.encode()) == expected  # pyfarmhash 0.5.1


def test_siphash():
    key = 0x0706050403020100, 0x0F0E0D0C0B0A0908
    assert siphash(key, bytes(range(8))) == 0x93F5F5799A932462  # the authors' vectors
    assert siphash(key, b"") == 0x726FDB47DD0E0E31


LETTERS = np.array([["A"], ["B"], ["C"], ["D"], ["E"]])


def test_hashing():
    """The examples in Keras's documentation."""
    assert layers.Hashing(3)(LETTERS).ravel().tolist() == [1, 0, 1, 1, 2]
    masked = layers.Hashing(3, mask_value="")(np.array([["A"], ["B"], [""], ["C"], ["D"]]))
    assert masked.ravel().tolist() == [1, 1, 0, 2, 2]
    salted = layers.Hashing(3, salt=[133, 137])(LETTERS)
    assert salted.ravel().tolist() == [1, 2, 1, 0, 2]
    assert layers.Hashing(3, salt=133)(LETTERS).ravel().tolist() == [0, 0, 2, 1, 0]
    hot = layers.Hashing(3, output_mode="one_hot")(LETTERS)
    np.testing.assert_array_equal(hot, np.eye(3)[[1, 0, 1, 1, 2]])


def test_hashes_inside_a_compiled_program():
    layer, x = layers.Hashing(7), jnp.arange(6).reshape(3, 2)
    np.testing.assert_array_equal(jax.jit(layer)(x), layer(x))
    cross = layers.HashedCrossing(5)
    assert cross((np.array(["A", "B", "A"]), np.array([101, 101, 102]))).tolist() == [1, 4, 3]


@pytest.mark.parametrize("batches", [True, False])
def test_discretization_learns_quantiles(batches):
    x = np.random.default_rng(0).normal(size=(200, 1)).astype("float32")
    ours, theirs = layers.Discretization(num_bins=4), keras.layers.Discretization(num_bins=4)
    data = [x[:50], x[50:]] if batches else x
    ours.adapt(iter(data) if batches else data)
    for batch in data if batches else [data]:
        theirs.update_state(batch)  # its `adapt` needs TensorFlow
    theirs.finalize_state()
    np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=1e-6)
    np.testing.assert_array_equal(ours(x), theirs(x))
    again = layers.deserialize(layers.serialize(ours))
    assert again.bin_boundaries == ours.bin_boundaries and again.num_bins == 4
    again.adapt(x + 1)  # what was learned may be learned again
    assert again.bin_boundaries[0] > ours.bin_boundaries[0]


def test_string_lookup():
    layer = layers.StringLookup(vocabulary=["a", "b", "c", "d"])
    assert layer([["a", "c", "d"], ["d", "z", "b"]]).tolist() == [[1, 3, 4], [4, 0, 2]]
    assert layer.get_vocabulary() == ["[UNK]", "a", "b", "c", "d"]
    back = layers.StringLookup(vocabulary=["a", "b"], mask_token="", invert=True)
    assert back(np.array([[0, 1], [2, 3]])).tolist() == [["", "[UNK]"], ["a", "b"]]
    several = layers.StringLookup(vocabulary=["a"], num_oov_indices=2)(["a", "m", "z"])
    assert several[0] == 2 and set(several.tolist()) <= {0, 1, 2}


def test_lookups_learn_by_frequency():
    layer = layers.StringLookup(max_tokens=4)
    layer.adapt(iter([np.array(["b", "a", "b"]), np.array([["c", "a", "b", "d"]])]))
    assert layer.get_vocabulary() == ["[UNK]", "b", "a", "d"]  # ties: backwards
    whole = layers.IntegerLookup(mask_token=0)
    whole.adapt([[5, 7, 0], [7, 9, 7]])
    assert whole.get_vocabulary() == [0, -1, 7, 9, 5]
    assert whole(np.array([[5, 0, 4]])).tolist() == [[4, 0, 1]]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("one_hot", [[0, 1, 0], [1, 0, 0]]),
        ("multi_hot", [[1, 1, 0], [1, 0, 1]]),
        ("count", [[1, 2, 0], [2, 0, 1]]),
        ("tf_idf", [[0.5, 1.6, 0.0], [1.0, 0.0, 0.2]]),
    ],
)
def test_modes_of_lookups(mode, expected):
    weights = [0.8, 0.2] if mode == "tf_idf" else None
    texts = layers.StringLookup(vocabulary=["a", "b"], output_mode=mode, idf_weights=weights)
    numbers = layers.IntegerLookup(vocabulary=[10, 20], output_mode=mode, idf_weights=weights)
    rows = [["a"], ["z"]] if mode == "one_hot" else [["a", "z", "a"], ["z", "b", "z"]]
    values = np.array([[{"a": 10, "b": 20, "z": 5}[t] for t in row] for row in rows])
    np.testing.assert_allclose(texts(rows), expected)
    np.testing.assert_allclose(numbers(values), expected)
    np.testing.assert_allclose(jax.jit(numbers)(values), expected)


@pytest.mark.parametrize("more", [{}, {"num_oov_indices": 3, "mask_token": 4}])
def test_integer_lookup_inside_a_compiled_program(more):
    layer = layers.IntegerLookup(vocabulary=[12, 3, 36], **more)
    x = np.array([[36, 4, 12], [3, 99, -7]])
    np.testing.assert_array_equal(jax.jit(layer)(x), layer(x))


def test_vocabulary_from_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\n")
    assert layers.StringLookup(vocabulary=str(path))(["b"]).tolist() == [2]
    config = layers.serialize(layers.StringLookup())
    config["config"]["vocabulary"] = str(path)
    with pytest.raises(TypeError, match="vocabulary file"):  # not from a model file
        layers.deserialize(config)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.CategoryEncoding(), "num_tokens must be set"),
        (lambda: layers.CategoryEncoding(3, "odd"), "Unknown arg for output_mode"),
        (lambda: layers.Discretization(), "either `num_bins`"),
        (lambda: layers.Discretization([0.0]).adapt(np.ones(3)), "Cannot adapt"),
        (lambda: layers.Discretization(num_bins=2)(np.ones(3)), "adapt"),
        (lambda: layers.Hashing(0), "num_bins"),
        (lambda: layers.Hashing(3, salt="x"), "salt"),
        (lambda: layers.HashedCrossing(3)([np.array([1])]), "at least two"),
        (lambda: layers.StringLookup(max_tokens=1), "max_tokens"),
        (lambda: layers.StringLookup(vocabulary=["a", "a"]), "repeated term"),
        (lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]), "OOV values"),
        (lambda: layers.StringLookup(vocabulary=["a"]).adapt(["b"]), "static vocabulary"),
        (lambda: layers.StringLookup(output_mode="multi_hot")(["b"]), "vocabulary before calling"),
        (lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), "idf_weights"),
        (lambda: layers.IntegerLookup(vocabulary_dtype="int32"), "vocabulary_dtype"),
        (lambda: layers.IntegerLookup(vocabulary=[1], salt=3), "farmhash"),
        (lambda: layers.StringLookup(vocabulary="missing.txt"), "does not exist"),
        (lambda: layers.TextVectorization(standardize="upper"), "standardize"),
        (lambda: layers.TextVectorization(ngrams="two"), "ngrams"),
        (lambda: layers.TextVectorization(output_mode="count", output_sequence_length=2), "int"),
        (lambda: layers.TextVectorization()([["a", "b"]]), "input rank"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises((ValueError, RuntimeError), match=message):
        make()
