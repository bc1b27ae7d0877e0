"""Film reviews as multi-hot vectors of 10,000 words: at least 87 % on the test set.

python examples/imdb_multi_hot.py [--epochs 4] [--plot imdb.png]
"""

from common import arguments, finish, multi_hot

import kohort as keras

options = arguments(__doc__, epochs=4, batch_size=512)
WORDS = 10_000

(x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=WORDS)
x_train, x_test = multi_hot(x_train, WORDS), multi_hot(x_test, WORDS)
y_train, y_test = y_train.astype("float32"), y_test.astype("float32")

model = keras.Sequential(
    [
        keras.layers.Input((WORDS,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train,
    y_train,
    epochs=options.epochs,
    batch_size=options.batch_size,
    validation_split=0.2,
    verbose=options.verbose,
)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
finish("IMDB test accuracy", accuracy, history, options, least=0.87)
