"""Epoch times of Kohort beside Keras on JAX, in one process, in turns.

    python -m benchmarks.run [--rounds 5] [--only mnist] [--write docs/benchmarks.md]

Each framework gets one fit to compile and then the best of a few rounds; the rounds alternate,
so that a busy machine slows all of them. Only the ratios mean something.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("KOHORT_DATA", "../shared/data")

from benchmarks.cases import CASES, Case

EXECUTIONS = (1, 32)


def epoch_times(case: Case, rounds: int) -> dict[str, float]:
    """Seconds an epoch: Kohort, and Keras at each `steps_per_execution`."""
    import keras

    import kohort

    x, y = case.data()
    runs: dict[str, Any] = {"kohort": case.build(kohort, 1)}
    for steps in EXECUTIONS:
        runs[f"keras {steps}"] = case.build(keras, steps)
    epochs = case.epochs or max(4, min(20, 60_000 // len(x)))
    best = dict.fromkeys(runs, float("inf"))
    for model in runs.values():
        model.fit(x, y, batch_size=case.batch_size, epochs=1, verbose=0)
    for _ in range(rounds):
        for name, model in runs.items():
            begun = time.perf_counter()
            model.fit(x, y, batch_size=case.batch_size, epochs=epochs, verbose=0)
            best[name] = min(best[name], (time.perf_counter() - begun) / epochs)
    return best


def import_cost(repeats: int = 5) -> float:
    """Seconds that `import kohort` takes beyond `import jax, numpy`: the best of several."""

    def seconds(code: str) -> float:
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begun

    plain = min(seconds("import jax, numpy") for _ in range(repeats))
    return min(seconds("import jax, numpy, kohort") for _ in range(repeats)) - plain


def table(results: dict[str, dict[str, float]]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| network | Kohort, ms an epoch | Keras on JAX | Keras, 32 steps an execution | "
        "Keras's better / Kohort |",
        "|---|---|---|---|---|",
    ]
    for name, times in results.items():
        ms = {k: 1000 * v for k, v in times.items()}
        better = min(ms["keras 1"], ms["keras 32"])
        lines.append(
            f"| {name} | {ms['kohort']:.1f} | {ms['keras 1']:.1f} | {ms['keras 32']:.1f} | "
            f"{better / ms['kohort']:.2f} × |"
        )
    return "\n".join(lines)


def report(results: dict[str, dict[str, float]], seconds: float) -> str:
    """The page `docs/benchmarks.md`."""
    import jax
    import keras

    versions = (
        f"Python {platform.python_version()}, JAX {jax.__version__}, Keras {keras.__version__}"
    )
    return (
        "# Benchmarks\n\nMade by `make bench`: fits of 4 to 20 epochs (or one), the time of a fit "
        "divided by its epochs; best of several rounds in turns, one process, "
        f"{os.cpu_count()} cores; {versions}. Machines are noisy: read the ratios.\n\n"
        f"{table(results)}\n\n`import kohort` costs {seconds:.2f} s beyond `import jax, numpy`.\n"
    )


def main() -> None:
    """Run the chosen cases, print the table, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--write", help="write the page to this file")
    options = parser.parse_args()
    results = {}
    for case in CASES:
        if options.only.lower() in case.name.lower():
            results[case.name] = epoch_times(case, options.rounds)
            print(
                case.name,
                {k: f"{1000 * v:.1f} ms" for k, v in results[case.name].items()},
                flush=True,
            )
    page = report(results, import_cost())
    print(page)
    if options.write:
        Path(options.write).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
