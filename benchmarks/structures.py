"""Where cohorts help and where not: eight networks as a cohort and one fit after the other.

    python -m benchmarks.structures [--only LSTM] [--rounds 3] [--write docs/cohort_structures.md]

Eight learning rates of one structure, compiled before: `fit` for one model after the other, a
cohort as the planner runs it, and all eight in one mapped program (`width=8, form="vmap"`), best of
some rounds in turns. A small network gains: what its operations cost beside arithmetic is shared.
One whose matrices fill a core's cache, or whose `fit` uses all cores already, gains little or
nothing, and may lose when all members are mapped; the planner then runs them in another form.
"""

from __future__ import annotations

import argparse
import functools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import cohorts, layers

os.environ.setdefault("KOHORT_DATA", "../shared/data")

RATES = np.geomspace(1e-4, 1e-2, 8)
Way = Callable[[], tuple[float, str]]


class Structure(NamedTuple):
    """A network, its data, and how it is fitted."""

    name: str
    data: Callable[[], tuple[np.ndarray, np.ndarray]]
    build: Callable[[Any, float], Any]
    epochs: int
    batch_size: int


def _small_images() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x.reshape(-1, 8, 8, 1) / 16).astype("float32"), y


def _small_convnet(keras: Any, rate: float) -> Any:
    model = keras.Sequential(
        [
            keras.layers.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"), keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    return model


def _wide(keras: Any, rate: float) -> Any:
    loss, adam = "sparse_categorical_crossentropy", keras.optimizers.Adam(rate)
    return cohorts.dense_net(keras, [784, 512, 10], "softmax", loss, adam, 1)


def _of_layers(network: str, epochs: int) -> Structure:
    name = {"Convnet": "Convnet 32-64, 28 x 28"}.get(network, f"{network} 32, 100 steps")
    return Structure(
        name,
        lambda: layers.data(network),
        lambda keras, rate: layers.build(keras, network, keras.optimizers.Adam(rate)),
        epochs,
        layers.BATCH,
    )


def _of_search(case: cohorts.Case, name: str, epochs: int) -> Structure:
    return Structure(
        name, case.data, lambda keras, rate: case.build(keras, rate, 1), epochs, case.batch_size
    )


BOSTON, THORACIC, MNIST = cohorts.CASES
STRUCTURES = [
    _of_search(BOSTON, "Dense 13-64-64-1", 50),
    _of_search(THORACIC, "Dense 16-32-16-1", 50),
    _of_search(MNIST, "Dense 784-64-10", 3),
    Structure("Dense 784-512-10", MNIST.data, _wide, 2, 128),
    Structure("Convnet 16, 8 x 8", _small_images, _small_convnet, 10, 32),
    _of_layers("Convnet", 2),
    _of_layers("LSTM", 3),
    _of_layers("GRU", 3),
]


def fits(structure: Structure, x: np.ndarray, y: np.ndarray) -> tuple[float, str]:
    """Seconds of eight fits, one after the other."""
    import kohort

    models = [structure.build(kohort, float(rate)) for rate in RATES]
    begun = time.perf_counter()
    for model in models:
        model.fit(x, y, batch_size=structure.batch_size, epochs=structure.epochs, verbose=0)
    return time.perf_counter() - begun, ""


def cohort(structure: Structure, x: np.ndarray, y: np.ndarray, **how: Any) -> tuple[float, str]:
    """Seconds of a cohort of eight, and the form that it ran in."""
    import kohort
    from kohort.cohort import Candidate, Cohort, Member

    size = structure.batch_size
    builds = [functools.partial(structure.build, kohort, float(rate)) for rate in RATES]
    candidates = [Candidate(build, seed=0, sample=(x[:size], y[:size], None)) for build in builds]
    members = [Member(c, np.arange(len(x)), None, size, structure.epochs) for c in candidates]
    together = Cohort(members, (x, y, None), **how)
    begun = time.perf_counter()
    together.fit()
    seconds = time.perf_counter() - begun
    group = together.groups[0]
    return seconds, f"{group.width} a call" if group.width > 1 else "one a call"


def measure(structure: Structure, rounds: int) -> str:
    """A row of the table."""
    x, y = structure.data()
    ways: list[Way] = [
        lambda: fits(structure, x, y),
        lambda: cohort(structure, x, y),
        lambda: cohort(structure, x, y, width=len(RATES), form="vmap"),
    ]
    for way in ways:
        way()
    turns = [[way() for way in ways] for _ in range(rounds)]
    (one, _), (planned, form), (mapped, _) = (min(way) for way in zip(*turns, strict=True))
    return (
        f"| {structure.name} | {one:.2f} | {planned:.2f} | {form} | {one / planned:.1f} "
        f"| {one / mapped:.1f} |"
    )


def main() -> None:
    """Time the structures and print what a cohort gains."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    lines = [
        "| structure | fits, s | cohort, s | its form | times as fast | all eight mapped |",
        "|---|--:|--:|---|--:|--:|",
    ]
    print("\n".join(lines))
    for structure in STRUCTURES:
        if options.only.lower() in structure.name.lower():
            lines.append(measure(structure, options.rounds))
            print(lines[-1], flush=True)
    if options.write:
        about = (__doc__ or "").split("\n\n", 2)[2]
        options.write.write_text(
            "# Where cohorts help\n\n" + about + "\n" + "\n".join(lines) + "\n"
        )


if __name__ == "__main__":
    main()
