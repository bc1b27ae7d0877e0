"""Transfer learning on MNIST: a convnet that knows the digits 0 to 4 learns 5 to 9.

The convolutions stay as they are; only the dense part sees the new digits: 98 % after 5 epochs.

python examples/fine_tuning.py [--epochs 5] [--plot tuning.png]
"""

import tempfile
from pathlib import Path

from common import arguments, finish

import kohort as keras

options = arguments(__doc__, epochs=5, batch_size=128)

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = x_train[..., None].astype("float32") / 255
x_test = x_test[..., None].astype("float32") / 255


def fit(model, low):
    """Train on the digits `low` to `low + 4` and return the history and the test accuracy."""
    train, test = ((y >= low) & (y < low + 5) for y in (y_train, y_test))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x_train[train],
        y_train[train] - low,
        epochs=options.epochs,
        batch_size=options.batch_size,
        validation_split=0.1,
        verbose=options.verbose,
    )
    return history, model.evaluate(x_test[test], y_test[test] - low, verbose=0)[1]


base = keras.Sequential(
    [
        keras.layers.Input((28, 28, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(5, activation="softmax"),
    ]
)
_, accuracy = fit(base, 0)
print(f"digits 0 to 4: {accuracy:.4f}")

with tempfile.TemporaryDirectory() as folder:
    base.save(Path(folder) / "digits.keras")
    known = keras.models.load_model(Path(folder) / "digits.keras")

# Cut the head off, freeze the convolutions, train the rest on digits never seen.
features = keras.Model(known.inputs, known.layers[-2].output)
for layer in features.layers:
    layer.trainable = not isinstance(layer, keras.layers.Conv2D)
outputs = keras.layers.Dense(5, activation="softmax")(features.output)
tuned = keras.Model(features.inputs, outputs)

history, accuracy = fit(tuned, 5)
finish("digits 5 to 9, convolutions frozen", accuracy, history, options, least=0.98)
