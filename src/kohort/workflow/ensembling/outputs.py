"""What members of any kind say, in one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kohort.models import Model
from kohort.workflow.ensembling.stacked import Stack, stacks
from kohort.workflow.failure import WorkflowError


class Members:
    """Networks, and objects with `predict_proba` or `predict`, that answer together.

    Networks that share a structure are one forward pass.
    """

    def __init__(self, members: Sequence[Any], names: Sequence[str] | None = None):
        self.members = list(members)
        if not self.members:
            raise WorkflowError("An ensemble needs at least one member.", "none", "give models")
        if names is None:
            names = [f"{i} {type(m).__name__}" for i, m in enumerate(self.members)]
        self.names = list(names)
        if len(self.names) != len(self.members):
            raise WorkflowError(
                "There must be a name for each member.",
                f"{len(self.names)} names for {len(self.members)} members",
                "leave names= away",
            )
        for name, member in zip(self.names, self.members, strict=True):
            _check(name, member)
        self.stacks: list[Stack] = stacks([m for m in self.members if isinstance(m, Model)])

    def outputs(self, x: Any, batch_size: int | None = None) -> list[np.ndarray]:
        """What each member says about the rows `x`, as it says it: `(rows, …)`."""
        found: dict[int, np.ndarray] = {}
        for stack in self.stacks:
            answers = stack.predict(x, batch_size)
            found |= {id(model): a for model, a in zip(stack.models, answers, strict=True)}
        for member in self.members:
            if not isinstance(member, Model):
                found[id(member)] = _ask(member, x)
        return [found[id(member)] for member in self.members]

    @property
    def classes(self) -> np.ndarray | None:
        """The labels that the members know, or None where none of them tells.

        Raises:
            WorkflowError: where they know different ones.
        """
        told = [
            (name, np.asarray(member.classes_))
            for name, member in zip(self.names, self.members, strict=True)
            if hasattr(member, "classes_")
        ]
        for name, classes in told:
            if not np.array_equal(classes, told[0][1]):
                raise WorkflowError(
                    "All members must have learnt the same classes.",
                    f"{told[0][0]}: {told[0][1]}; {name}: {classes}",
                    "train them on rows of all classes",
                )
        return told[0][1] if told else None


def _check(name: str, member: Any) -> None:
    if not hasattr(member, "predict"):
        raise WorkflowError(
            "A member must have `predict` or `predict_proba`.",
            f"member {name} of type {type(member).__name__}",
            "give fitted models",
        )
    if isinstance(member, Model) and not member.built:
        raise WorkflowError(
            "A member must be trained.", f"member {name}, which has no weights yet", "fit it first"
        )


def _ask(member: Any, x: Any) -> np.ndarray:
    if hasattr(member, "predict_proba"):
        return np.asarray(member.predict_proba(x))
    answer = np.asarray(member.predict(x))
    if hasattr(member, "classes_"):  # a classifier without probabilities casts one vote
        return (answer[:, None] == np.asarray(member.classes_)).astype("float64")
    return answer


def common(outputs: Sequence[np.ndarray], task: str, names: Sequence[str]) -> np.ndarray:
    """The members' outputs as one array: `(members, rows)`, or `(members, rows, columns)`.

    For two classes it is the probability of the second, whether a member says that alone,
    `(rows,)` or `(rows, 1)`, or both, `(rows, 2)`.

    >>> common([np.array([[0.9, 0.1]]), np.array([[0.3]])], "binary", ["forest", "network"])
    array([[0.1], [0.3]])
    """
    flat = [_flat(a, task) for a in outputs]
    if len({a.shape for a in flat}) > 1:
        shapes = ", ".join(f"{n}: {a.shape}" for n, a in zip(names, outputs, strict=True))
        raise WorkflowError(
            "The members' outputs must have one shape.", shapes, "leave out those that differ"
        )
    return np.stack(flat)


def _flat(outputs: np.ndarray, task: str) -> np.ndarray:
    if outputs.ndim > 1 and outputs.shape[-1] == 1:
        return outputs[..., 0]
    return outputs[:, 1] if task == "binary" and outputs.ndim == 2 else outputs


def in_form(combined: np.ndarray, form: tuple[int, ...]) -> np.ndarray:
    """The ensemble's answer in the form of a member's, whose rows have the shape `form`.

    >>> in_form(np.array([0.2]), (2,)).tolist(), in_form(np.array([0.2]), (1,)).tolist()
    ([[0.8, 0.2]], [[0.2]])
    """
    if combined.ndim == 1 and form == (2,):
        return np.stack([1 - combined, combined], axis=1)
    return combined.reshape(len(combined), *form)
