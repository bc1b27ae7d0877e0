"""The names of `keras.optimizers.legacy`: the same optimisers."""

from kohort.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from kohort.optimizers.moments import Adam, Adamax, Nadam
from kohort.optimizers.momentum import SGD
from kohort.optimizers.optimizer import Optimizer

__all__ = [
    "SGD", "Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "Optimizer", "RMSprop",
]  # fmt: skip
