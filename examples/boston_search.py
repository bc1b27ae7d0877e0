"""Boston housing: which learning rate, width and L2, by a search over 4 folds as one cohort.

    python examples/boston_search.py [--epochs 60]

All trials of one width, with all their folds, are one compiled program. The estimate is what to
expect of the winner, less the luck of having been chosen.
"""

from common import arguments

import kohort as keras

options = arguments(__doc__, epochs=60, batch_size=16)
(x_train, y_train), (x_test, y_test) = keras.datasets.boston_housing.load_data()


def build(hp: keras.HyperParameters) -> keras.Model:
    """Two hidden layers; the scaler learns from the training rows of each fold alone."""
    width = hp.Choice("width", [16, 64])
    penalty = keras.regularizers.L2(hp.Float("l2", 1e-6, 1e-1, sampling="log"))
    hidden = [keras.layers.Dense(width, "relu", kernel_regularizer=penalty) for _ in range(2)]
    model = keras.Sequential(
        [keras.layers.Input((13,)), keras.layers.Normalization(), *hidden, keras.layers.Dense(1)]
    )
    rate = hp.Float("learning_rate", 1e-4, 1e-1, sampling="log")
    model.compile(keras.optimizers.RMSprop(rate), loss="mse", metrics=["mae"])
    return model


found = keras.search(
    build, x_train, y_train, trials=24, sampler="random", folds=4, objective="val_mae",
    epochs=options.epochs, batch_size=options.batch_size,
)  # fmt: skip
print(found)
print("mean absolute error, in $1000:", found.estimate())
for name, share in found.importance().items():
    print(f"  {name}: {share:.0%} of what the trials differ in")
model = found.refit()
print("test:", model.evaluate(x_test, y_test, verbose=0, return_dict=True))
