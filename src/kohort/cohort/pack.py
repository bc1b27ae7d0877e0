"""A pack: as many members of a group as run in one call."""

from __future__ import annotations

import time
from typing import Any

import jax
import numpy as np

from kohort.cohort.grid import Grid, grids
from kohort.cohort.group import Group
from kohort.cohort.member import Member
from kohort.cohort.programs import Bounds
from kohort.data.source import Pace
from kohort.train.loop import named_results
from kohort.train.programs import serving
from kohort.train.state import TrainState

_SECONDS = 0.5  # a call that runs longer would keep Ctrl-C waiting
_BLOCKS = 4  # between two looks of a callback
_ORDER_BYTES = 2**24  # of the orders of all epochs of a call

Logs = dict[str, np.ndarray]


class Pack:
    """Stacked states of members that train side by side on one device.

    A pack that is not full repeats its last member: all packs of a group are one program. `ts` is
    the state at the last end of an epoch: what an interrupt leaves.

    Args:
        together: how many epochs a call may run at most.
    """

    def __init__(
        self, group: Group, members: list[Member], data: Any, device: Any, together: int = 1
    ):
        self.group, self.members, self.device = group, members, device
        self.data = data
        self.form = group.form if group.width > 1 else None
        self.program = group.program(self.form)
        self.ts: TrainState = self._put(self._stack([m.state for m in members]))
        self.fresh = self._put(group.lead.fresh)
        self.test_metrics = self.ts.metrics
        self.pace = Pace(_SECONDS)
        self.done = 0.0  # epochs of the present call, for who looks meanwhile
        row_bytes = 4 * group.width * len(members[0].rows)
        self.together = max(1, min(together, _ORDER_BYTES // row_bytes))
        rows = [m.placed(m.validation) for m in members if m.validation is not None]
        self._tests = self._put(self._in_form(self._cut_validation(rows) if rows else ()))
        self._ready: dict[Any, Any] = {}

    # ---- members <-> stacks

    def _stack(self, trees: list[Any]) -> Any:
        if self.form is None:
            return trees[0]
        filled = trees + trees[-1:] * (self.group.width - len(trees))
        return jax.tree.map(lambda *leaves: np.stack([np.asarray(a) for a in leaves]), *filled)

    def _put(self, tree: Any) -> Any:
        return jax.device_put(tree, self.device)

    def leaves(self) -> Any:
        """The hyperparameters, stacked."""
        return self._stack([m.leaves for m in self.members])

    def host(self) -> list[TrainState]:
        """The members' states as NumPy arrays of their own."""
        state = jax.tree.map(np.asarray, self.ts)
        if self.form is None:
            return [state]
        count = len(self.members)
        return [jax.tree.map(lambda a: a[i].copy(), state) for i in range(count)]  # noqa: B023

    def replace(self, states: list[TrainState]) -> None:
        """Go on from these states."""
        self.ts = self._put(self._stack(states))

    # ---- batches

    def _filled(self, rows: list[np.ndarray]) -> list[np.ndarray]:
        return rows + rows[-1:] * (self.group.width - len(rows))

    def _cut(self, rows: list[np.ndarray]) -> tuple[Grid, ...]:
        group = self.group
        return tuple(grids(self._filled(rows), group.batch_size, group.filled, group.masked))

    def _cut_validation(self, rows: list[np.ndarray]) -> tuple[Grid, ...]:
        group, rows = self.group, self._filled(rows)
        size, masked = group.validation_batch_size, group.masked_validation
        return tuple(grids(rows, size, group.filled, masked))

    def _in_form(self, parts: Any) -> Any:
        """Grids without a member axis where the pack has none."""
        if self.form is not None:
            return parts
        return jax.tree.map(lambda a: a[0], parts)

    def _orders(self, first: int, count: int, shuffle: Any) -> tuple[Grid, ...]:
        """The batches of the epochs from `first` on; places for `together` epochs."""
        epochs = [
            self._cut([m.order(first + e, shuffle) for m in self.members]) for e in range(count)
        ]
        epochs += epochs[-1:] * (self.together - count)
        parts = [
            Grid(np.stack([grid.order for grid in same], axis=1), same[0].size)
            for same in zip(*epochs, strict=True)
        ]
        return self._put(self._in_form(tuple(parts)))

    @property
    def steps(self) -> int:
        """Training steps an epoch."""
        return -(-len(self.members[0].rows) // self.group.batch_size)

    @property
    def epochs_a_look(self) -> int:
        """How many epochs a few blocks have at the present pace; at least one."""
        return max(1, _BLOCKS * self.pace.steps // self.steps)

    @property
    def test_steps(self) -> int:
        """Validation steps an epoch."""
        return sum(grid.order.shape[-2] for grid in self._tests)

    # ---- running

    def epochs(self, first: int, count: int, shuffle: Any) -> list[Logs]:
        """Train for `count` epochs; return the logs of each, with an array over members."""
        orders, leaves, steps = self._orders(first, count, shuffle), self.leaves(), self.steps
        pace, ts, test_metrics = self.pace, self.ts, self.test_metrics
        found: list[Logs] = []
        start = 0
        while len(found) < count:
            done = len(found)
            whole = start == 0 and pace.steps >= steps  # epochs, otherwise a part of one
            stop = steps if whole else min(start + pace.steps, steps)
            last = min(count, done + pace.steps // steps) if whole else done + 1
            tests = self.test_steps if stop == steps else 0
            bounds = Bounds(done, last, start, stop, 0, tests)
            ts, test_metrics, *logs = self._timed(ts, test_metrics, leaves, orders, bounds)
            if stop == steps:
                found += self._by_epoch(logs, done, last)
            start = stop % steps
            self.done = len(found) + start / steps
        self.ts, self.test_metrics = ts, test_metrics
        return found

    def _timed(self, *state: Any) -> Any:
        bounds = state[-1]
        begun = time.perf_counter()
        out = jax.block_until_ready(self._call(*state))
        steps = (bounds.stop - bounds.start) * (bounds.last - bounds.first)
        self.pace.measured(steps, time.perf_counter() - begun)
        return out

    def _call(
        self, ts: TrainState, test_metrics: Any, leaves: Any, orders: Any, bounds: Bounds
    ) -> Any:
        bounds = Bounds(*map(np.int32, bounds))
        arguments = (
            ts, test_metrics, leaves, self.data, self.fresh, orders, self._tests, bounds
        )  # fmt: skip
        return self._compiled("epochs", arguments)(*arguments)

    def _compiled(self, kind: str, arguments: tuple[Any, ...]) -> Any:
        if kind not in self._ready:  # a pack's shapes are always the same
            lead = self.group.lead
            with serving(lead.model, lead.binding):
                self._ready[kind] = self.program.compile(kind, arguments, self.device)
        return self._ready[kind]

    def compile(self) -> int:
        """Compile what an epoch needs; return the bytes that it takes beside the data."""
        self.try_steps(0)
        analysis = self._ready["epochs"].memory_analysis()
        if analysis is None:  # a backend that does not tell
            return 0
        return analysis.temp_size_in_bytes + 2 * analysis.output_size_in_bytes

    def try_steps(self, steps: int) -> None:
        """Run some steps and forget the result."""
        bounds = Bounds(0, 1, 0, min(steps, self.steps), 0, 0)
        orders = self._orders(0, 1, shuffle=False)
        jax.block_until_ready(self._call(self.ts, self.test_metrics, self.leaves(), orders, bounds))

    def evaluate(self) -> Logs:
        """Loss and metrics on the validation rows, an array over members each."""
        bounds = Bounds(0, 1, 0, 0, 0, self.test_steps)
        orders = self._orders(0, 1, shuffle=False)
        _, _, *logs = self._call(self.ts, self.test_metrics, self.leaves(), orders, bounds)
        named = self._by_epoch(logs, 0, 1)[0]
        return {name[4:]: value for name, value in named.items() if name.startswith("val_")}

    def predict(self, rows: list[np.ndarray]) -> list[Any]:
        """Each member's outputs for its `rows` (equally many)."""
        size = self.group.validation_batch_size
        placed = [m.placed(r) for m, r in zip(self.members, rows, strict=True)]
        grid = grids(self._filled(placed), size, filled=True, masked=False)[0]
        order = self._put(self._in_form(grid.order))
        arguments = (self.ts, self.leaves(), self.data[0], order)
        out = jax.device_get(self._compiled("predict", arguments)(*arguments))
        if self.form is None:
            out = jax.tree.map(lambda a: a[:, None], out)
        return [
            jax.tree.map(lambda a: a[:, i].reshape(-1, *a.shape[3:])[: len(r)], out)  # noqa: B023
            for i, r in enumerate(rows)
        ]

    # ---- logs

    def _by_epoch(self, logs: list[Any], first: int, last: int) -> list[Logs]:
        """The results of metrics as one dict an epoch, in the order of a single model's logs."""
        training, validation = (self._named(part) for part in jax.device_get(logs))
        named = training | {f"val_{name}": value for name, value in validation.items()}
        if self.form is None:
            named = {name: value[:, None] for name, value in named.items()}
        return [{name: value[e] for name, value in named.items()} for e in range(first, last)]

    def _named(self, results: Any) -> Logs:
        if results is None:
            return {}
        named = named_results(self.group.lead.binding.result_names, results)
        return {name: np.asarray(named[name]) for name in sorted(named)}
