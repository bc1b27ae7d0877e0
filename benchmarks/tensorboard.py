"""What watching costs: an epoch of MNIST (784-512-10, batch 128) with TensorBoard, and without.

    python -m benchmarks.tensorboard [--rounds 5] [--epochs 4] [--write docs/tensorboard_costs.md]

One process; one fit of each kind compiles, then fits of a few epochs take turns, and the best
counts. Machines are noisy: read the ratios.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KOHORT_DATA", "../shared/data")

from benchmarks.cases import CASES

GOALS = {"scalars": 1.05, "histograms each epoch": 1.30}
ROWS = 10_000  # of the validation


def epoch_times(rounds: int, epochs: int) -> dict[str, float]:
    """Seconds an epoch, by what is written."""
    import kohort

    x, y = CASES[0].data()
    data = {"x": x[:-ROWS], "y": y[:-ROWS], "validation_data": (x[-ROWS:], y[-ROWS:])}
    model = CASES[0].build(kohort, 1)
    best = dict.fromkeys(["nothing", *GOALS], float("inf"))

    def fit(kind: str, epochs: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            frequency = int(kind == "histograms each epoch")
            board = kohort.callbacks.TensorBoard(folder, histogram_freq=frequency)
            watching: list[Any] = [] if kind == "nothing" else [board]
            begun = time.perf_counter()
            model.fit(**data, batch_size=128, epochs=epochs, verbose=0, callbacks=watching)
            return (time.perf_counter() - begun) / epochs

    for kind in best:
        fit(kind, 1)
    for _ in range(rounds):
        for kind in best:
            best[kind] = min(best[kind], fit(kind, epochs))
    return best


def report(times: dict[str, float]) -> str:
    """The times as a Markdown page."""
    lines = [
        "# What TensorBoard costs",
        "",
        "MNIST 784-512-10, batch 128, 50,000 rows and 10,000 to validate; `make bench`.",
        "",
        "| written | ms an epoch | against nothing | goal |",
        "|---|---|---|---|",
    ]
    for kind, seconds in times.items():
        ratio = f"{seconds / times['nothing'] - 1:+.1%}" if kind in GOALS else "–"
        goal = f"{GOALS[kind] - 1:+.0%}" if kind in GOALS else "–"
        lines.append(f"| {kind} | {1000 * seconds:.0f} | {ratio} | {goal} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Time, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4, help="of each fit")
    parser.add_argument("--write", help="write the page to this file")
    options = parser.parse_args()
    page = report(epoch_times(options.rounds, options.epochs))
    print(page)
    if options.write:
        Path(options.write).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
