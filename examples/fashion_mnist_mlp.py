"""Fashion-MNIST with a dense network: at least 87 % on the test set.

python examples/fashion_mnist_mlp.py [--epochs 15] [--plot fashion.png]
"""

from common import arguments, finish

import kohort as keras

options = arguments(__doc__, epochs=15, batch_size=128)

(x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
x_train, x_test = x_train.astype("float32") / 255, x_test.astype("float32") / 255

model = keras.Sequential(
    [
        keras.layers.Input((28, 28)),
        keras.layers.Flatten(),
        keras.layers.Dense(256, activation="relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train,
    y_train,
    epochs=options.epochs,
    batch_size=options.batch_size,
    validation_split=0.1,
    verbose=options.verbose,
)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
finish("Fashion-MNIST test accuracy", accuracy, history, options, least=0.87)
