"""MNIST with a dense network: 98 % on the test set after 10 epochs.

python examples/mnist_mlp.py [--epochs 10] [--plot mnist.png]
"""

from common import arguments, finish

import kohort as keras

options = arguments(__doc__, epochs=10, batch_size=128)

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train = x_train.reshape(-1, 784).astype("float32") / 255
x_test = x_test.reshape(-1, 784).astype("float32") / 255

model = keras.Sequential(
    [
        keras.layers.Input((784,)),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train,
    y_train,
    epochs=options.epochs,
    batch_size=options.batch_size,
    validation_split=0.1,
    verbose=options.verbose,
)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
finish("MNIST test accuracy", accuracy, history, options, least=0.98)
