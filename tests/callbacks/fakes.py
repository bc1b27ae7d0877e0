"""Stand-ins for a model and its trainer."""

import numpy as np


class Optimizer:
    name = "sgd"

    def __init__(self, learning_rate=0.1):
        self.learning_rate = learning_rate

    def __setattr__(self, name, value):
        self.__dict__[name] = np.float32(value) if name == "learning_rate" else value


class Metric:
    def __init__(self, name, direction=None):
        self.name = name
        self._direction = direction


class Model:
    """Its weights are a number that a training step changes; the state has all of it."""

    built = True
    name = "net"

    def __init__(self, metrics=()):
        self.metrics = list(metrics)
        self.optimizer = Optimizer()
        self.stop_training = False
        self.weights = np.zeros(3, "float32")
        self.saved = []
        self.history = None
        self._initial_epoch = 0
        self._initial_step = 0

    def count_params(self):
        return self.weights.size

    def get_weights(self):
        return [self.weights.copy()]

    def set_weights(self, weights):
        self.weights = np.array(weights[0])

    def save(self, filepath, overwrite=True):
        self.saved.append(filepath)

    def save_weights(self, filepath, overwrite=True):
        self.saved.append(filepath)

    def get_training_state(self):
        return {
            "dense/kernel": self.weights.copy(),
            "optimizer/learning_rate": np.array(self.optimizer.learning_rate),
        }

    def set_training_state(self, state):
        self.weights = np.array(state["dense/kernel"])
        self.optimizer.learning_rate = np.float32(state["optimizer/learning_rate"])

    def step(self, epoch, batch):
        rate = np.float32(self.optimizer.learning_rate)
        self.weights = self.weights + rate * np.float32(epoch + 0.1 * batch + 0.3)

    def fit(self, calls, epochs, steps=4, loss=lambda epoch: 1.0 / (epoch + 1), after=None):
        """Train as `fit` does; `after(epoch, batch)` is called after each step (None: epoch)."""
        self.stop_training = False
        self._initial_epoch = self._initial_step = 0
        calls.on_train_begin()
        first = self._initial_epoch
        for epoch in range(first, epochs):
            calls.on_epoch_begin(epoch)
            for batch in range(self._initial_step if epoch == first else 0, steps):
                calls.on_train_batch_begin(batch)
                self.step(epoch, batch)
                calls.on_train_batch_end(batch, {"loss": loss(epoch)})
                if after is not None:
                    after(epoch, batch)
            calls.on_epoch_end(epoch, {"loss": loss(epoch)})
            if after is not None:
                after(epoch, None)
            if self.stop_training:
                break
        calls.on_train_end()
