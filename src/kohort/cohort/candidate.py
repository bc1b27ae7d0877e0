"""A candidate: one configuration with its seed, as an ordinary model that members are made from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from kohort.core.arrays import to_device
from kohort.random.seed import global_seed_generator, seeded
from kohort.train.state import Binding, TrainState
from kohort.train.structure import Structure


class Candidate:
    """A compiled model and how its training begins.

    Its members differ in their rows only: the folds of one trial, say. Each is what

        keras.utils.set_random_seed(seed)
        model = make()
        model.fit(x[rows], y[rows], …)

    gives: first weights, dropout masks and row orders included.

    Args:
        make: returns a new compiled model.
        seed: the seed of everything that is drawn.
        sample: a batch (x, y, sample_weight), to learn shapes from.
        label: what to call it.

    `prepare`, where it is set, is called as `prepare(model, x)` with a member's training rows
    before it starts: scalers and the like learn from these rows and no others. `encode`, where it
    is set, is then called as `encode(model, x)` with all rows: what cannot be traced is done on the
    host, for each member anew.
    """

    def __init__(
        self, make: Callable[[], Any], seed: int, sample: Any, label: dict[str, Any] | None = None
    ):
        self.make, self.seed, self.sample, self.label = make, seed, sample, dict(label or {})
        self.prepare: Callable[[Any, Any], None] | None = None
        self.encode: Callable[[Any, Any], Any] | None = None
        self.model, self.order_seed = self._build()
        for layer in self.model._flatten_layers():
            if hasattr(layer, "prepare_to_vary"):
                layer.prepare_to_vary()
        self.structure: Structure = self.model._structure(varied=None)
        self.binding: Binding  # told when it is known which leaves the cohort varies
        self.fresh: dict[str, np.ndarray]

    def _build(self) -> tuple[Any, int]:
        with seeded(self.seed):
            model = self.make()
            model._assert_compiled("fit")
            order_seed = int(np.random.randint(2**31))  # as `fit` draws it
            model._symbolic_build(self.sample)
            self._global_seed = global_seed_generator().state
        return model, order_seed

    def bind(self, varied: set[str]) -> None:
        """Fix the leaves: those in `varied`, whatever their value."""
        leaves = self.structure.leaves
        self.structure.leaves = {path: leaf for path, leaf in leaves.items() if path in varied}
        self.binding = Binding(self.structure, self.model)
        self.binding.state["global_seed"] = self._global_seed
        self.first = self.binding.gather_on_host()
        self.model.reset_metrics()
        self.fresh = self.binding.gather_on_host().metrics
        self.leaves = self.binding.leaf_values()

    def begin(self, data: Any, rows: np.ndarray) -> TrainState:
        """The first state of a member that trains on `rows`."""
        self.binding.scatter(self.first)
        if self.prepare is None:
            return self.first
        self.prepare(self.model, jax.tree.map(lambda a: np.asarray(a[rows]), data[0]))
        return self.binding.gather_on_host()

    def fitted_alone(
        self, data: Any, rows: np.ndarray, validation: np.ndarray | None, **arguments: Any
    ) -> Any:
        """A new ordinary model, trained by `fit` on these rows with these arguments."""

        def take(rows: np.ndarray) -> tuple[Any, Any, Any]:
            return jax.tree.map(lambda a: np.asarray(a)[rows], data)

        x, y, weight = take(rows)
        with seeded(self.seed):
            model = self.make()
            if self.prepare is not None:
                model._symbolic_build(self.sample)
                self.prepare(model, x)
            if validation is not None:
                arguments["validation_data"] = take(validation)
            model.fit(x, y, **{"sample_weight": weight, **arguments})
        return model

    def rebuilt(self, ts: TrainState, leaves: dict[str, Any], data: Any, rows: np.ndarray) -> Any:
        """A new ordinary model in the state `ts`, with the vocabularies of these rows."""
        model, _ = self._build()
        if self.encode is not None and self.prepare is not None:
            self.prepare(model, jax.tree.map(lambda a: np.asarray(a[rows]), data[0]))
        binding = Binding(model._structure(varied=None), model)
        for variables, arrays in zip(binding.parts(), ts, strict=True):
            for path, variable in variables.items():
                variable._value = to_device(arrays[path])
        set_leaves(binding, leaves)
        model.reset_metrics()
        return model


def set_leaves(binding: Binding, values: dict[str, Any]) -> None:
    """Give the model the hyperparameters `values`."""
    for path, (owner, name) in binding.leaves.items():
        if path in values and np.float32(owner.__dict__[name]) != values[path]:
            setattr(owner, name, float(values[path]))
