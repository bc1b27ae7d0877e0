"""Whole searches beside loops of Keras on JAX, each in a fresh process, compilation included.

    python -m benchmarks.cohorts [--only boston] [--write docs/cohort_benchmarks.md]

The loops repeat one thing, so only `SAMPLE` of their fits are run and the time is scaled up; the
import of Keras is counted once. Kohort runs whole, twice: with an empty and with a warm
compilation cache. The runs take turns on one machine; only the ratios mean something.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("KOHORT_DATA", "../shared/data")

SAMPLE = 4  # fits of a loop that are run


class Case(NamedTuple):
    """A search: data, network, and how many trials, folds and epochs."""

    name: str
    data: Callable[[], tuple[np.ndarray, np.ndarray]]
    build: Callable[[Any, float, int], Any]
    trials: int
    folds: int
    epochs: int
    batch_size: int

    @property
    def fits(self) -> int:
        """How many trainings it takes."""
        return self.trials * self.folds


def _boston() -> tuple[np.ndarray, np.ndarray]:
    from kohort.datasets import boston_housing

    (x, y), _ = boston_housing.load_data()
    return ((x - x.mean(0)) / x.std(0)).astype("float32"), y.astype("float32")


def _thoracic() -> tuple[np.ndarray, np.ndarray]:
    folder = Path(os.environ["KOHORT_DATA"].split(os.pathsep)[0])
    rows = np.loadtxt(folder / "ThoraricSurgery3.csv", delimiter=",", dtype="float32")
    x, y = rows[:, :-1], rows[:, -1]
    return ((x - x.mean(0)) / (x.std(0) + 1e-9)).astype("float32"), y.astype("float32")


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    from kohort.datasets import mnist

    (x, y), _ = mnist.load_data()
    return x[:10_000].reshape(-1, 784).astype("float32") / 255, y[:10_000]


def dense_net(
    keras: Any, sizes: list[int], last: str | None, loss: str, optimizer: Any, steps: int
) -> Any:
    """A stack of dense layers, compiled; the first size is the input's."""
    hidden = [keras.layers.Dense(n, activation="relu") for n in sizes[1:-1]]
    outputs = keras.layers.Dense(sizes[-1], activation=last)
    model = keras.Sequential([keras.layers.Input((sizes[0],)), *hidden, outputs])
    metrics = ["mae"] if loss == "mse" else ["accuracy"]
    model.compile(optimizer, loss, metrics=metrics, steps_per_execution=steps)
    return model


def _boston_net(keras: Any, rate: float, steps: int) -> Any:
    return dense_net(keras, [13, 64, 64, 1], None, "mse", keras.optimizers.RMSprop(rate), steps)


def _thoracic_net(keras: Any, rate: float, steps: int) -> Any:
    adam = keras.optimizers.Adam(rate)
    return dense_net(keras, [16, 32, 16, 1], "sigmoid", "binary_crossentropy", adam, steps)


def _mnist_net(keras: Any, rate: float, steps: int) -> Any:
    loss = "sparse_categorical_crossentropy"
    return dense_net(keras, [784, 64, 10], "softmax", loss, keras.optimizers.RMSprop(rate), steps)


CASES = [
    Case("Boston 64-64-1, 8 rates x 4 folds", _boston, _boston_net, 8, 4, 100, 16),
    Case("Thoracic 32-16-1, 64 trials x 5 folds", _thoracic, _thoracic_net, 64, 5, 30, 32),
    Case("MNIST 10k rows 64-10, 16 trials", _mnist, _mnist_net, 16, 1, 10, 128),
]


# ---- what runs in the fresh processes


def run_kohort(case: Case) -> float:
    """The whole search; returns the best score."""
    import kohort

    x, y = case.data()

    def build(hp: Any) -> Any:
        return case.build(kohort, hp.Float("rate", 1e-4, 1e-2, sampling="log"), 1)

    protocol = {"folds": case.folds} if case.folds > 1 else {"hold_out": 0.2}
    found = kohort.search(
        build, x, y, trials=case.trials, sampler="random", epochs=case.epochs,
        batch_size=case.batch_size, stratify=None, **protocol,
    )  # fmt: skip
    return found.best["values"][0]


