"""Cross-validation: all folds and repeats of a model trained as one cohort."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from kohort.cohort import Cohort, Member
from kohort.cohort.member import DIVERGED
from kohort.core import tree
from kohort.errors import KohortWarning
from kohort.workflow.diagnose import diagnose
from kohort.workflow.honest.splits import Fold, make_folds
from kohort.workflow.trainings import Data, Training, candidate, maker, members_of
from kohort.workflow.watching import Watch


@dataclasses.dataclass
class CrossValidation:
    """What cross-validation found.

    `scores` has, for each metric, the score of every fold on its validation rows, `(members,)`;
    `histories` the curves; `predictions` the out-of-fold outputs, `(rows, …)`: each row's by the
    models that did not train on it, averaged over repeats (NaN for rows that never validated).
    """

    scores: dict[str, np.ndarray]
    folds: list[Fold]
    predictions: Any
    cohort: Cohort

    @property
    def histories(self) -> list[Any]:
        """The History of every member."""
        return [m.history for m in self.cohort.members]

    def mean(self, metric: str = "loss") -> float:
        """The mean score over folds."""
        return float(np.mean(self._scores(metric)))

    def standard_error(self, metric: str = "loss") -> float:
        """The standard error of the mean, `std / sqrt(folds)`.

        Folds share training rows, so the scores are not independent and the true error is larger:
        compare two models with `workflow.honest.corrected_t_test`.
        """
        scores = self._scores(metric)
        return float(np.std(scores, ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else np.nan

    def _scores(self, metric: str) -> np.ndarray:
        if metric not in self.scores:
            raise KeyError(f"There is no metric '{metric}'. Known: {', '.join(self.scores)}")
        return self.scores[metric]

    def model(self, number: int = 0) -> Any:
        """The model of a fold, an ordinary compiled one."""
        return self.cohort.extract(number)

    def __str__(self) -> str:
        lines = [f"{len(self.folds)} folds, {len(self.cohort.groups)} compiled program(s)"]
        for name in self.scores:
            low, high = self.scores[name].min(), self.scores[name].max()
            lines.append(
                f"  {name:<24} {self.mean(name):.4g} ± {self.standard_error(name):.2g}"
                f"  (folds {low:.4g} to {high:.4g})"
            )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from kohort.workflow.notebook import cross_validation_html

        return cross_validation_html(self)


def cross_validate(
    build_or_model: Any,
    x: Any,
    y: Any,
    folds: Any = None,
    repeats: int = 1,
    *,
    groups: Any = None,
    time: Any = None,
    stratify: Any = "auto",
    hold_out: float | None = None,
    epochs: int = 1,
    batch_size: int = 32,
    callbacks: Any = (),
    sample_weight: Any = None,
    class_weight: Any = None,
    seed: int = 0,
    verbose: int | str = "auto",
) -> CrossValidation:
    """Train a model on each fold, all of them as one compiled program.

    Each member is what `fit` on its rows would give. Preprocessing layers with an `adapt` method
    learn from the training rows of their fold only.

    Args:
        build_or_model: a function that returns a compiled model, or a compiled model.
        x, y, sample_weight, class_weight: as for `fit`; arrays.
        folds: K (5), a scikit-learn splitter, or pairs (training rows, validation rows).
        repeats: repeat with other splits and other seeds.
        groups: a group for each row; a group is never split.
        time: True where rows stand in time order, or the times; folds then only look back.
        stratify: classes to keep in proportion; "auto": the labels, where the loss is a
            crossentropy; None: none.
        hold_out: one split with this share of validation rows instead of folds.
        epochs, batch_size: as for `fit`.
        callbacks: as for `fit`; each member gets copies of its own. `TensorBoard`, trackers and
            `CohortCallback`s follow all members together.
        seed: of splits, first weights, dropout masks and row orders.
        verbose: 1: a live table of the members; 0: none; "auto": where it can be redrawn, in a
            terminal or a notebook.

    >>> import numpy as np, kohort as keras
    >>> x = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> result = cross_validate(model, x, 2 * x, folds=4, epochs=20, batch_size=4)
    >>> result.scores["loss"].shape, result.predictions.shape
    ((4,), (40, 1))
    """
    data = Data.of(x, y, sample_weight, class_weight)
    watch = Watch(callbacks, verbose, "cross-validation")
    training = Training(epochs, batch_size, watch.own)
    make = maker(build_or_model)
    made = [candidate(make, seed + r, data, batch_size, repeat=r) for r in range(repeats)]
    pairs = split(
        made[0].model, data, folds, repeats, groups=groups, time=time, stratify=stratify,
        hold_out=hold_out, seed=seed,
    )  # fmt: skip
    each = len(pairs) // repeats
    members = [
        member
        for r, one in enumerate(made)
        for member in members_of(one, pairs[r * each : (r + 1) * each], training, repeat=r)
    ]
    cohort = Cohort(members, data.arrays, callbacks=watch.all).fit()
    outputs = cohort.predict(validation_rows(members))
    predictions = out_of_fold(members, outputs, data.rows)
    result = CrossValidation(cohort.evaluate(), pairs, predictions, cohort)
    _warn_of_lost(members, data)
    if watch.boards:
        watch.verdict(diagnose(result))
    return result


def _warn_of_lost(members: Sequence[Member], data: Data) -> None:
    lost = sum(member.status == DIVERGED for member in members)
    if lost:
        why = data.gaps or "a smaller learning rate, or clipnorm=1.0, may hold it"
        text = f"The loss of {lost} of {len(members)} members was no longer a number: {why}."
        warnings.warn(text, KohortWarning, stacklevel=3)


def validation_rows(members: Sequence[Member]) -> list[np.ndarray]:
    """The validation rows of members that have some."""
    return [m.validation for m in members if m.validation is not None]


def out_of_fold(members: Sequence[Member], outputs: Sequence[Any], rows: int) -> Any:
    """Each row's outputs by members that did not train on it, averaged; NaN where there is none.

    Args:
        members: the members of one model.
        outputs: each one's outputs for its validation rows.
        rows: how many rows there are.
    """
    counts = np.zeros(rows)
    for member in members:
        counts[member.validation] += 1

    def join(*parts: np.ndarray) -> np.ndarray:
        total = np.zeros((rows, *parts[0].shape[1:]), np.float32)
        for member, part in zip(members, parts, strict=True):
            total[member.validation] += part
        shape = (-1, *[1] * (total.ndim - 1))
        with np.errstate(invalid="ignore"):
            return total / counts.reshape(shape)

    return tree.map_structure(join, *outputs)


def split(
    model: Any, data: Data, folds: Any, repeats: int, *, stratify: Any, time: Any, **arguments: Any
) -> list[Fold]:
    """The folds of `make_folds`; with `stratify="auto"` classes keep their share."""
    if isinstance(stratify, str) and stratify == "auto":
        stratify = strata(model, data.y, folds, time)
    return make_folds(data.rows, folds, repeats, stratify=stratify, time=time, **arguments)


def strata(model: Any, y: Any, folds: Any, time: Any) -> Any:
    """The labels as strata where the model classifies and each class has rows enough."""
    losses = [part.loss for part in model._compile_loss.parts] if model._compile_loss else []
    classifies = len(losses) == 1 and "crossentropy" in losses[0].name
    if not classifies or time is not None or tree.is_nested(y):
        return None
    labels = np.asarray(y)
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        return None
    if labels.ndim > 1:
        if labels.shape[-1] > 1 and not np.allclose(labels.sum(-1), 1):
            return None  # several labels a row
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[:, 0]
    least = int(np.unique(labels, return_counts=True)[1].min())
    wanted = folds if isinstance(folds, int) else 5 if folds is None else 2
    if least < wanted:
        warnings.warn(
            f"The smallest class has {least} rows, fewer than the {wanted} folds: the folds are "
            "drawn without regard to classes.",
            stacklevel=4,
        )
        return None
    return labels
