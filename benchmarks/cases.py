"""The dense networks of the benchmark: data and a build function that takes the framework."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """A network, its data, and how it is fitted."""

    name: str
    data: Callable[[], tuple[np.ndarray, np.ndarray]]
    build: Callable[[Any, int], Any]
    batch_size: int
    epochs: int | None = None  # of a fit; None: 4 to 20, by the rows


def _dense(sizes: list[int], last: str | None, loss: str, optimizer: str = "rmsprop") -> Any:
    """A build function for a stack of dense layers; the first size is the input's."""

    def build(keras: Any, steps_per_execution: int) -> Any:
        hidden = [keras.layers.Dense(n, activation="relu") for n in sizes[1:-1]]
        layers = [keras.layers.Input((sizes[0],)), *hidden]
        model = keras.Sequential([*layers, keras.layers.Dense(sizes[-1], activation=last)])
        metrics = ["mae"] if loss == "mse" else ["accuracy"]
        model.compile(optimizer, loss, metrics=metrics, steps_per_execution=steps_per_execution)
        return model

    return build


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    from kohort.datasets import mnist

    (x, y), _ = mnist.load_data()
    return x.reshape(-1, 784).astype("float32") / 255, y


def _fashion() -> tuple[np.ndarray, np.ndarray]:
    from kohort.datasets import fashion_mnist

    (x, y), _ = fashion_mnist.load_data()
    return x.reshape(-1, 784).astype("float32") / 255, y


def _multi_hot(name: str, rows: int) -> tuple[np.ndarray, np.ndarray]:
    import importlib

    (x, y), _ = importlib.import_module(f"kohort.datasets.{name}").load_data(num_words=10_000)
    dense = np.zeros((min(rows, len(x)), 10_000), "float32")
    for row, words in zip(dense, x, strict=False):
        row[words] = 1
    return dense, np.asarray(y[: len(dense)])


def _boston() -> tuple[np.ndarray, np.ndarray]:
    from kohort.datasets import boston_housing

    (x, y), _ = boston_housing.load_data()
    return ((x - x.mean(0)) / x.std(0)).astype("float32"), y.astype("float32")


def _thoracic() -> tuple[np.ndarray, np.ndarray]:
    import os
    from pathlib import Path

    folder = Path(os.environ.get("KOHORT_DATA", "../shared/data").split(os.pathsep)[0])
    table = np.loadtxt(folder / "ThoraricSurgery3.csv", delimiter=",", dtype="float32")
    x = table[:, :16]
    return (x - x.mean(0)) / (x.std(0) + 1e-7), table[:, 16]


SPARSE = "sparse_categorical_crossentropy"
CASES = [
    Case("MNIST 784-512-10, batch 128", _mnist, _dense([784, 512, 10], "softmax", SPARSE), 128),
    Case("MNIST 784-64-10, batch 30", _mnist, _dense([784, 64, 10], "softmax", SPARSE), 30),
    Case("Fashion-MNIST 784-256-128-10, batch 128", _fashion,
         _dense([784, 256, 128, 10], "softmax", SPARSE, "adam"), 128),
    Case("IMDB 10000-16-16-1, 5000 rows, batch 512", lambda: _multi_hot("imdb", 5000),
         _dense([10_000, 16, 16, 1], "sigmoid", "binary_crossentropy"), 512),
    Case("Reuters 10000-64-64-46, 5000 rows, batch 512", lambda: _multi_hot("reuters", 5000),
         _dense([10_000, 64, 64, 46], "softmax", SPARSE), 512),
    Case("MNIST 784-512-10, batch 128, one epoch", _mnist,
         _dense([784, 512, 10], "softmax", SPARSE), 128, 1),
    Case("IMDB 10000-16-16-1, 5000 rows, batch 512, one epoch", lambda: _multi_hot("imdb", 5000),
         _dense([10_000, 16, 16, 1], "sigmoid", "binary_crossentropy"), 512, 1),
    Case("Boston 13-64-64-1, batch 16", _boston, _dense([13, 64, 64, 1], None, "mse"), 16),
    Case("Thoracic 16-30-1, batch 16", _thoracic,
         _dense([16, 30, 1], "sigmoid", "binary_crossentropy", "adam"), 16),
]  # fmt: skip
