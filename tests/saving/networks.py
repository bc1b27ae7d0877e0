"""The same networks out of Kohort's layers and out of Keras's, and what they are trained on."""

import keras
import numpy as np

import kohort

RNG = np.random.default_rng(7)
X = RNG.normal(size=(32, 8)).astype("float32")
Y = RNG.integers(0, 3, 32)


def mlp(k, compiled=True):
    model = k.Sequential(
        [
            k.layers.Input((8,)),
            k.layers.Dense(6, activation="relu"),
            k.layers.BatchNormalization(),
            k.layers.Dense(3, activation="softmax"),
        ],
        name="mlp",
    )
    if compiled:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def branched(k):
    inputs = k.layers.Input((8,), name="table")
    shared = k.layers.Dense(8, activation="tanh", name="shared")
    x = k.layers.Add()([shared(inputs), shared(shared(inputs))])
    x = k.layers.LayerNormalization()(x * 2.0 + 1.0)
    outputs = k.layers.Dense(3, activation="softmax", name="head")(x)
    model = k.Model(inputs, outputs, name="branched")
    model.compile(k.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def nested(k):
    inner = k.Sequential([k.layers.Input((8,)), k.layers.Dense(4, name="inside")], name="inner")
    outputs = k.layers.Dense(3, activation="softmax")(inner(start := k.layers.Input((8,))))
    model = k.Model(start, outputs, name="outer")
    rate = k.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
    model.compile(k.optimizers.RMSprop(rate), "sparse_categorical_crossentropy")
    return model


NETWORKS = {"mlp": mlp, "branched": branched, "nested": nested}


def subclassed(k):
    """A model whose layers hide in lists, dicts and private attributes."""

    class Block(k.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.parts = [k.layers.Dense(4), (k.layers.Dense(4), {"a": k.layers.Dense(4)})]
            self._hidden = k.layers.Dense(4)

        def build(self, input_shape):
            self.gain = self.add_weight(shape=(4,), initializer="ones", name="gain")
            self.parts[0].build(input_shape)
            for layer in (self.parts[1][0], self.parts[1][1]["a"], self._hidden):
                layer.build((None, 4))

        def call(self, x):
            x = self.parts[1][1]["a"](self.parts[1][0](self.parts[0](x)))
            return self._hidden(x) * self.gain

    class Net(k.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first = Block()
            self.zlast = k.layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.zlast(self.first(x))

    model = Net(name="net")
    model(X[:2])
    return model


def outputs(model):
    return np.asarray(model.predict(X, verbose=0))


def fit(model, epochs=1):
    model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)
    return model


BOTH = (kohort, keras)
