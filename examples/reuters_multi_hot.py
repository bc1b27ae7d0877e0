"""Newswires in 46 topics, multi-hot: at least 78 % on the test set.

python examples/reuters_multi_hot.py [--epochs 9] [--plot reuters.png]
"""

from common import arguments, finish, multi_hot

import kohort as keras

options = arguments(__doc__, epochs=9, batch_size=512)
WORDS = 10_000

(x_train, y_train), (x_test, y_test) = keras.datasets.reuters.load_data(num_words=WORDS)
x_train, x_test = multi_hot(x_train, WORDS), multi_hot(x_test, WORDS)
y_train, y_test = keras.utils.to_categorical(y_train), keras.utils.to_categorical(y_test)

model = keras.Sequential(
    [
        keras.layers.Input((WORDS,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(46, activation="softmax"),
    ]
)
model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train,
    y_train,
    epochs=options.epochs,
    batch_size=options.batch_size,
    validation_split=0.1,
    verbose=options.verbose,
)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
finish("Reuters test accuracy", accuracy, history, options, least=0.78)
