"""Tracker: a training told to MLflow, Weights & Biases, trackio or any other service."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from kohort.callbacks.callback import Callback, Logs
from kohort.callbacks.cohort_callback import CohortCallback
from kohort.callbacks.learning_rates import learning_rates
from kohort.callbacks.spread import spreads
from kohort.monitor.quiet import Quiet


class Tracker(Callback):
    """Base class of callbacks that tell a service what happens: write three methods.

    - `start(params)`: a training begins; `params` is a dict of what it is (model, parameters,
      optimizer, learning_rate, epochs, steps).
    - `log(step, metrics)`: an epoch has ended; `metrics` are its logs, those that are numbers.
    - `end(status)`: the training has ended: "finished", "failed" or "interrupted" (Ctrl-C).

    `fit` takes the tracker among its `callbacks`; `Cohort` takes `tracker.of_cohort()`, which logs
    the members together. A service that fails is one warning; the training goes on, and nothing
    more is logged. An `ImportError` in `start` is raised: the package is not there.

    >>> import numpy as np, kohort as keras
    >>> class Say(keras.callbacks.Tracker):
    ...     def start(self, params): print("start", params["optimizer"], params["parameters"])
    ...     def log(self, step, metrics): print("log", step, sorted(metrics))
    ...     def end(self, status): print("end", status)
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> _ = model.fit(np.ones((4, 2)), np.ones(4), epochs=2, verbose=0, callbacks=[Say()])
    start SGD 3
    log 0 ['loss']
    log 1 ['loss']
    end finished
    """

    numbers_only: bool = True
    """Whether `log` gets numbers only, not arrays or words that a callback put into the logs."""

    def __init__(self) -> None:
        super().__init__()
        self._state = "idle"  # or "open", or "broken": started, but the service has failed

    def start(self, params: dict[str, Any]) -> None:
        """A training begins."""

    def log(self, step: int, metrics: dict[str, Any]) -> None:
        """An epoch, counted from 0, has ended."""

    def end(self, status: str) -> None:
        """The training has ended: "finished", "failed" or "interrupted"."""

    def of_cohort(self) -> CohortCallback:
        """The same for a `Cohort`: one run for all its members.

        Of each name in the logs it has the members' `…/median`, the 10 % and 90 % quantiles
        `…/low` and `…/high`, and `…/best` where the name tells what is better; and `members`, the
        number of those that train.
        """
        return _CohortTracker(self)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._begin(_described(self.model) | {n: (self.params or {}).get(n) for n in _LENGTHS})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._log(epoch, logs or {})

    def on_train_end(self, logs: Logs = None) -> None:
        self._end("finished")

    def on_train_failed(self, error: BaseException) -> None:
        self._end(_status(error))

    def _begin(self, params: dict[str, Any]) -> None:
        self._quiet, self._state = Quiet(type(self).__name__), "idle"
        if self._tell("start", {name: v for name, v in params.items() if v is not None}):
            self._state = "open"

    def _log(self, step: int, logs: dict[str, Any]) -> None:
        if self._state != "open":
            return
        given = {n: v for n, v in logs.items() if not self.numbers_only or _is_number(v)}
        if not self._tell("log", step, given):
            self._state = "broken"  # a service that is down may take long to say so each time

    def _end(self, status: str) -> None:
        if self._state != "idle":
            self._tell("end", status)
        self._state = "idle"

    def _tell(self, method: str, *arguments: Any) -> bool:
        """Call a method of the subclass; whether it went well."""
        try:
            getattr(self, method)(*arguments)
        except ImportError:
            raise
        except Exception as error:
            text = f"{error or type(error).__name__}. Training goes on without it."
            self._quiet.warn("the training cannot be told on", text)
            return False
        return True


_LENGTHS = ("epochs", "steps")


class _CohortTracker(CohortCallback):
    """What a tracker tells of a cohort."""

    at_once = False

    def __init__(self, tracker: Tracker):
        self.tracker = tracker

    def on_train_begin(self, cohort: Any) -> None:
        self.tracker._begin(
            _described(cohort.members[0].candidate.model)
            | {"members": len(cohort.members), "epochs": max(m.epochs for m in cohort.members)}
        )

    def on_epoch_end(self, cohort: Any, epoch: int, logs: dict[str, np.ndarray]) -> None:
        model = cohort.members[0].candidate.model
        self.tracker._log(epoch, summary_of(logs, model.metrics))

    def on_train_end(self, cohort: Any) -> None:
        self.tracker._end("finished")

    def on_train_failed(self, cohort: Any, error: BaseException) -> None:
        self.tracker._end(_status(error))


def summary_of(logs: dict[str, np.ndarray], metrics: Any = ()) -> dict[str, float]:
    """The members' logs as a few numbers each: median, quantiles, best.

    >>> found = summary_of({"loss": np.array([3.0, 1.0, np.nan])})
    >>> {name: round(value, 1) for name, value in found.items()}
    {'loss/median': 2.0, 'loss/low': 1.2, 'loss/high': 2.8, 'loss/best': 1.0, 'members': 2}
    """
    found: dict[str, float] = {}
    training = 0
    for name, members, (low, middle, high), best in spreads(logs, metrics, [0.1, 0.5, 0.9]):
        training = max(training, members)
        found |= {f"{name}/median": middle, f"{name}/low": low, f"{name}/high": high}
        if best is not None:
            found[f"{name}/best"] = best
    return {name: float(value) for name, value in found.items()} | {"members": training}


def _described(model: Any) -> dict[str, Any]:
    """What a model and its optimiser are, for a service's table of runs."""
    if model is None:
        return {}
    optimizer = getattr(model, "optimizer", None)
    built = getattr(model, "built", False)
    return {
        "model": getattr(model, "name", None),
        "parameters": model.count_params() if built else None,
        "optimizer": optimizer and type(optimizer).__name__,
        **learning_rates(optimizer),
    }


def _status(error: BaseException) -> str:
    return "failed" if isinstance(error, Exception) else "interrupted"


def _is_number(value: Any) -> bool:
    return isinstance(value, (numbers.Real, np.number)) and not isinstance(value, bool)