def _folds(case: Case, rows: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import KFold, ShuffleSplit

    splitter = KFold(case.folds) if case.folds > 1 else ShuffleSplit(1, test_size=0.2)
    return list(splitter.split(np.zeros(rows)))


def _fit_keras(case: Case, rate: float, steps: int, fold: Any, data: Any) -> float:
    import keras

    (x, y), (train, validation) = data, fold
    model = case.build(keras, rate, steps)
    history = model.fit(
        x[train], y[train], validation_data=(x[validation], y[validation]), epochs=case.epochs,
        batch_size=case.batch_size, verbose=0,
    )  # fmt: skip
    return history.history["val_loss"][-1]


def run_keras(case: Case, steps: int) -> float:
    """`SAMPLE` fits of a plain loop; the loop's scaled time is what is printed."""
    data = case.data()
    folds = _folds(case, len(data[0]))
    for i in range(SAMPLE):
        _fit_keras(case, 10 ** (-2 - i / 4), steps, folds[i % len(folds)], data)
    return 0.0


def run_optuna(case: Case, steps: int) -> float:
    """`SAMPLE` fits through Optuna."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    data = case.data()
    folds = _folds(case, len(data[0]))[: min(case.folds, SAMPLE)]

    def objective(trial: Any) -> float:
        rate = trial.suggest_float("rate", 1e-4, 1e-2, log=True)
        return float(np.mean([_fit_keras(case, rate, steps, fold, data) for fold in folds]))

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    study.optimize(objective, n_trials=SAMPLE // len(folds))
    return study.best_value


def run_tuner(case: Case, steps: int) -> float:
    """`SAMPLE` fits through KerasTuner."""
    import keras
    import keras_tuner

    data = case.data()
    folds = _folds(case, len(data[0]))[: min(case.folds, SAMPLE)]

    class Tuner(keras_tuner.RandomSearch):
        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> float:
            rate = trial.hyperparameters.Float("rate", 1e-4, 1e-2, sampling="log")
            return float(np.mean([_fit_keras(case, rate, steps, fold, data) for fold in folds]))

    with tempfile.TemporaryDirectory() as folder:
        tuner = Tuner(
            lambda hp: case.build(keras, hp.Float("rate", 1e-4, 1e-2, sampling="log"), steps),
            max_trials=SAMPLE // len(folds), directory=folder,
        )  # fmt: skip
        tuner.search()
    return 0.0


RIVALS: dict[str, Callable[[Case], float]] = {
    "Kohort": run_kohort,
    "Kohort, warm cache": run_kohort,
    "Keras": lambda case: run_keras(case, 1),
    "Keras, 32 steps": lambda case: run_keras(case, 32),
    "KerasTuner": lambda case: run_tuner(case, 32),
    "Optuna + Keras": lambda case: run_optuna(case, 32),
}


def child(case: Case, rival: str) -> None:
    """Run and print what it took."""
    if not rival.startswith("Kohort"):
        import keras  # noqa: F401
    imported = time.perf_counter()
    RIVALS[rival](case)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"work": time.perf_counter() - imported, "peak_mib": peak}))


# ---- the parent


@functools.cache
def _with_bytecode() -> dict[str, str]:
    """The environment of packages that were installed: their modules are compiled already."""
    folder = Path(tempfile.gettempdir()) / "kohort-benchmark-bytecode"
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    for modules in ("kohort.workflow.search, kohort.workflow.search.study", "keras_tuner, optuna"):
        subprocess.run([sys.executable, "-c", f"import {modules}"], env=environment, check=False)
    return environment


def measure(case: Case, rival: str, cache: str) -> dict[str, float]:
    """Seconds of the whole from a fresh process, and the peak of its memory."""
    environment = {**_with_bytecode(), "JAX_COMPILATION_CACHE_DIR": cache}
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    command = [sys.executable, "-m", "benchmarks.cohorts", "--child", case.name, rival]
    begun = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{rival} on {case.name} failed:\n{done.stderr[-2000:]}")
    whole = time.perf_counter() - begun
    told = json.loads(done.stdout.strip().splitlines()[-1])
    if not rival.startswith("Kohort"):
        whole += told["work"] * (case.fits / SAMPLE - 1)
    return {"seconds": whole, "peak_mib": told["peak_mib"]}


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """The results as Markdown."""
    lines = [
        "| search | way | seconds | times Kohort | times Kohort, warm cache | peak memory, MiB |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for name, ways in results.items():
        cold, warm = ways["Kohort"]["seconds"], ways["Kohort, warm cache"]["seconds"]
        for way, told in ways.items():
            s = told["seconds"]
            lines.append(
                f"| {name} | {way} | {s:.1f} | {s / cold:.1f} | {s / warm:.1f} "
                f"| {told['peak_mib']:.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--child", nargs=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--rivals", default="", help="only those whose name holds this")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    by_name = {case.name: case for case in CASES}
    if options.child:
        child(by_name[options.child[0]], options.child[1])
        return
    results: dict[str, dict[str, dict[str, float]]] = {}
    for case in CASES:
        if options.only.lower() not in case.name.lower():
            continue
        with tempfile.TemporaryDirectory() as cache, tempfile.TemporaryDirectory() as other:
            ways = results.setdefault(case.name, {})
            for rival in RIVALS:
                if options.rivals.lower() in rival.lower():
                    place = cache if rival.startswith("Kohort") else other
                    ways[rival] = measure(case, rival, place)
                    print(f"{case.name}, {rival}: {ways[rival]}", flush=True)
    text = table(results)
    print(text)
    if options.write:
        options.write.write_text(f"# Searches\n\n{__doc__.split(chr(10), 4)[-1]}\n{text}\n")


if __name__ == "__main__":
    main()
