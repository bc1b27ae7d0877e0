"""From the models' predictions of held-out rows to the members of an ensemble."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from kohort.workflow.ensembling.choose import Chooser, Judge, Worth, check_method
from kohort.workflow.ensembling.outputs import common
from kohort.workflow.ensembling.result import Ensemble
from kohort.workflow.ensembling.target import Target, target_of
from kohort.workflow.failure import WorkflowError


@dataclasses.dataclass(frozen=True)
class Choice:
    """What was chosen among models: `weights` has one for each; `predictions` is in common form."""

    names: Sequence[str]
    method: str
    judge: Judge
    target: Target
    predictions: np.ndarray
    weights: np.ndarray
    score: Worth
    form: tuple[int, ...]

    @property
    def numbers(self) -> list[int]:
        """The models that count."""
        return [int(i) for i in np.flatnonzero(self.weights)]

    def ensemble(self, members: list[Any]) -> Ensemble:
        """The ensemble of the models that count.

        Args:
            members: these models, in the order of `numbers`.
        """
        chosen, y = self.numbers, self.target.y
        candidates = [
            {"name": name, "score": float(self.judge.score(y, p)), "weight": float(weight)}
            for name, p, weight in zip(self.names, self.predictions, self.weights, strict=True)
        ]
        return Ensemble(
            members, [self.names[i] for i in chosen], self.weights[chosen], self.method,
            self.target.task, self.form, self.target.classes, self.score, candidates,
            self.judge, (self.predictions[chosen], y),
        )  # fmt: skip


def choose(
    outputs: Sequence[np.ndarray],
    y: Any,
    names: Sequence[str],
    *,
    method: str = "greedy",
    score: Any = None,
    higher: bool | None = None,
    task: str | None = None,
    seed: int = 0,
    classes: np.ndarray | None = None,
    folds: np.ndarray | None = None,
    **options: Any,
) -> Choice:
    """Give each model a weight; the arguments are those of `kohort.ensemble`.

    Args:
        outputs: what the models say about rows that they did not train on, `(rows, …)` each.
        classes: the labels that the models know.
        folds: the part of each row, for the corrected score.
    """
    target = target_of(y, outputs, classes, task)
    check_method(method, target)
    p = common(outputs, target.task, names)
    columns = p.shape[2:] if target.task == "multi-class" else ()
    if p.shape[1:] != target.y.shape + columns or len(columns) > 1:
        raise WorkflowError(
            "Predictions and labels must have one shape.",
            f"predictions {p.shape[1:]}, labels {target.y.shape}, taken for {target.task}",
            "end a classifier with softmax or sigmoid: probabilities are averaged, not logits",
            'say what it is: task="classification" or "regression"',
        )
    judge = Judge.of(score, higher, target.task)
    chooser = Chooser(method, judge, seed, **options)
    weights = chooser.weights(p, target.y)
    worth = chooser.worth(p, target.y, weights, folds)
    form = outputs[int(np.argmax(weights > 0))].shape[1:]
    return Choice(names, method, judge, target, p, weights, worth, form)
