"""What search, cross-validation and the sweeps share: from a build function to members."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kohort.cohort import Candidate, Member
from kohort.core import tree
from kohort.data.adapt import with_class_weight
from kohort.data.source import is_batches, map_arrays, row_count
from kohort.models import Model, clone_model
from kohort.models.adapting import adapt_layers, is_adaptable
from kohort.models.host_part import has_host_part, prepare
from kohort.workflow.failure import WorkflowError

Build = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Data:
    """All rows, as `fit` takes them: x, y and weights, in memory once."""

    x: Any
    y: Any
    weight: Any = None

    @classmethod
    def of(cls, x: Any, y: Any, sample_weight: Any = None, class_weight: Any = None) -> Data:
        """From the arguments of `fit`.

        Raises:
            WorkflowError: where `x` gives batches: folds need rows that can be picked.
        """
        if is_batches(x):
            raise WorkflowError(
                "Members of a cohort pick their rows from arrays.",
                f"x of type {type(x).__name__}, which gives batches",
                "give arrays, lists or frames",
            )
        data = tuple(map_arrays(part) for part in (x, y, sample_weight))
        if not row_count(data):
            raise WorkflowError("The data set is empty.", "0 rows", "check the filter that made it")
        _check_labels(data[1])
        if class_weight is not None:
            data = with_class_weight(data, class_weight)
        return cls(*data)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return row_count((self.x, self.y, self.weight))

    def sample(self, batch_size: int) -> tuple[Any, Any, Any]:
        """The first rows, to learn shapes from."""
        return self.take(np.arange(min(batch_size, self.rows)))

    def take(self, rows: np.ndarray) -> tuple[Any, Any, Any]:
        """(x, y, weight) of some rows."""
        parts = (self.x, self.y, self.weight)
        return tree.map_structure(lambda a: None if a is None else a[rows], parts)

    @property
    def gaps(self) -> str:
        """Which part holds NaN, in words: what may have made a loss no number; or nothing."""
        found = []
        for name, part in (("x", self.x), ("y", self.y), ("sample_weight", self.weight)):
            known = [np.asarray(a) for a in tree.flatten(part) if a is not None]
            own = [np.isnan(a.reshape(len(a), -1)).any(1) for a in known if a.dtype.kind == "f"]
            rows = int(np.sum(np.any(own, axis=0))) if own else 0
            found += [f"{name} holds NaN in {rows} of {self.rows} rows"] if rows else []
        return "; ".join(found)

    @property
    def arrays(self) -> tuple[Any, Any, Any]:
        """(x, y, weight)."""
        return self.x, self.y, self.weight


def _check_labels(y: Any) -> None:
    for labels in tree.flatten(y):
        if labels is not None and np.asarray(labels[:1]).dtype.kind in "OSU":
            raise WorkflowError(
                "y must be numbers: a loss cannot compare texts.",
                f"labels such as {np.asarray(labels).ravel()[0]!r}",
                "names, y = np.unique(y, return_inverse=True) numbers the classes",
                "kohort.wrappers.KohortClassifier takes labels of any kind",
            )


@dataclasses.dataclass(frozen=True)
class Training:
    """How each member is trained: arguments of `fit`.

    `callbacks` is a list of Keras callbacks, of which each member gets copies, or a function that
    returns new ones.
    """

    epochs: int = 1
    batch_size: int = 32
    callbacks: Sequence[Any] | Callable[[], Sequence[Any]] = ()

    def own_callbacks(self) -> list[Any]:
        """New callbacks for one member."""
        if callable(self.callbacks):
            return list(self.callbacks())
        return [copy.deepcopy(callback) for callback in self.callbacks or ()]


def maker(build: Build | Model, *arguments: Any) -> Callable[[], Any]:
    """A function without arguments that returns a new compiled model.

    Args:
        build: a function that returns a compiled model, or such a model, which is then cloned
            with new first weights.
        arguments: what `build` takes, `hp` say; left away where it takes nothing.

    Raises:
        WorkflowError: where it is none of these, or takes more.
    """
    if isinstance(build, Model):
        return lambda: _clone(build)
    if not callable(build):
        raise WorkflowError(
            "A compiled model, or a function that returns one, is needed.",
            f"{build!r} of type {type(build).__name__}",
            "write def build(hp): … return model",
        )
    wanted = [
        p for p in inspect.signature(build).parameters.values()
        if (p.default is p.empty or p.name == "hp")
        and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]  # fmt: skip
    lacking = [p.name for p in wanted[len(arguments) :] if p.default is p.empty]
    if lacking:
        raise WorkflowError(
            f"The build function is called with {len(arguments) or 'no'} argument(s).",
            f"a function that needs {', '.join(lacking)}, too",
            f"lambda: build({', '.join(f'{name}=…' for name in lacking)}) says what",
        )
    return lambda: _checked(build(*arguments[: len(wanted)]))


def _checked(model: Any) -> Any:
    if not isinstance(model, Model):
        raise WorkflowError(
            "The build function must return a compiled model.",
            f"{model!r} of type {type(model).__name__}",
            "end it with `return model`",
        )
    model._assert_compiled("fit")
    return model


def _clone(model: Model) -> Model:
    model._assert_compiled("fit")
    config = model.get_compile_config()
    if config is None:
        raise WorkflowError(
            "The model was compiled with objects that have no configuration, so it cannot be "
            "cloned.",
            "its compile configuration is not known",
            "give a function that builds and compiles the model",
        )
    twin = clone_model(model)
    twin.compile_from_config(config)
    return twin


def candidate(make: Callable[[], Any], seed: int, data: Data, batch_size: int, **label: Any) -> Any:
    """A candidate whose preprocessing layers are adapted to each member's training rows alone."""
    made = Candidate(make, seed, data.sample(batch_size), label)
    _check_classes(made.model, data.y)
    if any(is_adaptable(layer) for layer in made.model._flatten_layers()):
        made.prepare = adapt_layers
    if has_host_part(made.model, adapting=True):
        made.encode = functools.partial(prepare, adapting=True)
    return made


def _check_classes(model: Any, y: Any) -> None:
    """Class numbers beyond the outputs would be taken for the nearest class, without a word."""
    parts = model._compile_loss.parts if model._compile_loss else []
    kinds = [part.loss for part in parts]
    if tree.is_nested(y) or [kind.name for kind in kinds] != ["sparse_categorical_crossentropy"]:
        return
    ignored = getattr(kinds[0], "ignore_class", None)
    shape = getattr(model, "output_shape", None)
    labels = np.asarray(y)
    labels = labels[np.isfinite(labels) & (labels != ignored)]
    if not isinstance(shape, tuple) or not isinstance(shape[-1], int) or not labels.size:
        return
    if labels.min() < 0 or labels.max() >= shape[-1]:
        raise WorkflowError(
            f"A model of {shape[-1]} outputs knows the classes 0 to {shape[-1] - 1}.",
            f"labels from {labels.min():g} to {labels.max():g}",
            "names, y = np.unique(y, return_inverse=True) numbers the classes from 0 on",
            "or give the last layer as many units as there are classes",
        )


def members_of(
    made: Candidate, folds: Sequence[Any], training: Training, **label: Any
) -> list[Member]:
    """One member for each fold."""
    return [
        Member(
            made, fold.train, fold.validation, training.batch_size, training.epochs,
            training.own_callbacks(), {"fold": number, **label},
        )
        for number, fold in enumerate(folds)
    ]  # fmt: skip
