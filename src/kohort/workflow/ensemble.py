"""`ensemble`: several models predict as one, with weights that held-out rows chose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kohort.cohort import Cohort, Member
from kohort.cohort.member import DIVERGED
from kohort.models import Model
from kohort.workflow.crossval import CrossValidation
from kohort.workflow.ensembling.choice import choose
from kohort.workflow.ensembling.choose import Judge
from kohort.workflow.ensembling.outputs import Members, common
from kohort.workflow.ensembling.result import Ensemble
from kohort.workflow.failure import WorkflowError

__all__ = ["Ensemble", "ensemble"]

_SEARCH = "kohort.workflow.search.result.Search"


def ensemble(
    models_or_study: Any,
    x: Any = None,
    y: Any = None,
    *,
    method: str | None = None,
    score: Any = None,
    higher: bool | None = None,
    task: str | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
    batch_size: int | None = None,
    **options: Any,
) -> Ensemble:
    """Let several models predict as one.

    The weights come from predictions of rows that the models did not train on:

    - fitted models: `x`, `y` must be such rows. Members may be of any kind: Kohort models, and
      objects with `predict_proba` or `predict` (a random forest, gradient boosting).
    - a `Search`: the out-of-fold predictions of its complete trials; the trials that get a weight
      are then trained on all rows, together, for as many epochs as their folds ran (callbacks that
      watch validation rows are left out, since none remain). `x`, `y` are the search's own.
    - a `CrossValidation`: the models of its folds, averaged; each row was predicted by models that
      did not train on it, so its scores stand, and there is nothing to choose.

    Args:
        models_or_study: a list of fitted models, a `Search` or a `CrossValidation`.
        x, y: rows that the models did not train on.
        method: "greedy" (selection with repeats; the default), "simplex" (weights of least loss by
            optimisation), "mean" or "vote" (equal weights).
        score: what weights are to make best: "log_loss", "accuracy", "roc_auc",
            "average_precision", "mae", "mse", "rmse", "r_squared", or a function
            `score(y, prediction)` with `higher`. The search's first objective; else log loss, or
            the root mean squared error.
        higher: whether more of the score is better.
        task: "classification" or "regression", where labels and predictions do not tell.
        names: of the models.
        seed: of bags, parts and bootstrap samples.
        batch_size: rows a batch of predictions.
        options: passed to `workflow.ensembling.greedy`: picks, start, bags, share.

    >>> import kohort as keras
    >>> x = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> class Line:
    ...     def __init__(self, slope): self.slope = slope
    ...     def predict(self, x): return self.slope * x[:, 0]
    >>> found = keras.ensemble([Line(1), Line(3), Line(9)], x, 2 * x[:, 0])
    >>> found.weights.tolist(), found.predict(x[-1:]).tolist()
    ([0.5, 0.5], [2.0])
    """
    given = {"score": score, "higher": higher, "task": task, "seed": seed, **options}
    if isinstance(models_or_study, CrossValidation):
        return _of_folds(models_or_study, method, given)
    given["method"] = method or "greedy"
    if _is_search(models_or_study):
        return _of_search(models_or_study, x, y, given)
    if isinstance(models_or_study, Model) or not isinstance(models_or_study, (list, tuple)):
        raise WorkflowError(
            "An ensemble is made from a list of models, a Search or a CrossValidation.",
            f"{type(models_or_study).__name__}",
            "give a list: [a, b, c]",
        )
    if x is None or y is None:
        raise WorkflowError(
            "Fitted models need x and y of rows that they did not train on.",
            f"x of type {type(x).__name__}, y of type {type(y).__name__}",
            "give validation rows",
        )
    asked = Members(models_or_study, names)
    found = choose(asked.outputs(x, batch_size), y, asked.names, classes=asked.classes, **given)
    return found.ensemble([asked.members[i] for i in found.numbers])


def _is_search(value: Any) -> bool:
    """Without loading the search, which loads Optuna, where it is none."""
    return any(f"{c.__module__}.{c.__name__}" == _SEARCH for c in type(value).__mro__)


def _of_search(search: Any, x: Any, y: Any, given: dict[str, Any]) -> Ensemble:
    """The complete trials as candidates; those with a weight are trained on all rows."""
    data, folds = search.protocol.data, search.protocol.folds
    truth = np.asarray(data.y)
    if (x is None) is not (y is None) or (
        y is not None and not np.array_equal(np.asarray(y), truth)
    ):
        raise WorkflowError(
            "The ensemble of a search is chosen on the rows of the search.",
            "other x and y" if y is not None else "x or y alone",
            "leave x and y away, or give those of the search",
            "search.refit(number) gives models for an ensemble on other rows",
        )
    goal = search.protocol.objectives[0]
    if given["score"] is None and search._score is not None:
        given["score"] = Judge(goal.name, search._score, goal.higher)
    numbers, predictions = search.predictions()
    known = np.isfinite(predictions.reshape(*predictions.shape[:2], -1)).all(-1).any(0)
    outputs = list(predictions[:, known])
    part = np.zeros(len(known), int)
    for number, fold in enumerate(folds[: len(folds) // search.protocol.repeats]):
        part[fold.validation] = number
    single = len(np.unique(part[known])) < 2
    names = [f"trial {number}" for number in numbers]
    found = choose(outputs, truth[known], names, folds=None if single else part[known], **given)
    return found.ensemble(_refitted(search, [numbers[i] for i in found.numbers]))


def _refitted(search: Any, numbers: Sequence[int]) -> list[Model]:
    """Trials trained on all rows as one cohort."""
    protocol, rows = search.protocol, search.table()
    epochs = {row["number"]: row["attributes"].get("epochs") for row in rows}
    members = []
    for number in numbers:
        hp = search.study.hyperparameters(number)
        ran = int(np.median(epochs[number])) if epochs[number] else protocol.training.epochs
        callbacks = [
            callback
            for callback in protocol.training.own_callbacks()
            if not str(getattr(callback, "monitor", "")).startswith("val_")
        ]
        size = int(hp.values.get("batch_size", protocol.training.batch_size))
        made = protocol.candidate(search.build, hp)
        everything = np.arange(protocol.data.rows)
        members.append(
            Member(made, everything, None, size, max(ran, 1), callbacks, {"trial": number})
        )
    cohort = Cohort(members, protocol.data.arrays).fit()
    failed = [m.label["trial"] for m in members if m.status == DIVERGED]
    if failed:
        raise WorkflowError(
            "The chosen trials must train on all rows.",
            f"trial(s) {failed}, whose loss was no longer a number",
            "search smaller learning rates",
        )
    return [cohort.extract(i) for i in range(len(members))]


def _of_folds(found: CrossValidation, method: str | None, given: dict[str, Any]) -> Ensemble:
    """The models of the folds with equal weights."""
    if method not in (None, "mean"):
        raise WorkflowError(
            "The models of folds have no rows in common to choose weights on.",
            f"method={method!r}",
            'leave method= away, or say method="mean"',
        )
    p = np.asarray(found.predictions)
    known = np.isfinite(p.reshape(len(p), -1)).all(axis=-1)
    if not known.any():
        raise WorkflowError(
            "An ensemble needs models that predict numbers.",
            "folds whose loss was no longer a number",
            "a smaller learning rate, inputs without NaN",
        )
    truth = np.asarray(found.cohort.data[1])[known]
    whole = choose([p[known]], truth, ["all folds"], method="mean", **given)
    members = [m for m in found.cohort.members if m.status != DIVERGED]
    rows = [np.asarray(m.validation) for m in members]
    place = np.cumsum(known) - 1  # of a row among the known ones
    candidates: list[dict[str, Any]] = []
    for judged, own in zip(rows, found.cohort.predict(rows, members), strict=True):
        name = f"fold {len(candidates)}"
        inside = known[judged]  # not all, where another repeat's model diverged
        y = whole.target.y[place[judged[inside]]]
        said = common([np.asarray(own)[inside]], whole.target.task, [name])[0]
        score = float(whole.judge.score(y, said)) if inside.any() else float("nan")
        candidates.append({"name": name, "score": score, "weight": 1 / len(members)})
    return Ensemble(
        [found.cohort.extract(m) for m in members], [row["name"] for row in candidates],
        np.full(len(members), 1 / len(members)), "mean", whole.target.task, whole.form,
        whole.target.classes, whole.score, candidates, whole.judge,
    )  # fmt: skip
