"""MNIST with a convolutional network: at least 99 % on the test set.

python examples/mnist_convnet.py [--epochs 4] [--plot mnist_convnet.png]
"""

from common import arguments, finish

import kohort as keras
from kohort import layers

options = arguments(__doc__, epochs=4, batch_size=64)

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, x_test = x_train[..., None].astype("float32") / 255, x_test[..., None] / 255

model = keras.Sequential(
    [
        layers.Input((28, 28, 1)),
        layers.Conv2D(24, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(48, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(96, 3, activation="relu"),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)
steps = options.epochs * 54_000 // options.batch_size
schedule = keras.optimizers.schedules.CosineDecay(2e-3, steps)
model.compile(
    keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
history = model.fit(
    x_train,
    y_train,
    epochs=options.epochs,
    batch_size=options.batch_size,
    validation_split=0.1,
    verbose=options.verbose,
)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
finish("MNIST test accuracy", accuracy, history, options, least=0.99)
