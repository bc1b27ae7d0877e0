"""Recurrent and attention layers in files, both ways with Keras; in cohorts."""

import functools

import keras
import numpy as np

import kohort
from kohort import layers, models
from kohort.train.structure import Structure
from tests.cohort.helpers import alone, same, train

RNG = np.random.default_rng(0)
WORDS = RNG.integers(0, 9, (12, 5)).astype("int32")
LABELS = (WORDS.sum(axis=1) % 2).astype("float32")


def _network(module):
    """Embedding, mask, two ways, a stack of cells, attention, a state that is kept."""
    inputs = module.Input((5,), batch_size=4, dtype="int32")
    x = module.layers.Embedding(9, 4, mask_zero=True)(inputs)
    x = module.layers.Bidirectional(module.layers.LSTM(2, return_sequences=True))(x)
    x = module.layers.MultiHeadAttention(2, 3)(x, x)
    cells = [module.layers.GRUCell(3), module.layers.SimpleRNNCell(2)]
    x = module.layers.RNN(cells, return_sequences=True)(x)
    x = module.layers.LSTM(3, stateful=True)(x)
    return module.Model(inputs, module.layers.Dense(1, activation="sigmoid")(x))


def test_files_go_both_ways(tmp_path):
    theirs = _network(keras)
    theirs.save(tmp_path / "theirs.keras")
    ours = models.load_model(tmp_path / "theirs.keras")
    x = WORDS[:4]
    expected = np.asarray(theirs(x))
    np.testing.assert_allclose(ours(x), expected, rtol=1e-5, atol=1e-6)
    ours.save(tmp_path / "ours.keras")
    back = keras.models.load_model(tmp_path / "ours.keras")
    for a, b in zip(back.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    theirs.save_weights(tmp_path / "a.weights.h5")
    other = _network(kohort)
    other.load_weights(tmp_path / "a.weights.h5")
    for a, b in zip(other.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_legacy_weights(tmp_path):
    def make(module):
        return module.Sequential([module.Input((4, 3)), module.layers.GRU(2, name="gru")])

    theirs, ours = make(keras), make(kohort)
    theirs.save(tmp_path / "old.h5")
    ours.load_weights(tmp_path / "old.h5")
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def _recurrent(dropout, recurrent_dropout):
    model = models.Sequential(
        [
            layers.Input((5,), dtype="int32"),
            layers.Embedding(9, 3, mask_zero=True),
            layers.LSTM(2, dropout=dropout, recurrent_dropout=recurrent_dropout),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    return model


def test_members_of_a_cohort_are_as_alone():
    builds = [functools.partial(_recurrent, rate, 0.2) for rate in (0.1, 0.3)]
    cohort = train(WORDS, LABELS, builds, count=2, batch_size=4)
    assert len(cohort.groups) == 1
    member = cohort.members[-1]
    same(member.history.history, alone(member, WORDS, LABELS)[0])


def test_rates_share_a_program_unless_they_decide_how_many_masks_are_drawn():
    def key(*rates):
        return Structure(_recurrent(*rates), {}, varied=None).key

    assert key(0.1, 0.2) == key(0.3, 0.4)
    assert key(0.0, 0.0) == key(0.3, 0.0)
    assert len({key(0.3, 0.0), key(0.0, 0.2), key(0.3, 0.2)}) == 3
