"""A convnet's epoch: Kohort beside Keras on JAX, and PyTorch eager and TensorFlow if installed.

    python -m benchmarks.convnet [--rounds 5]

3 x 3 convolutions with 32 and 64 filters, each followed by pooling, then a dense layer; 2560 rows
of MNIST in batches of 128. Keras on TensorFlow runs in a process of its own, in the same turns.
Only the ratios mean something.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("KOHORT_DATA", "../shared/data")

ROWS, BATCH = 2560, 128
Epoch = Callable[[], Any]


def data() -> tuple[np.ndarray, np.ndarray]:
    """The first rows of MNIST, `(rows, 28, 28, 1)` and `(rows,)`."""
    from kohort.datasets import mnist

    (x, y), _ = mnist.load_data()
    return (x[:ROWS, ..., None] / 255).astype("float32"), y[:ROWS].astype("int32")


def keras_like(keras: Any, **options: Any) -> Epoch:
    """An epoch of a package with Keras's API."""
    layers, (x, y) = keras.layers, data()
    model = keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
        layers.Flatten(), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return lambda: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)


def pytorch() -> Epoch:
    """An epoch of the same network in PyTorch, eager."""
    import torch
    from torch import nn

    model = nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 10),
    )  # fmt: skip
    optimizer, loss = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    x, y = data()
    images, labels = torch.from_numpy(np.moveaxis(x, -1, 1).copy()), torch.from_numpy(y).long()

    def epoch() -> None:
        for rows in torch.randperm(ROWS).split(BATCH):
            optimizer.zero_grad()
            loss(model(images[rows]), labels[rows]).backward()
            optimizer.step()

    return epoch


class Elsewhere:
    """Keras on TensorFlow in another process: one backend a process."""

    def __init__(self) -> None:
        environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
        command = [sys.executable, "-m", "benchmarks.convnet", "--serve"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def __call__(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("epoch\n")
        self.process.stdin.flush()
        self.process.stdout.readline()


def serve() -> None:
    """Run an epoch for each line that comes in."""
    import keras

    epoch = keras_like(keras)
    for _ in sys.stdin:
        epoch()
        print("done", flush=True)


def main() -> None:
    """Time the epochs in turns and print them with their ratios to Kohort's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve()
    import keras

    import kohort

    epochs: dict[str, Epoch] = {"Kohort": keras_like(kohort), "Keras on JAX": keras_like(keras)}
    if importlib.util.find_spec("torch"):
        epochs["PyTorch eager"] = pytorch()
    if importlib.util.find_spec("tensorflow"):
        epochs["Keras on TensorFlow"] = Elsewhere()
    best = dict.fromkeys(epochs, float("inf"))
    for epoch in epochs.values():
        epoch()
    for _ in range(options.rounds):
        for name, epoch in epochs.items():
            begun = time.perf_counter()
            epoch()
            best[name] = min(best[name], time.perf_counter() - begun)
    for name, seconds in best.items():
        print(f"{name}: {seconds:.2f} s an epoch, {seconds / best['Kohort']:.2f} x Kohort")


if __name__ == "__main__":
    main()
