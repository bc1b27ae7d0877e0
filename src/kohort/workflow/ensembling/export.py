"""An ensemble of networks and estimators as one functional model."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from kohort import layers, ops
from kohort.core import tree
from kohort.models import Model
from kohort.saving.archive import read_archive
from kohort.saving.pickling import pickle_model
from kohort.workflow.ensembling.estimators import as_model
from kohort.workflow.ensembling.frozen import NoLayers
from kohort.workflow.failure import WorkflowError

if TYPE_CHECKING:
    from kohort.workflow.ensembling.result import Ensemble


def to_model(ensemble: Ensemble) -> Model:
    """Copies of the members on shared inputs; y = Σ wᵢ yᵢ by `Rescaling` and `Add` layers.

    Raises:
        WorkflowError: where members can be no networks, differ in their inputs or outputs, or vote.
    """
    members = networks(ensemble, "exported")
    if ensemble.method == "vote":
        raise WorkflowError(
            "A vote has no weighted sum to export.",
            'method="vote"',
            'make the ensemble with method="mean"',
        )
    own = next((m for m in ensemble.members if isinstance(m, Model)), members[0])
    copies = [_copy(_as_wide(model, own), f"member_{i}") for i, model in enumerate(members)]
    for name, model in zip(ensemble.names, copies, strict=True):
        _check(name, model, copies[0])
    inputs = tree.map_structure(
        lambda x: layers.Input(batch_shape=x.shape, dtype=x.dtype, name=x.name), copies[0].input
    )
    if len(copies) == 1:
        outputs = copies[0](inputs)
    else:
        outputs = layers.Add()(
            [
                layers.Rescaling(float(weight))(model(inputs))
                for weight, model in zip(ensemble.weights, copies, strict=True)
            ]
        )
    exported = Model(inputs, outputs, name="ensemble")
    config = own.get_compile_config()
    if config is not None:
        exported.compile_from_config(config)
    return exported


def networks(ensemble: Ensemble, done: str) -> list[Model]:
    """The members as networks; estimators of scikit-learn are made into some.

    Raises:
        WorkflowError: where one cannot be.
    """
    found, others = [], []
    for name, member in zip(ensemble.names, ensemble.members, strict=True):
        try:
            found.append(member if isinstance(member, Model) else as_model(member))
        except NoLayers as reason:
            others.append(f"{name} ({reason})")
    if others:
        raise WorkflowError(
            f"Only Kohort models, and estimators that can become layers, can be {done}.",
            f"other members: {', '.join(others)}",
            "make an ensemble without them (of an estimator, take its `model_`)",
            "or keep the others with their own library, and make the ensemble again",
        )
    return found


def _as_wide(model: Model, own: Model) -> Model:
    """The model with the second class's probability alone, where the networks give no more."""
    widths = [getattr(m.output, "shape", (None,))[-1] for m in (model, own)]
    if model is own or widths != [2, 1]:
        return model
    return Model(model.input, ops.take(model.output, [1], axis=-1))


def _copy(model: Model, name: str) -> Model:
    """The model with variables of its own, not compiled; what is in memory may hold lambdas."""
    _, (data, classes) = pickle_model(model)
    twin = read_archive(io.BytesIO(data), classes, compile=False, safe_mode=False)
    twin.name = name
    return twin


def _check(name: str, model: Model, first: Model) -> None:
    if not getattr(model, "inputs", None):
        raise WorkflowError(
            "A member to export must be a Sequential or functional model.",
            f"{name}, a {type(model).__name__} without symbolic inputs",
            "build it with the functional API",
        )
    shapes = [[x.shape for x in tree.flatten((m.input, m.output))] for m in (model, first)]
    if shapes[0] != shapes[1]:
        raise WorkflowError(
            "Members to export must have the same inputs and outputs.",
            f"{name}: {shapes[0]}, the first: {shapes[1]}",
            "make an ensemble of those that are alike",
        )
