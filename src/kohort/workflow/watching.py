"""Who follows the cohorts of a workflow: the live table, and callbacks that look at all members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kohort.callbacks.cohort_callback import CohortCallback
from kohort.callbacks.progbar_logger import ProgbarLogger
from kohort.monitor.cohort_progress import CohortProgress
from kohort.monitor.cohort_tensorboard import CohortTensorBoard
from kohort.utils.live import PLAIN, place
from kohort.workflow.failure import WorkflowError


class Watch:
    """Sorts the callbacks of a workflow: those of each member, and those of the whole cohort.

    A `CohortCallback` follows the cohort; so does what has a form for cohorts, `of_cohort()`:
    `TensorBoard` and trackers. A progress bar is the live table's business. The rest are Keras
    callbacks, of which each member gets copies; so is a function that returns new ones.

    In a `with` statement the live table stays one and the same over several cohorts.

    Args:
        verbose: 1: the live table; 0: nothing; "auto": the table where it can be redrawn, in a
            terminal or a notebook.
        title, monitor, mode: of the table.

    Raises:
        WorkflowError: for another `verbose`.
    """

    def __init__(
        self,
        callbacks: Sequence[Any] | Callable[[], Sequence[Any]],
        verbose: int | str,
        title: str,
        monitor: str | None = None,
        mode: str | None = None,
    ) -> None:
        if verbose not in (0, 1, "auto"):
            raise WorkflowError("verbose must be 0, 1 or 'auto'.", repr(verbose), "choose one")
        self.own: Any = callbacks
        self.together: list[CohortCallback] = []
        if not callable(callbacks):
            self._sort(callbacks or ())
        shown = verbose == 1 or (verbose == "auto" and place() != PLAIN)
        self.progress = CohortProgress(title, monitor, mode) if shown else None

    def _sort(self, callbacks: Sequence[Any]) -> None:
        self.own = []
        for callback in callbacks:
            if isinstance(callback, CohortCallback):
                self.together.append(callback)
            elif hasattr(callback, "of_cohort"):
                self.together.append(callback.of_cohort())
            elif not isinstance(callback, ProgbarLogger):
                self.own.append(callback)

    @property
    def all(self) -> list[CohortCallback]:
        """The callbacks of a cohort; the table comes last, when all others have had their say."""
        return [*self.together, *([self.progress] if self.progress else [])]

    @property
    def boards(self) -> list[CohortTensorBoard]:
        """Where TensorBoard looks."""
        return [c for c in self.together if isinstance(c, CohortTensorBoard)]

    def verdict(self, result: Any) -> None:
        """Write what is to be said of a result to TensorBoard's text page."""
        for board in self.boards:
            board.text("verdict", str(result))

    def __enter__(self) -> Watch:
        if self.progress is not None:
            self.progress.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self.progress is not None:
            self.progress.__exit__(*error)
