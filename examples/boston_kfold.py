"""Boston housing by 4-fold cross-validation, written by hand: MAE at most 3.0.

Means and deviations come from the training part of each fold only.

    python examples/boston_kfold.py [--epochs 80] [--plot boston.png]
"""

import numpy as np
from common import arguments, finish

import kohort as keras

options = arguments(__doc__, epochs=80, batch_size=16)
FOLDS = 4

(x, y), _ = keras.datasets.boston_housing.load_data()


def build() -> keras.Model:
    """The network of the book: two layers of 64 units."""
    model = keras.Sequential(
        [
            keras.layers.Input((x.shape[1],)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile("rmsprop", "mse", metrics=["mae"])
    return model


scores, histories = [], []
for validation in np.array_split(np.arange(len(x)), FOLDS):
    train = np.setdiff1d(np.arange(len(x)), validation)
    mean, std = x[train].mean(0), x[train].std(0)
    model = build()
    history = model.fit(
        (x[train] - mean) / std,
        y[train],
        epochs=options.epochs,
        batch_size=options.batch_size,
        validation_data=((x[validation] - mean) / std, y[validation]),
        verbose=0,
    )
    histories.append(history)
    scores.append(history.history["val_mae"][-1])
    print(f"fold {len(scores)}: MAE {scores[-1]:.3f}")
finish("Boston 4-fold MAE", float(np.mean(scores)), histories[-1], options, most=3.0)
