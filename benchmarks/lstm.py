"""Training epochs of recurrent networks, side by side with Keras on JAX and PyTorch.

    python -m benchmarks.lstm [--units 32] [--epochs 8] [--rows 2560]

Embedding and LSTM (then GRU) of `--units`, 100 steps, batches of 128. Each framework runs in a
process of its own; times are those of the best epoch after the first, in seconds on the clock and
of all cores together (the fairer ones on a busy machine).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import NamedTuple

import numpy as np

STEPS, BATCH, WORDS = 100, 128, 10_000


class Clock(NamedTuple):
    """Seconds on the wall and of the processor."""

    wall: float
    cpu: float


def clock(since: tuple[float, float] = (0.0, 0.0)) -> Clock:
    """The times since another."""
    return Clock(time.perf_counter() - since[0], time.process_time() - since[1])


def data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of word numbers, and whether the first word's number is even."""
    x = np.random.default_rng(0).integers(1, WORDS, (rows, STEPS)).astype("int32")
    return x, (x[:, 0] % 2).astype("float32")


def keras_epochs(package: str, layer: str, units: int, epochs: int, rows: int) -> list[Clock]:
    """Times of the epochs of Keras's API in `package`."""
    import importlib

    keras = importlib.import_module(package)
    model = keras.Sequential(
        [
            keras.layers.Input((STEPS,), dtype="int32"),
            keras.layers.Embedding(WORDS, units),
            getattr(keras.layers, layer)(units),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    x, y = data(rows)
    seconds = []
    for _ in range(epochs):
        start = clock()
        model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
        seconds.append(clock(start))
    return seconds


def torch_epochs(layer: str, units: int, epochs: int, rows: int) -> list[Clock]:
    """Times of the epochs of PyTorch."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = torch.nn.Embedding(WORDS, units)
            self.recurrent = getattr(torch.nn, layer)(units, units, batch_first=True)
            self.dense = torch.nn.Linear(units, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.dense(self.recurrent(self.embedding(x))[0][:, -1])[:, 0]

    net, loss = Net(), torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(net.parameters())
    x, y = (torch.from_numpy(part) for part in data(rows))
    seconds = []
    for _ in range(epochs):
        start = clock()
        order = torch.randperm(rows)
        for i in range(0, rows, BATCH):
            part = order[i : i + BATCH]
            optimizer.zero_grad()
            loss(net(x[part]), y[part]).backward()
            optimizer.step()
        seconds.append(clock(start))
    return seconds


def main() -> None:
    """Run each framework in a process of its own and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--rows", type=int, default=2560)
    parser.add_argument("--only", help="run this framework here and print its times as JSON")
    parser.add_argument("--layer", default="LSTM")
    options = parser.parse_args()
    sizes = (options.layer, options.units, options.epochs, options.rows)
    if options.only:
        run = torch_epochs if options.only == "torch" else None
        print(json.dumps(run(*sizes) if run else keras_epochs(options.only, *sizes)))
        return
    print(f"units {options.units}, {STEPS} steps, {options.rows} rows, batch {BATCH}: s/epoch")
    for layer in ("LSTM", "GRU"):
        for framework in ("kohort", "keras", "torch"):
            command = [sys.executable, "-m", "benchmarks.lstm", "--only", framework]
            for name in ("units", "epochs", "rows"):
                command += [f"--{name}", str(getattr(options, name))]
            found = subprocess.run(
                [*command, "--layer", layer], capture_output=True, text=True,
                env=os.environ | {"KERAS_BACKEND": "jax"},
            )  # fmt: skip
            if found.returncode:
                print(f"{layer:5} {framework:7} {(found.stderr.strip().splitlines() or ['?'])[-1]}")
                continue
            epochs = [Clock(*pair) for pair in json.loads(found.stdout.splitlines()[-1])]
            wall, cpu = (min(pair[i] for pair in epochs[1:]) for i in range(2))
            print(f"{layer:5} {framework:7} {wall:.3f}, processor {cpu:.3f}")


if __name__ == "__main__":
    main()
