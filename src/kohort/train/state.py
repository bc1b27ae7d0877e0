"""TrainState: all arrays of a training as one tree, and the two crossings to the objects.

`gather` reads the arrays out of the variables, `scatter` puts new ones back; nothing else
goes between objects and compiled programs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kohort.core.variable import Variable
from kohort.random import global_seed_generator
from kohort.train.structure import Structure

Arrays = dict[str, Any]


class TrainState(NamedTuple):
    """What a training step turns into its successor.

    params: trainable variables; state: the other variables of the layers and the seeds;
    opt: the optimiser's; metrics: the metrics'. Each is a flat dict path -> array.
    """

    params: Arrays
    state: Arrays
    opt: Arrays
    metrics: Arrays


class Binding:
    """Which variable stands behind which path, for one model as it is now."""

    def __init__(self, structure: Structure, model: Any):
        self.structure = structure
        path_of = structure.path_of
        trainable = model.trainable_variables
        metric_ids = {id(v) for v in model.metrics_variables}
        optimizer = getattr(model, "optimizer", None)
        opt = list(optimizer.variables) if optimizer is not None else []
        opt_ids = {id(v) for v in opt}
        self.params = {path_of(v): v for v in trainable}
        self.opt = {path_of(v): v for v in opt}
        self.metrics = {path_of(v): v for v in model.metrics_variables}
        taken = {id(v) for v in trainable} | metric_ids | opt_ids
        self.state = {p: v for p, v in structure.variables.items() if id(v) not in taken}
        self.state["global_seed"] = global_seed_generator().state
        self.leaves = structure.leaves
        self.result_names = [name for name, _ in model._named_metrics()]
        self.program: Any = None  # found when it is first run
        self.placement: Any = None  # where arrays lie under a distribution

    def gather(self) -> TrainState:
        """The arrays that the variables hold now."""
        return TrainState(*(_read(part) for part in self.parts()))

    def gather_on_host(self) -> TrainState:
        """The same as NumPy arrays; first values need not go to the device for it."""
        return TrainState(
            *({p: np.asarray(v._array) for p, v in part.items()} for part in self.parts())
        )

    def scatter(self, ts: TrainState) -> None:
        """Make `ts` the values of the variables."""
        for part, arrays in zip(self.parts(), ts, strict=True):
            for path, variable in part.items():
                variable._value = arrays[path]

    def parts(self) -> tuple[dict[str, Variable], ...]:
        """The variables of the four parts."""
        return self.params, self.state, self.opt, self.metrics

    def leaf_values(self) -> dict[str, np.float32]:
        """The hyperparameters as strong float32 scalars: a Python float would recompile."""
        return {
            path: np.float32(owner.__dict__[name]) for path, (owner, name) in self.leaves.items()
        }

    def frame_leaves(self, values: Arrays) -> dict[tuple[int, str], Any]:
        """The leaves in the form that a Frame takes."""
        return {(id(owner), name): values[path] for path, (owner, name) in self.leaves.items()}

    def frame_values(self, ts: TrainState) -> dict[Variable, Any]:
        """The variables with their arrays, in the form that a Frame takes."""
        return {
            variable: arrays[path]
            for part, arrays in zip(self.parts(), ts, strict=True)
            for path, variable in part.items()
        }

    def read_frame(self, values: dict[Variable, Any]) -> TrainState:
        """The TrainState out of a Frame's values."""
        return TrainState(*({p: values[v] for p, v in part.items()} for part in self.parts()))


def _read(part: dict[str, Variable]) -> Arrays:
    return {path: variable._value for path, variable in part.items()}
