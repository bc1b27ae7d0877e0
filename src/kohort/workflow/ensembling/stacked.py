"""Models of one structure predict as one: their arrays are stacked, their forward pass mapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from kohort.core import tree
from kohort.core.compiling import compiled
from kohort.data.adapt import make_source
from kohort.data.source import Pace
from kohort.data.stacking import stacked_batches
from kohort.models import Model
from kohort.models.host_part import has_host_part
from kohort.train.programs import predict_block, program_for, serving
from kohort.train.state import Binding
from kohort.workflow.failure import WorkflowError


class Stack:
    """Built models of one structure.

    >>> import kohort as keras
    >>> make = lambda: keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> models = [make(), make()]
    >>> len(stacks(models)), stacks(models)[0].predict(np.ones((3, 2))).shape
    (1, (2, 3, 1))
    """

    def __init__(self, models: Sequence[Model], key: Any):
        self.models, self.key = list(models), key
        self._bindings = [_forward_binding(model) for model in models]
        self._gathered: list[Any] = []
        self._stacked: Any = None

    def predict(self, x: Any, batch_size: int | None = None) -> np.ndarray:
        """The outputs of all models, shape `(models, rows, …)`.

        Args:
            x: rows, as `Model.predict` takes them, in arrays.
            batch_size: rows a batch; 32 unless told.
        """
        if len(self.models) == 1:
            out = self.models[0].predict(x, batch_size=batch_size, verbose=0)
            return _single(out, self.models[0])[None]
        program = program_for(("ensemble", self.key), _Program)
        ts, leaves = self._arrays()
        parts = []
        for block in stacked_batches(make_source(x, batch_size=batch_size), Pace()):
            with serving(self.models[0], self._bindings[0]):
                out = program.predict(ts, leaves, block.data, np.int32(block.stop))
            rows = _single(out, self.models[0])[:, : block.stop]
            parts.append(rows.reshape(len(rows), -1, *rows.shape[3:]))
        return np.concatenate(parts, axis=1)

    def _arrays(self) -> tuple[Any, Any]:
        """The models' arrays as they are now; stacked anew only where one has changed."""
        found = [binding.gather() for binding in self._bindings]
        leaves = jax.tree.leaves(found)
        if len(leaves) != len(self._gathered) or any(
            a is not b for a, b in zip(leaves, self._gathered, strict=True)
        ):
            self._gathered = leaves
            self._stacked = _stacked(found)
        return self._stacked, _stacked([binding.leaf_values() for binding in self._bindings])


def stacks(models: Sequence[Model]) -> list[Stack]:
    """The models by structure, each structure in the order of its first model."""
    found: dict[Any, list[Model]] = {}
    for number, model in enumerate(models):
        # What a model makes of raw rows on the host is its own: such models stand alone.
        alone = number if has_host_part(model) else None
        found.setdefault((model._structure(varied=None).key, alone), []).append(model)
    return [Stack(part, key) for key, part in found.items()]


class _Program:
    """The forward pass of one structure with a member axis; all members see the same rows."""

    def __init__(self) -> None:
        def forward(ts: Any, leaves: Any, batches: Any, stop: Any) -> Any:
            return predict_block(ts, leaves, batches, stop)[1]

        self.predict = compiled(jax.vmap(forward, in_axes=(0, 0, None, None)))

    def clear(self) -> None:
        """Drop the compiled code."""
        self.predict.clear_cache()


def _forward_binding(model: Model) -> Binding:
    """What the forward pass reads: neither the optimiser's arrays nor the metrics'."""
    binding = Binding(model._structure(varied=None), model)
    binding.opt, binding.metrics = {}, {}
    return binding


def _single(outputs: Any, model: Model) -> np.ndarray:
    """The output as an array, or a message where there are several."""
    if tree.is_nested(outputs):
        raise WorkflowError(
            "A member must have one output.",
            f"{model.name} with {len(tree.flatten(outputs))} outputs",
            "make an ensemble for each output: Model(model.inputs, model.outputs[0])",
        )
    return np.asarray(outputs)


def _stacked(trees: list[Any]) -> Any:
    return jax.tree.map(lambda *a: np.stack([np.asarray(b) for b in a]), *trees)
