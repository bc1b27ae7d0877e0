"""TextVectorization: standardising, splitting, looking up, and models that take raw texts."""

import zipfile

import numpy as np
import pytest

import kohort
from kohort import layers, models
from kohort.workflow.crossval import cross_validate

TEXTS = ["good film great", "bad film awful", "great, GREAT!", "awful bad; bad"] * 6
LABELS = np.array([1, 0, 1, 0] * 6)


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({}, [[4, 3, 0], [2, 3, 1]]),
        ({"output_sequence_length": 2}, [[4, 3], [2, 3]]),
        ({"standardize": None}, [[1, 3, 0], [2, 3, 1]]),
        ({"standardize": "lower"}, [[1, 3, 0], [2, 3, 1]]),
        ({"output_mode": "multi_hot"}, [[0, 0, 1, 1], [1, 1, 1, 0]]),
        (
            {"output_mode": "count", "pad_to_max_tokens": True},
            [[0, 0, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0]],
        ),
    ],
)
def test_words_to_numbers(kwargs, expected):
    layer = layers.TextVectorization(max_tokens=6, vocabulary=["the", "cat", "dog"], **kwargs)
    assert layer(["Dog! cat", "the cat sat"]).tolist() == expected


def test_ngrams_and_characters():
    layer = layers.TextVectorization(ngrams=2, output_mode="count")
    layer.adapt(["a b a"])
    assert set(layer.get_vocabulary()) == {"[UNK]", "a", "b", "a b", "b a"}
    letters = layers.TextVectorization(split="character", vocabulary=["ä", "b"])
    assert letters([["bäx"]]).tolist() == [[3, 2, 1]]
    pairs = layers.TextVectorization(ngrams=(2,), split=None, vocabulary=["x y"], standardize=None)
    assert pairs([["x", "y"]]).tolist() == [[2]]


def test_functions_of_the_user():
    layer = layers.TextVectorization(
        standardize=lambda texts: np.char.replace(texts, "<br>", " "),
        split=lambda texts: np.char.split(texts, "-"),
        vocabulary=["a", "b c"],
    )
    assert layer(["a-b<br>c", "b"]).tolist() == [[2, 3], [1, 0]]


@pytest.mark.parametrize("pad", [False, True])
def test_tf_idf(pad):
    layer = layers.TextVectorization(5, output_mode="tf_idf", pad_to_max_tokens=pad)
    layer.adapt(iter([["a b", "a"], ["a c a"]]))
    idf = {"a": np.log(1 + 3 / 4), "b": np.log(1 + 3 / 2), "c": np.log(1 + 3 / 2)}
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    expected = [np.mean(list(idf.values())), 2 * idf["a"], 0, idf["b"]] + [0] * pad
    np.testing.assert_allclose(layer(["a z b a"])[0], expected, rtol=1e-6)


def _network(vectorize):
    kohort.utils.set_random_seed(1)
    model = models.Sequential(
        [kohort.Input((1,), dtype="string"), vectorize, layers.Dense(1, activation="sigmoid")]
    )
    model.compile(kohort.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"])
    return model


def test_a_model_takes_raw_texts(tmp_path):
    vectorize = layers.TextVectorization(8, output_mode="multi_hot")
    vectorize.adapt(TEXTS)
    model, twin = _network(vectorize), _network(vectorize)
    texts = np.array(TEXTS)[:, None]
    history = model.fit(texts, LABELS, epochs=3, batch_size=8, verbose=0)
    batches = [(texts[i : i + 8], LABELS[i : i + 8]) for i in range(0, 24, 8)]
    assert twin.evaluate(iter(batches), verbose=0)[0] == pytest.approx(
        twin.evaluate(np.array(TEXTS), LABELS, batch_size=8, verbose=0)[0]
    )
    assert history.history["loss"][-1] < history.history["loss"][0]
    outputs = model.predict(texts[:4], verbose=0)
    np.testing.assert_allclose(model(texts[:4]), outputs, rtol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(np.array(TEXTS[:4])), outputs, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(texts[:4], verbose=0), outputs, rtol=1e-6)
    assert loaded.layers[0].get_vocabulary() == vectorize.get_vocabulary()
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        words = archive.read("assets/layers/text_vectorization/_lookup_layer/vocabulary.txt")
    assert words.decode().split("\n") == vectorize.get_vocabulary()


def test_columns_of_two_kinds_in_a_functional_model():
    city = kohort.Input((1,), dtype="string", name="city")
    age = kohort.Input((1,), name="age")
    lookup = layers.StringLookup(vocabulary=["Bonn", "Ulm"], output_mode="one_hot")
    joined = layers.Concatenate()([lookup(city), age])
    output = layers.Dense(1, kernel_initializer="ones", use_bias=False)(joined)
    model = models.Model([city, age], output)
    rows = {"city": np.array(["Ulm", "Rome"]), "age": np.array([3.0, 4.0])}
    assert model.predict(rows, verbose=0).ravel().tolist() == [4.0, 5.0]
    assert model([rows["city"], rows["age"]]).ravel().tolist() == [4.0, 5.0]


def test_texts_without_a_layer_for_them():
    model = models.Sequential([kohort.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="TextVectorization"):
        model.fit(np.array(TEXTS), LABELS, verbose=0)


def test_each_fold_has_its_own_vocabulary():
    def build():
        more = {"output_mode": "multi_hot", "pad_to_max_tokens": True}
        return _network(layers.TextVectorization(9, **more))

    texts = np.array([*TEXTS[:12], "rare words here", *TEXTS[:11]])
    folds = [(np.arange(12), np.arange(12, 24)), (np.arange(12, 24), np.arange(12))]
    found = cross_validate(build, texts, LABELS, folds=folds, epochs=2, batch_size=4)
    assert len(found.cohort.groups) == 1
    first, second = (found.model(i).layers[0].get_vocabulary() for i in range(2))
    assert "rare" not in first and "rare" in second
    for i, (_, validation) in enumerate(folds):
        outputs = found.model(i).predict(texts[validation], verbose=0)
        np.testing.assert_allclose(outputs, found.predictions[validation], rtol=1e-5)
    alone = found.cohort.replay(1).history.history["loss"]
    np.testing.assert_allclose(found.histories[1].history["loss"], alone, rtol=1e-5)
