"""Cohorts of convolutional networks: each member gets the numbers that it has alone."""

import numpy as np

import kohort as keras
from tests.cohort.helpers import alone, same, train

layers = keras.layers


def convnet(learning_rate=0.01, rate=0.0):
    """A small one with each kind of convolution and pooling."""
    model = keras.Sequential(
        [
            keras.Input((9, 8, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.SeparableConv2D(4, 2, padding="same", activation="relu"),
            layers.AveragePooling2D(2, padding="same"),
            layers.Flatten(),
            layers.Dropout(rate),
            layers.Dense(1),
        ]
    )
    model.compile(keras.optimizers.Adam(learning_rate), "mse", metrics=["mae"])
    return model


def test_a_member_is_what_it_is_alone():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(24, 9, 8, 1)).astype("float32")
    y = x.mean((1, 2, 3)) * 5
    builds = [lambda: convnet(0.01, 0.2), lambda: convnet(0.03, 0.1)]
    cohort = train(x, y, builds, count=2, epochs=2, form="vmap", width=4)
    member = cohort.members[3]
    same(member.history.history, alone(member, x, y)[0], rtol=1e-4)
