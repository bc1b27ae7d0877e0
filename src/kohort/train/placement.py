"""Where the arrays of a model lie while a distribution is set."""

from __future__ import annotations

from typing import Any

import jax
from jax.sharding import NamedSharding, PartitionSpec

from kohort.core.variable import Variable
from kohort.distribution import Distribution, distribution
from kohort.train.state import Binding, TrainState


class Placement:
    """The layouts of one model's variables and batches under a distribution.

    Args:
        given: the distribution.
        binding: the model's variables by path.
    """

    def __init__(self, given: Distribution, binding: Binding):
        self.distribution, self._mesh = given, given.device_mesh.backend_mesh
        if any(d.process_index != jax.process_index() for d in self._mesh.devices.ravel()):
            raise ValueError(
                "`fit`, `evaluate` and `predict` use the devices of one process. Received: a mesh "
                f"with devices of {given.num_processes} processes: {given.device_mesh}.\n"
                "  1. Make the mesh of this process's devices (jax.local_devices())."
            )
        self._axis, self._parts = str(given.batch_dim_name), given.num_model_replicas
        params = list(binding.params.values())
        layouts = [
            {path: self._layout(v, params) for path, v in part.items()} for part in binding.parts()
        ]
        self.state = TrainState(*layouts)
        specs = tuple(sharding.spec for part in layouts for sharding in part.values())
        self.key = (self._mesh, self._axis, specs)

    def _layout(self, variable: Variable, params: list[Variable]) -> NamedSharding:
        """A variable's layout; the optimiser's variables lie as their parameters do."""
        stem = variable.name
        owners = [
            p for p in params
            if p.shape == variable.shape and stem.startswith(f"{p.path.replace('/', '_')}_")
        ]  # fmt: skip
        owner = max(owners, key=lambda p: len(p.path), default=variable)
        layout = self.distribution.get_variable_layout(owner)
        if len(layout.axes) > len(variable.shape):
            raise ValueError(
                "A layout has at most one entry for each axis of the variable. "
                f"Received: {layout.axes} for {owner}"
            )
        return layout.backend_layout

    def put_state(self, ts: TrainState) -> TrainState:
        """The state on the devices; what lies there already stays."""
        return jax.device_put(ts, self.state)

    def put_batches(self, batches: Any) -> Any:
        """Stacked batches (steps, batch, …) on the devices, each batch split."""
        if not all(self._splits(a.shape[1:]) for a in jax.tree.leaves(batches)):
            return batches
        return jax.device_put(batches, self._sharding(None, self._axis))

    def spread(self, batch: Any) -> Any:
        """Inside a program: the batch, split by rows. One that has no equal parts stays whole."""
        split = self._sharding(self._axis)
        return jax.tree.map(
            lambda a: jax.lax.with_sharding_constraint(a, split) if self._splits(a.shape) else a,
            batch,
        )

    def _splits(self, shape: tuple[int, ...]) -> bool:
        return bool(shape) and shape[0] % self._parts == 0

    def _sharding(self, *axes: str | None) -> NamedSharding:
        return NamedSharding(self._mesh, PartitionSpec(*axes))


def place(binding: Binding) -> bool:
    """Make the binding follow the distribution that is set; return whether that changed."""
    given = distribution()
    if given is (binding.placement and binding.placement.distribution):
        return False
    binding.placement = None if given is None else Placement(given, binding)
    return True


def spread(binding: Binding, batch: Any) -> Any:
    """Inside a program: the batch, split over the devices where there is a distribution."""
    if binding.placement is None or jax.config.jax_disable_jit:  # type: ignore[attr-defined]
        return batch
    return binding.placement.spread(batch)
