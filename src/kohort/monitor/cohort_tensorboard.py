"""A cohort for TensorBoard: a few runs that sum up its members."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from kohort.callbacks.cohort_callback import CohortCallback
from kohort.callbacks.spread import spreads
from kohort.monitor.events import EventFile
from kohort.monitor.model_page import write_model
from kohort.monitor.quiet import Quiet

QUANTILES = {
    "quantile_10": 0.10,
    "quantile_25": 0.25,
    "median": 0.50,
    "quantile_75": 0.75,
    "quantile_90": 0.90,
}
"""The runs beside `best`."""


class CohortTensorBoard(CohortCallback):
    """Writes six runs of a cohort, however many members it has: `tensorboard --logdir logs`.

    At each epoch `best` has the best value of any member that trains, `median` and
    `quantile_10`, …, `quantile_90` those quantiles over them, by the names of the logs:
    `epoch_loss`, `epoch_val_loss`, …. `median` has `members_running`, too; `best` the graph and the
    summary of the first member's model. Cohorts that use it one after the other, the batches of a
    search, go on along the axis of epochs.

    `kohort.search`, `cross_validate` and `capacity_sweep` make one of a `TensorBoard` among their
    callbacks. Failures are as `TensorBoard`'s: one warning.

    Args:
        log_dir: the folder of the runs.
        write_graph: whether to write the graph and the summary.

    >>> import kohort as keras
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.ones((8, 1))
    >>> _ = keras.cross_validate(model, x, x, folds=2, callbacks=[CohortTensorBoard("logs")])
    >>> sorted(os.listdir("logs"))
    ['best', 'median', 'quantile_10', 'quantile_25', 'quantile_75', 'quantile_90']
    """

    at_once = False

    def __init__(self, log_dir: str | os.PathLike[str] = "logs", write_graph: bool = True) -> None:
        self.log_dir, self.write_graph = os.fspath(log_dir), write_graph
        self._quiet = Quiet("TensorBoard")
        self._runs = {name: self._run(name) for name in ("best", *QUANTILES)}
        self._first = self._last = 0  # epochs on the axis: of this cohort's first one, so far

    def _run(self, name: str) -> EventFile:
        return EventFile(os.path.join(self.log_dir, name), self._quiet)

    def on_train_begin(self, cohort: Any) -> None:
        if self.write_graph and not self._last:
            write_model(self._runs["best"], cohort.members[0].candidate.model)
        self._first = self._last

    def on_epoch_end(self, cohort: Any, epoch: int, logs: dict[str, np.ndarray]) -> None:
        step = self._first + epoch
        metrics = cohort.members[0].candidate.model.metrics
        running = 0
        for name, members, values, best in spreads(logs, metrics, list(QUANTILES.values())):
            running = max(running, members)
            for run, value in zip(QUANTILES, values, strict=True):
                self._scalar(run, f"epoch_{name}", value, step)
            if best is not None:
                self._scalar("best", f"epoch_{name}", best, step)
        self._scalar("median", "members_running", running, step)
        for file in self._runs.values():
            file.flush()
        self._last = step + 1

    def _scalar(self, run: str, tag: str, value: float, step: int) -> None:
        self._runs[run].scalar(tag, value, step)

    def on_train_end(self, cohort: Any) -> None:
        for file in self._runs.values():
            file.close()

    def on_train_failed(self, cohort: Any, error: BaseException) -> None:
        self.on_train_end(cohort)

    def text(self, tag: str, markdown: str) -> None:
        """Write a text, the verdict say, into the run `best`."""
        best = self._runs["best"]
        best.text(tag, markdown)
        best.close()
