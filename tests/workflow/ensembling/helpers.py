"""A small problem and networks for it."""

import numpy as np

import kohort as keras

WIDTH = 3


def problem(rows=90, seed=0):
    """Three classes by two of the features; the first half is to train on."""
    x = np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype("float32")
    return x, (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)


def network(units=4, rate=0.05, outputs=3, dropout=0.0, noise=0.0):
    """A small classifier, trained for two epochs on the first half of the rows."""
    x, y = problem()
    activation = "softmax" if outputs > 1 else "sigmoid"
    loss = "sparse_categorical_crossentropy" if outputs > 1 else "binary_crossentropy"
    model = keras.Sequential(
        [
            keras.Input((WIDTH,)),
            keras.layers.Dense(units, activation="tanh"),
            keras.layers.Dropout(dropout),
            keras.layers.Dense(outputs, activation=activation),
        ]
    )
    model.compile(keras.optimizers.SGD(rate), loss)
    model.fit(x[:45], y[:45] if outputs > 1 else y[:45] > 0, epochs=2, verbose=0)
    return model
