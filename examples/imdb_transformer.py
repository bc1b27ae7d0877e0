"""Film reviews through one transformer block, written as own layers: at least 85 % on the test set.

python examples/imdb_transformer.py [--epochs 2] [--plot imdb.png]
"""

from common import arguments, finish

import kohort as keras

options = arguments(__doc__, epochs=2, batch_size=64)
WORDS, LENGTH, SIZE = 10_000, 200, 32


class TokensAndPositions(keras.layers.Layer):
    """The sum of a vector for the word and one for its place."""

    def __init__(self, words: int, length: int, size: int):
        super().__init__()
        self.tokens = keras.layers.Embedding(words, size)
        self.positions = keras.layers.Embedding(length, size)

    def call(self, x):
        """(batch, length) -> (batch, length, size)."""
        return self.tokens(x) + self.positions(keras.ops.arange(x.shape[-1]))


class TransformerBlock(keras.layers.Layer):
    """Attention and two dense layers, each added to its input and normalised."""

    def __init__(self, size: int, heads: int, hidden: int, rate: float = 0.1):
        super().__init__()
        self.attention = keras.layers.MultiHeadAttention(heads, size)
        self.dense = keras.Sequential(
            [keras.layers.Dense(hidden, activation="relu"), keras.layers.Dense(size)]
        )
        self.norms = [keras.layers.LayerNormalization(epsilon=1e-6) for _ in range(2)]
        self.drops = [keras.layers.Dropout(rate) for _ in range(2)]

    def call(self, x):
        """(batch, length, size) -> the same."""
        x = self.norms[0](x + self.drops[0](self.attention(x, x)))
        return self.norms[1](x + self.drops[1](self.dense(x)))


(x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=WORDS)
x_train, x_test = (keras.utils.pad_sequences(x, maxlen=LENGTH) for x in (x_train, x_test))

inputs = keras.Input((LENGTH,), dtype="int32")
x = TokensAndPositions(WORDS, LENGTH, SIZE)(inputs)
x = TransformerBlock(SIZE, heads=2, hidden=SIZE)(x)
x = keras.layers.GlobalAveragePooling1D()(x)
x = keras.layers.Dropout(0.2)(x)
outputs = keras.layers.Dense(1, activation="sigmoid")(x)

model = keras.Model(inputs, outputs)
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
finish("IMDB test accuracy of the transformer", accuracy, history, options, least=0.85)
