"""Small scripts as users write them; `K` is Kohort or the real Keras. Each returns numbers."""

import jax
import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 20)).astype("float32")
Y = RNG.integers(0, 3, 60)
SPARSE = "sparse_categorical_crossentropy"


def curves(history):
    return {name: [float(v) for v in values] for name, values in history.history.items()}


def several_inputs_and_outputs(K):
    a, b = K.Input((20,), name="a"), K.Input((5,), name="b")
    h = K.layers.Concatenate()([K.layers.Dense(4, "relu")(a), b])
    outputs = [K.layers.Dense(3, "softmax", name="cls")(h), K.layers.Dense(1, name="reg")(h)]
    model = K.Model({"a": a, "b": b}, outputs)
    model.compile(
        "sgd",
        loss={"cls": SPARSE, "reg": "mse"},
        loss_weights={"cls": 1.0, "reg": 0.5},
        metrics={"cls": ["accuracy"], "reg": ["mae"]},
    )
    x, y = {"a": X, "b": X[:, :5]}, {"cls": Y, "reg": X[:, 0]}
    history = model.fit(x, y, epochs=2, verbose=0, shuffle=False)
    return curves(history), model.evaluate(x, y, verbose=0)


def subclassed_model_with_class_weight(K):
    class Net(K.Model):
        def __init__(self):
            super().__init__()
            self.hidden = K.layers.Dense(8, "relu")
            self.drop = K.layers.Dropout(0.5, seed=1)
            self.head = K.layers.Dense(3, "softmax")

        def call(self, x, training=False):
            return self.head(self.drop(self.hidden(x), training=training))

    model = Net()
    model.compile("adam", SPARSE, metrics=["acc"], weighted_metrics=["accuracy"])
    history = model.fit(
        X, Y, epochs=2, verbose=0, shuffle=False, validation_data=(X, Y),
        class_weight={0: 1.0, 1: 2.0, 2: 0.5},
    )  # fmt: skip
    return curves(history)


def own_train_step(K):
    class Net(K.Model):
        def __init__(self):
            super().__init__()
            self.head = K.layers.Dense(1)
            self.loss_tracker = K.metrics.Mean(name="loss")
            self.mae = K.metrics.MeanAbsoluteError(name="mae")

        def call(self, x, training=False):
            return self.head(x)

        def loss_of(self, trainable, fixed, x, y):
            y_pred, fixed = self.stateless_call(trainable, fixed, x, training=True)
            return K.ops.mean((y_pred - y) ** 2), (y_pred, fixed)

        def train_step(self, state, data):
            trainable, fixed, opt, metric_state = state
            x, y = data[:2]
            gradient = jax.value_and_grad(self.loss_of, has_aux=True)
            (loss, (y_pred, fixed)), grads = gradient(trainable, fixed, x, y)
            trainable, opt = self.optimizer.stateless_apply(opt, grads, trainable)
            logs, new = {}, []
            for metric in self.metrics:
                now = metric_state[len(new) : len(new) + len(metric.variables)]
                given = (loss,) if metric.name == "loss" else (y, y_pred)
                now = metric.stateless_update_state(now, *given)
                logs[metric.name] = metric.stateless_result(now)
                new += now
            return logs, (trainable, fixed, opt, new)

        @property
        def metrics(self):
            return [self.loss_tracker, self.mae]

    model = Net()
    model.compile(K.optimizers.Adam(0.01))
    return curves(model.fit(X, X[:, :1], epochs=2, verbose=0, shuffle=False))


def generator(K):
    def batches():
        while True:
            for at in range(0, 60, 20):
                yield X[at : at + 20], Y[at : at + 20]

    model = K.Sequential([K.layers.Dense(3, "softmax")])
    model.compile("rmsprop", SPARSE, metrics=["accuracy"])
    history = model.fit(batches(), steps_per_epoch=3, epochs=3, verbose=0, validation_data=(X, Y))
    return curves(history)


def py_dataset_of_unequal_batches(K):
    class Rows(K.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, i):
            return X[i * 25 : i * 25 + 25], Y[i * 25 : i * 25 + 25]

    model = K.Sequential([K.layers.Dense(3, "softmax")])
    model.compile("rmsprop", SPARSE, metrics=["accuracy"])
    history = model.fit(Rows(), epochs=2, verbose=0, shuffle=False)
    return curves(history), np.asarray(model.predict(Rows(), verbose=0)).tolist()


def one_batch_calls(K):
    model = K.Sequential([K.layers.Dense(3, "softmax")])
    model.compile("rmsprop", SPARSE, metrics=["accuracy"])
    results = [model.train_on_batch(X, Y), model.train_on_batch(X, Y), model.test_on_batch(X, Y)]
    return results, np.asarray(model.predict_on_batch(X)).tolist()


def own_compute_loss(K):
    class Net(K.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return K.ops.mean(K.ops.abs(y_pred - y)) * 2

    model = Net([K.layers.Dense(1)])
    model.compile("sgd")
    return curves(model.fit(X, X[:, :1], epochs=2, verbose=0, shuffle=False))


def added_losses(K):
    class Penalty(K.layers.Layer):
        def call(self, x):
            self.add_loss(K.ops.sum(x**2) * 1e-3)
            return x

    layers = [K.layers.Dense(4), Penalty(), K.layers.Dense(1, activity_regularizer="l2")]
    model = K.Sequential(layers)
    model.compile("sgd", "mse")
    return curves(model.fit(X, X[:, :1], epochs=2, verbose=0, shuffle=False))


def frames_and_sample_weight(K):
    import pandas as pd

    model = K.Sequential([K.layers.Dense(1)])
    model.compile("sgd", "mse")
    weights = np.arange(60) / 50.0
    history = model.fit(
        pd.DataFrame(X), pd.Series(X[:, 0]), verbose=0, shuffle=False, sample_weight=weights
    )
    return curves(history)


def shared_and_nested(K):
    first, second = K.Input((20,)), K.Input((20,))
    dense = K.layers.Dense(4, "tanh")
    two = K.Model([first, second], K.layers.Dot(1)([dense(first), dense(second)]))
    inner = K.Model(first, dense(first))
    outer = K.Model(second, K.layers.Dense(1)(inner(second)))
    two.compile("adam", "mse")
    outer.compile("adam", "mse")
    a = two.fit([X, X], X[:, 0], epochs=2, verbose=0, shuffle=False)
    b = outer.fit(X, X[:, 0], verbose=0, shuffle=False)
    return curves(a), curves(b), len(outer.layers), outer.count_params()


def frozen_batch_normalisation(K):
    layers = [K.layers.Dense(4), K.layers.BatchNormalization(), K.layers.Dense(1)]
    model = K.Sequential([K.Input((20,)), *layers])
    layers[1].trainable = False
    model.compile(K.optimizers.SGD(0.01, momentum=0.9, nesterov=True), "mse")
    history = model.fit(X, X[:, 0], epochs=2, verbose=0, shuffle=False, validation_split=0.25)
    return curves(history), [w.tolist() for w in layers[1].get_weights()]


SCRIPTS = [
    several_inputs_and_outputs, subclassed_model_with_class_weight, own_train_step, generator,
    py_dataset_of_unequal_batches, one_batch_calls, own_compute_loss, added_losses,
    frames_and_sample_weight, shared_and_nested, frozen_batch_normalisation,
]  # fmt: skip
