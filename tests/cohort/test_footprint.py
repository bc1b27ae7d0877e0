"""What a step walks over: the state, the rows of a batch, and what layers keep for the gradient."""

import numpy as np

import kohort as keras
from kohort.cohort import Candidate, Member
from kohort.cohort.footprint import kept_numbers, step_bytes
from kohort.cohort.group import Group
from kohort.cohort.plan import widest_on
from tests.cohort.helpers import dense, problem

layers = keras.layers


def began(build, x, y, batch_size):
    candidate = Candidate(build, 0, (x[:batch_size], y[:batch_size], None))
    member = Member(candidate, np.arange(len(x)), batch_size=batch_size)
    Group([member], (x, y, None), None)  # binds the candidate
    member.state = candidate.begin((x, y, None), member.rows)
    return member


def test_a_dense_network_by_hand():
    x, y = problem()
    member = began(lambda: dense(optimizer="SGD"), x, y, batch_size=8)
    weights = 5 * 6 + 6 + 6 + 1
    rows = 8 * (5 + 1)
    outputs = 8 * (5 + 6 + 6 + 1)  # the input, the hidden layer, dropout, the output
    rest = step_bytes(member, (x, y, None)) - 4 * (2 * weights + rows + outputs)
    assert 0 <= rest < 64  # counters and keys


def test_recurrent_layers_keep_every_step():
    gru = layers.GRU(5)
    alone = kept_numbers(keras.Sequential([keras.Input((7, 3)), gru]), length=1)
    both = layers.Bidirectional(layers.GRU(5))
    twice = kept_numbers(keras.Sequential([keras.Input((7, 3)), both]), length=1)
    assert twice - 7 * 3 - 10 == 2 * (alone - 7 * 3 - 5) > 2 * 7 * 30


def test_packs_of_long_series_are_narrow():
    rng = np.random.default_rng(0)

    def build():
        model = keras.Sequential([keras.Input((None, 4)), layers.LSTM(16), layers.Dense(1)])
        model.compile("adam", "mse")
        return model

    widths = []
    for steps in (4, 400):
        x, y = rng.normal(size=(32, steps, 4)).astype("float32"), np.zeros(32, "float32")
        widths.append(widest_on("cpu", step_bytes(began(build, x, y, 32), (x, y, None))))
    assert widths == [8, 1]
