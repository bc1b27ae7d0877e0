"""Film reviews as sequences of words through a 1-D convolution: at least 85 % on the test set.

python examples/imdb_conv1d.py [--epochs 3] [--plot imdb.png]
"""

from common import arguments, finish

import kohort as keras

options = arguments(__doc__, epochs=3, batch_size=128)
WORDS, LENGTH = 10_000, 250

(x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=WORDS)
x_train, x_test = (keras.utils.pad_sequences(x, maxlen=LENGTH) for x in (x_train, x_test))

model = keras.Sequential(
    [
        keras.layers.Input((LENGTH,), dtype="int32"),
        keras.layers.Embedding(WORDS, 32),
        keras.layers.SpatialDropout1D(0.2),
        keras.layers.Conv1D(64, 5, activation="relu"),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dropout(0.4),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = model.fit(
    x_train,
    y_train,
    epochs=options.epochs,
    batch_size=options.batch_size,
    validation_split=0.2,
    verbose=options.verbose,
)
loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
finish("IMDB test accuracy of the convolution", accuracy, history, options, least=0.85)
