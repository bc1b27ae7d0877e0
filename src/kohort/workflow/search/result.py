"""What a search found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.cohort import Member
from kohort.core import tree
from kohort.random.seed import seeded
from kohort.workflow.crossval import validation_rows
from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest import Estimate, PerRow, bbc_cv
from kohort.workflow.search.kept import Kept
from kohort.workflow.search.objective import Objective
from kohort.workflow.search.space import HyperParameters
from kohort.workflow.trainings import maker

if TYPE_CHECKING:
    from kohort.workflow.search.run import Protocol
    from kohort.workflow.search.study import Study


class Search:
    """The study of a search, its best trial, and what that is worth.

    `study` is the `Study` (and `study.optuna` Optuna's); `interrupted` says whether Ctrl-C ended
    the search.
    """

    def __init__(self, study: Study, build: Any, protocol: Protocol, kept: Kept, score: Any):
        self.study, self.build, self.protocol, self.kept = study, build, protocol, kept
        self._score = score
        self.interrupted = False

    def table(self) -> list[dict[str, Any]]:
        """A dict for each trial: number, state, values, hp, seconds, reason, attributes."""
        return self.study.table()

    @property
    def best(self) -> dict[str, Any]:
        """The best trial, as a row of the table."""
        return self.study.best()

    @property
    def best_hp(self) -> HyperParameters:
        """The hyperparameters of the best trial."""
        return self.study.hyperparameters(self.best["number"])

    @property
    def histories(self) -> list[dict[str, Any]]:
        """The learning curves of the best trial's members, which `kohort.diagnose` reads."""
        return self.kept.histories(self.best["number"])

    def pareto(self) -> list[dict[str, Any]]:
        """The trials that none beats in all objectives."""
        return self.study.pareto()

    def importance(self) -> dict[str, float]:
        """How much each hyperparameter matters."""
        return self.study.importance()

    def model(self, number: int | None = None) -> Any:
        """A new compiled model, not trained, with the hyperparameters of a trial (the best)."""
        number = self.best["number"] if number is None else number
        with seeded(self.protocol.seed):
            return maker(self.build, self.study.hyperparameters(number))()

    def refit(self, number: int | None = None, **arguments: Any) -> Any:
        """Train a trial (the best) on all rows, for its epochs and batch size; return the model.

        Args:
            arguments: passed to `fit`.
        """
        number = self.best["number"] if number is None else number
        hp = self.study.hyperparameters(number)
        data = self.protocol.data
        given = {"verbose": 0, **self.protocol.lengths(hp), **arguments}
        made = self.protocol.candidate(self.build, hp)
        return made.fitted_alone(data.arrays, np.arange(data.rows), None, **given)

    def predictions(self) -> tuple[list[int], np.ndarray]:
        """The numbers of the complete trials, and their out-of-fold predictions `(trials, …)`."""
        complete = [row["number"] for row in self.table() if row["state"] == "complete"]
        found = {n: p for n in complete if (p := self.kept.predictions(n)) is not None}
        if not found and tree.is_nested(self.protocol.data.y):
            raise WorkflowError(
                "Out-of-fold predictions are kept of models with one output.",
                "labels of several outputs",
                "search.refit(number) gives models, of whose outputs ensembles can be made",
            )
        if not found:
            raise WorkflowError(
                "Out-of-fold predictions of complete trials are needed.",
                "none were kept",
                "run the search with a folder, so that they outlast the process",
            )
        return list(found), np.stack(list(found.values()))

    def estimate(self, score: Any = None, higher: bool | None = None, **arguments: Any) -> Estimate:
        """What to expect of the best trial: its score, less the luck of having been chosen.

        Args:
            score: a function of (labels, predictions); the first objective unless told.
            higher: whether more is better; known for the objective.
            arguments: passed to `workflow.honest.bbc_cv`.
        """
        goal = self.protocol.objectives[0]
        score = score or self._score
        if score is None:
            raise WorkflowError(
                "The objective must be known as a score of labels and predictions.",
                repr(goal.name),
                "give score=, a function of (labels, predictions)",
            )
        _, predictions = self.predictions()
        y = np.asarray(self.protocol.data.y)
        if predictions.ndim == y.ndim + 2 and predictions.shape[-1] == 1:
            predictions = predictions[..., 0]
        higher = goal.higher if higher is None else higher
        return bbc_cv(y, predictions, score, higher=higher, **arguments)

    def score_members(
        self, goal: Objective, members: Sequence[Member], predictions: Any, scores: dict[str, Any]
    ) -> np.ndarray:
        """The value of an objective for each member of a trial."""
        if goal.name == "parameters":
            return np.array([members[0].candidate.model.count_params()], float)
        if goal.name == "val_loss" and isinstance(self._score, PerRow):
            y = np.asarray(self.protocol.data.y)
            parts = validation_rows(members)
            judged = np.unique(np.concatenate(parts))  # one call for all folds
            losses = np.zeros(len(y))
            losses[judged] = self._score.values(y[judged], predictions[judged])
            return np.array([losses[part].mean() for part in parts])
        if goal.metric not in scores:
            raise WorkflowError(
                "The objective must be among the model's metrics.",
                f"{goal.name!r}; known: {', '.join('val_' + name for name in scores)}",
                "compile the model with this metric",
            )
        return scores[goal.metric]

    def __str__(self) -> str:
        counts = self.study.counts()
        lines = [", ".join(f"{count} {state}" for state, count in counts.items() if count)]
        for row in self.pareto()[:5] if counts["complete"] else []:
            values = ", ".join(
                f"{goal.name} {value:.4g}"
                for goal, value in zip(self.protocol.objectives, row["values"], strict=True)
            )
            lines.append(f"  trial {row['number']}: {values}  {row['hp']}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from kohort.workflow.notebook import study_html

        return study_html(self.study, [goal.name for goal in self.protocol.objectives])
