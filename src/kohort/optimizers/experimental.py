"""The names of Keras 2's `keras.optimizers.experimental`: the same optimisers."""

from kohort.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from kohort.optimizers.matrices import Adafactor
from kohort.optimizers.moments import Adam, Adamax, AdamW, Nadam
from kohort.optimizers.momentum import SGD
from kohort.optimizers.optimizer import Optimizer

__all__ = [
    "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Nadam",
    "Optimizer", "RMSprop",
]  # fmt: skip
