"""`Ensemble`: members that predict as one."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from kohort.workflow.ensembling.choose import Judge, Worth, combined
from kohort.workflow.ensembling.diversity import Diversity, diversity
from kohort.workflow.ensembling.outputs import Members, common, in_form
from kohort.workflow.ensembling.target import Target, target_of
from kohort.workflow.failure import WorkflowError


@dataclasses.dataclass(eq=False)
class Ensemble:
    """Members with their weights, as `kohort.ensemble` makes it.

    `members`, `names` and `weights` (sum 1) are those that count; `score` says what the ensemble is
    worth, naive and corrected; `candidates` has a dict for each model that could have become a
    member: name, its own score, weight. `form` is the shape of one row of `predict`, `classes`
    the labels where they are not the numbers 0, 1, ….
    """

    members: list[Any]
    names: list[str]
    weights: np.ndarray
    method: str
    task: str
    form: tuple[int, ...]
    classes: np.ndarray | None = None
    score: Worth | None = None
    candidates: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    judge: Judge | None = dataclasses.field(default=None, repr=False)
    seen: tuple[np.ndarray, np.ndarray] | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._asked = Members(self.members, self.names)

    @property
    def programs(self) -> int:
        """How many forward passes a prediction takes: one for each structure among the networks."""
        return len(self._asked.stacks)

    def predict(self, x: Any, batch_size: int | None = None) -> np.ndarray:
        """The members' predictions as one, in the shape of the first member's.

        Args:
            x: rows, in arrays.
            batch_size: rows a batch of the networks; 32 unless told.

        Returns:
            Probabilities or amounts; with method "vote" the share of votes for each class.
        """
        p = common(self._asked.outputs(x, batch_size), self.task, self.names)
        answer = in_form(combined(self.method, p, self.weights), self.form)
        return answer.astype(p.dtype) if p.dtype.kind == "f" else answer

    def evaluate(self, x: Any, y: Any, score: Any = None, higher: bool | None = None) -> float:
        """The score on other rows.

        Args:
            x, y: rows that neither members nor weights have seen.
            score, higher: as for `kohort.ensemble`; the score of the weights unless told.
        """
        p, truth = self._judged(x, y)
        if score is None:
            score = self.judge or (self.score.name if self.score else None)
        judge = Judge.of(score, higher, self.task)
        return float(judge.score(truth, combined(self.method, p, self.weights)))

    def diversity(self, x: Any = None, y: Any = None) -> Diversity:
        """How much the members differ, and what that is worth.

        Args:
            x, y: rows that the members did not train on; those that chose the weights unless told.
        """
        if x is not None:
            p, truth = self._judged(x, y)
        elif self.seen is not None:
            p, truth = self.seen
        else:
            raise WorkflowError(
                "Diversity is measured on rows that no member trained on.",
                "an ensemble that has kept no such predictions",
                "give x and y",
            )
        kind = "regression" if self.task == "regression" else "classification"
        return diversity(p, truth, kind, self.names)

    def _judged(self, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        outputs = self._asked.outputs(x)
        kind = "regression" if self.task == "regression" else "classification"
        target: Target = target_of(y, outputs, self.classes, kind)
        return common(outputs, self.task, self.names), target.y

    def to_model(self) -> Any:
        """One ordinary model: shared inputs, the members, their weighted sum.

        It saves as `.keras` and opens in Keras. Loss and metrics are the first member's.
        """
        from kohort.workflow.ensembling.export import to_model

        return to_model(self)

    def save(self, path: Any) -> None:
        """Write the ensemble to one file; a crash leaves the old one.

        Args:
            path: the file, a zip archive with a `.keras` archive for each member.

        Raises:
            WorkflowError: where a member is neither a Kohort model nor an estimator that can be
                written as layers (`ensembling.estimators`): it could only be pickled.
        """
        from kohort.workflow.ensembling.files import write

        write(self, path)

    @classmethod
    def load(cls, path: Any, custom_objects: Any = None, safe_mode: bool = True) -> Ensemble:
        """Read an ensemble that `save` wrote. No code from the file runs.

        Args:
            path: the file.
            custom_objects, safe_mode: as for `keras.saving.load_model`.
        """
        from kohort.workflow.ensembling.files import read

        return cls(**read(path, custom_objects, safe_mode))

    def __str__(self) -> str:
        name = self.score.name if self.score else "score"
        lines = [f"Ensemble of {len(self.members)} ({self.method}, {self.task})"]
        lines.append(f"{'weight':>8}{name:>12}  member")
        for row in sorted(self.candidates, key=lambda row: -row["weight"]):
            lines.append(f"{row['weight']:>8.3f}{row['score']:>12.4g}  {row['name']}")
        return "\n".join([*lines, *([str(self.score)] if self.score else [])])

    def _repr_html_(self) -> str:
        from kohort.workflow.notebook import ensemble_html

        return ensemble_html(self)
