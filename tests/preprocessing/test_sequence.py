"""Keras 2's tools for series and skip-grams, against the copies that Keras 3 keeps."""

import json
import random

import numpy as np
import pytest
from keras.src.legacy.preprocessing import sequence as keras_sequence
from numpy.testing import assert_allclose, assert_array_equal

from kohort import preprocessing, utils
from kohort.preprocessing.sequence import TimeseriesGenerator, make_sampling_table, skipgrams

DATA = np.random.default_rng(0).normal(size=(50, 2))
TARGETS = np.arange(50)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"length": 6, "sampling_rate": 2, "batch_size": 4},
        {"stride": 3, "batch_size": 5},
        {"reverse": True, "batch_size": 7},
        {"start_index": 5, "end_index": 30, "batch_size": 8},
        {"shuffle": True, "batch_size": 9},
    ],
)
def test_generator_like_keras(options):
    options = {"length": 4, **options}
    ours = TimeseriesGenerator(DATA, TARGETS, **options)
    theirs = keras_sequence.TimeseriesGenerator(DATA, TARGETS, **options)
    assert len(ours) == len(theirs) > 0
    batches = []
    for generator in (ours, theirs):
        np.random.seed(1)
        batches.append([generator[index] for index in range(len(generator))])
    for (x, y), (expected_x, expected_y) in zip(*batches, strict=True):
        assert_array_equal(x, expected_x)
        assert_array_equal(y, expected_y)


def test_generator_is_a_data_set_and_has_a_configuration():
    generator = TimeseriesGenerator(DATA, TARGETS.tolist(), 4, batch_size=16, workers=2)
    assert generator.workers == 2
    assert sum(len(y) for _, y in generator) == 46
    config = json.loads(generator.to_json())["config"]
    assert_allclose(json.loads(config["data"]), DATA)
    assert (config["length"], config["batch_size"]) == (4, 16)
    with pytest.raises(TypeError, match="Data not JSON Serializable"):
        TimeseriesGenerator([object()] * 9, TARGETS[:9], 2).get_config()


def test_generator_errors():
    with pytest.raises(ValueError, match="Data length is 50 while target length is 3"):
        TimeseriesGenerator(DATA, TARGETS[:3], 2)
    with pytest.raises(ValueError, match="`start_index\\+length=50 > end_index=49` is disallowed"):
        TimeseriesGenerator(DATA, TARGETS, 50)


def test_sampling_table_like_keras():
    assert_allclose(make_sampling_table(500), keras_sequence.make_sampling_table(500), rtol=1e-12)
    assert_allclose(
        make_sampling_table(100, 0.1), keras_sequence.make_sampling_table(100, 0.1), rtol=1e-12
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"window_size": 1, "negative_samples": 0, "shuffle": False},
        {"negative_samples": 2.5, "seed": 3},
        {"categorical": True, "seed": 3},
        {"sampling_table": np.linspace(0, 1, 10), "seed": 3},
    ],
)
def test_skipgrams_like_keras(options):
    sequence = [1, 2, 0, 3, 4, 5, 1, 9, 8]
    options = {"seed": 7, **options}
    results = []
    for function in (skipgrams, keras_sequence.skipgrams):
        random.seed(11)
        results.append(function(sequence, 10, **options))
    assert results[0] == results[1]
    assert len(results[0][0]) == len(results[0][1]) > 0


def test_skipgrams_without_a_seed_keep_pairs_and_labels_together():
    couples, labels = skipgrams([1, 2], 3, negative_samples=0)
    assert sorted(couples) == [[1, 2], [2, 1]]
    assert labels == [1, 1]


def test_names():
    assert preprocessing.sequence.pad_sequences is utils.pad_sequences
    assert preprocessing.timeseries_dataset_from_array is utils.timeseries_dataset_from_array
