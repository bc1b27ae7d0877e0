"""The truth in the form in which scores compare it with predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kohort.workflow.failure import WorkflowError


@dataclass(frozen=True)
class Target:
    """`y`: class numbers `(rows,)`, 0/1 columns of a multi-label task, or amounts.

    `task` is "binary", "multi-class", "multi-label" or "regression"; `classes` the labels behind
    the numbers, where they are not the numbers themselves.
    """

    y: np.ndarray
    task: str
    classes: np.ndarray | None = None


def target_of(
    y: object,
    outputs: Sequence[np.ndarray],
    classes: np.ndarray | None = None,
    task: str | None = None,
) -> Target:
    """The truth, beside what the members say about the same rows.

    Args:
        y: labels, one column a class, 0/1 columns, or amounts.
        outputs: the members' outputs, `(rows, …)` each.
        classes: the labels that members know.
        task: "classification" or "regression"; None tells it by labels and outputs: whole numbers,
            and outputs between 0 and 1, are classes and probabilities.

    >>> target_of(["a", "b"], [np.array([[0.2], [0.7]])]).y
    array([0, 1])
    """
    if task not in (None, "classification", "regression"):
        raise WorkflowError(
            'task must be "classification" or "regression".', repr(task), "leave it away"
        )
    truth = np.asarray(y)
    if truth.ndim > 1 and truth.shape[-1] == 1:
        truth = truth[..., 0]
    if any(len(a) != len(truth) for a in outputs):
        raise WorkflowError(
            "There must be a label for each row.",
            f"{len(outputs[0])} predictions, {len(truth)} labels",
            "give x and y of the same rows",
        )
    if classes is None and truth.dtype.kind not in "biuf":
        classes = np.unique(truth)
    if task == "regression" or (
        task is None and classes is None and not _is_classes(truth, outputs)
    ):
        return Target(truth.astype("float64"), "regression")
    width = max(a.shape[-1] if a.ndim > 1 else 1 for a in outputs)
    if truth.ndim > 1:
        if not (truth.shape[-1] == width and np.allclose(truth.sum(axis=-1), 1)):
            return Target(truth.astype("int32"), "multi-label")
        truth = truth.argmax(axis=-1)
    numbers = _numbers(truth, classes, max(width, 2))
    return Target(numbers, "binary" if width <= 2 else "multi-class", classes)


def _is_classes(truth: np.ndarray, outputs: Sequence[np.ndarray]) -> bool:
    whole = truth.dtype.kind in "biu" or bool((truth == np.round(truth)).all())
    fine = [a for a in outputs if np.isfinite(a).all()]
    return whole and all(a.min() >= -1e-6 and a.max() <= 1 + 1e-6 for a in fine)


def _numbers(truth: np.ndarray, classes: np.ndarray | None, count: int) -> np.ndarray:
    if classes is not None:
        numbers = np.searchsorted(classes, truth).clip(max=len(classes) - 1)
        known = np.asarray(classes)[numbers] == truth
        allowed = f"among {list(classes)}"
    else:
        numbers = truth.astype(int)
        known = (numbers == truth) & (numbers >= 0) & (numbers < count)
        allowed = f"numbers from 0 to {count - 1}"
    if not known.all():
        raise WorkflowError(
            f"Labels must be {allowed}.",
            f"{truth[~known][0]}",
            "give the labels that the members were trained on",
        )
    return numbers
