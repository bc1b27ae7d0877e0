"""Training epochs of a convnet and of recurrent networks: Kohort and its peers in turns.

    python -m benchmarks.layers [--only LSTM] [--rounds 10] [--write docs/layer_benchmarks.md]

The convnet has 3 x 3 convolutions with 32 and 64 filters, each followed by pooling, then a dense
layer; images of MNIST. The recurrent networks have an embedding of 10,000 words, 32 units and
100 steps. 2560 rows in batches of 128. Keras on JAX, PyTorch eager and TensorFlow where they are
installed; Keras on TensorFlow runs in a process of its own. Times are those of the best epoch
after the first; machines are noisy, so only the ratios of one run mean something.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("KOHORT_DATA", "../shared/data")

NETWORKS = ("Convnet", "LSTM", "GRU")
ROWS, BATCH, STEPS, WORDS, UNITS = 2560, 128, 100, 10_000, 32
Epoch = Callable[[], Any]


def images() -> tuple[np.ndarray, np.ndarray]:
    """The first rows of MNIST, `(rows, 28, 28, 1)` and `(rows,)`."""
    from kohort.datasets import mnist

    (x, y), _ = mnist.load_data()
    return (x[:ROWS, ..., None] / 255).astype("float32"), y[:ROWS].astype("int32")


def sequences() -> tuple[np.ndarray, np.ndarray]:
    """Sequences of word numbers, and whether the first word's number is even."""
    x = np.random.default_rng(0).integers(1, WORDS, (ROWS, STEPS)).astype("int32")
    return x, (x[:, 0] % 2).astype("float32")


def build(keras: Any, network: str, optimizer: Any = "adam") -> Any:
    """A network in a package with Keras's API, compiled."""
    layers = keras.layers
    if network == "Convnet":
        loss = "sparse_categorical_crossentropy"
        stack = [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(2),
            layers.Flatten(), layers.Dense(10, activation="softmax"),
        ]  # fmt: skip
    else:
        loss = "binary_crossentropy"
        stack = [
            layers.Input((STEPS,), dtype="int32"), layers.Embedding(WORDS, UNITS),
            getattr(layers, network)(UNITS), layers.Dense(1, activation="sigmoid"),
        ]  # fmt: skip
    model = keras.Sequential(stack)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def data(network: str) -> tuple[np.ndarray, np.ndarray]:
    """What the network is fitted to."""
    return images() if network == "Convnet" else sequences()


def keras_like(keras: Any, network: str) -> Epoch:
    """An epoch of a package with Keras's API."""
    model, (x, y) = build(keras, network), data(network)
    return lambda: model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)


def pytorch(network: str) -> Epoch:
    """An epoch of the same network in PyTorch, eager."""
    import torch
    from torch import nn

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(WORDS, UNITS)
            self.recurrent = getattr(nn, network)(UNITS, UNITS, batch_first=True)
            self.dense = nn.Linear(UNITS, 1)

        def forward(self, x: Any) -> Any:
            return self.dense(self.recurrent(self.embedding(x))[0][:, -1])[:, 0]

    loss: Any = nn.BCEWithLogitsLoss()
    if network == "Convnet":
        model: Any = nn.Sequential(
            nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1600, 10),
        )  # fmt: skip
        loss, (x, y) = nn.CrossEntropyLoss(), data(network)
        rows, labels = torch.from_numpy(np.moveaxis(x, -1, 1).copy()), torch.from_numpy(y).long()
    else:
        model = Recurrent()
        rows, labels = (torch.from_numpy(part) for part in data(network))
    optimizer = torch.optim.Adam(model.parameters())

    def epoch() -> None:
        for part in torch.randperm(ROWS).split(BATCH):
            optimizer.zero_grad()
            loss(model(rows[part]), labels[part]).backward()
            optimizer.step()

    return epoch


class Elsewhere:
    """Keras on TensorFlow in another process: one backend a process."""

    def __init__(self, network: str) -> None:
        environment = os.environ | {"KERAS_BACKEND": "tensorflow"}
        command = [sys.executable, "-m", "benchmarks.layers", "--serve", network]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def __call__(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("epoch\n")
        self.process.stdin.flush()
        self.process.stdout.readline()


def serve(network: str) -> None:
    """Run an epoch for each line that comes in."""
    import keras

    epoch = keras_like(keras, network)
    for _ in sys.stdin:
        epoch()
        print("done", flush=True)


def measure(network: str, rounds: int) -> dict[str, float]:
    """Seconds of the best epoch of each framework, the epochs taken in turns."""
    import keras

    import kohort

    epochs: dict[str, Epoch] = {
        "Kohort": keras_like(kohort, network), "Keras on JAX": keras_like(keras, network)
    }  # fmt: skip
    if importlib.util.find_spec("torch"):
        epochs["PyTorch eager"] = pytorch(network)
    if importlib.util.find_spec("tensorflow"):
        epochs["Keras on TensorFlow"] = Elsewhere(network)
    best = dict.fromkeys(epochs, float("inf"))
    for epoch in epochs.values():
        epoch()
    for _ in range(rounds):
        for name, epoch in epochs.items():
            begun = time.perf_counter()
            epoch()
            best[name] = min(best[name], time.perf_counter() - begun)
    return best


def main() -> None:
    """Time the epochs and print them with their ratios to Kohort's."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=NETWORKS)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--write", type=Path)
    parser.add_argument("--serve", choices=NETWORKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    lines = ["| network | way | seconds an epoch | times Kohort |", "|---|---|--:|--:|"]
    for network in [options.only] if options.only else NETWORKS:
        best = measure(network, options.rounds)
        for name, seconds in best.items():
            ratio = seconds / best["Kohort"]
            lines.append(f"| {network} | {name} | {seconds:.3f} | {ratio:.2f} |")
            print(lines[-1], flush=True)
    if options.write:
        about = (__doc__ or "").split("\n\n", 2)[2]
        options.write.write_text("# Layers\n\n" + about + "\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
