"""A pack: as many members of a group as run in one call."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from kohort.cohort.grid import Grid, grids
from kohort.cohort.group import Group
from kohort.cohort.member import Member
from kohort.data.source import Pace
from kohort.train.programs import serving
from kohort.train.state import TrainState

_BLOCK_SECONDS = 1.0  # a block that runs longer would keep Ctrl-C waiting


class Pack:
    """Stacked states of members that train side by side on one device.

    A pack that is not full repeats its last member: all packs of a group are one program. `ts` is
    the state at the last end of an epoch: what an interrupt leaves.
    """

    def __init__(self, group: Group, members: list[Member], data: Any, device: Any):
        self.group, self.members, self.device = group, members, device
        self.data = data
        self.form = group.form if group.width > 1 else None
        self.program = group.program(self.form)
        self.ts: TrainState = self._put(self._stack([m.state for m in members]))
        self.fresh = self._put(self._stack([m.candidate.fresh for m in members]))
        self.pace = Pace(_BLOCK_SECONDS)
        self.validation = self._validation_grids()

    # ---- members <-> stacks

    def _stack(self, trees: list[Any]) -> Any:
        if self.form is None:
            return trees[0]
        filled = trees + trees[-1:] * (self.group.width - len(trees))
        return jax.tree.map(lambda *leaves: np.stack([np.asarray(a) for a in leaves]), *filled)

    def _put(self, tree: Any) -> Any:
        return jax.device_put(tree, self.device)

    def _own(self, grid: Grid) -> tuple[Any, Any]:
        """A grid in the pack's form."""
        if self.form is not None:
            return grid.order, grid.size
        return grid.order[0], None if grid.size is None else grid.size[0]

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

    # ---- running

    def epoch(self, epoch: int, shuffle: Any) -> dict[str, Any]:
        """Train for one epoch and validate; return the logs, an array over members each."""
        group = self.group
        rows = [m.order(epoch, shuffle) for m in self.members]
        parts = self._grids(rows, group.batch_size, group.masked)
        leaves = self.leaves()
        ts = self.ts._replace(metrics=self.fresh)
        ts, results = self._run("train", ts, leaves, parts)
        logs = self._named(results)
        if self.validation:
            after = ts._replace(metrics=self.fresh)
            after, results = self._run("test", after, leaves, self.validation)
            ts = after._replace(metrics=ts.metrics)
            logs |= {f"val_{name}": value for name, value in self._named(results).items()}
        self.ts = ts
        return logs

    def evaluate(self) -> dict[str, np.ndarray]:
        """Loss and metrics on the validation rows, an array over members each."""
        ts = self.ts._replace(metrics=self.fresh)
        return self._named(self._run("test", ts, self.leaves(), self.validation)[1])

    def _run(self, kind: str, ts: TrainState, leaves: Any, parts: list[Grid]) -> Any:
        results = None
        for grid in parts:
            order, size = self._own(grid)
            order = self._put(order)
            start = 0
            while start < grid.steps:
                stop = min(start + self.pace.steps, grid.steps)
                begun = time.perf_counter()
                ts, results = self.call(kind, ts, leaves, order, size, start, stop)
                jax.block_until_ready(results)
                self.pace.measured(stop - start, time.perf_counter() - begun)
                start = stop
        return ts, results

    def call(
        self, kind: str, ts: TrainState, leaves: Any, order: Any, size: Any, start: int, stop: int
    ) -> Any:
        """Run one block."""
        arguments = (ts, leaves, self.data, order, size, np.int32(start), np.int32(stop))
        return self._compiled(kind, arguments)(*arguments)

    def _compiled(self, kind: str, arguments: tuple[Any, ...]) -> Any:
        lead = self.group.lead
        with serving(lead.model, lead.binding):
            return self.program.compile(kind, arguments, self.device)

    def compile(self, *kinds: str) -> int:
        """Compile what an epoch needs, the programs side by side; return the bytes they need.

        Args:
            kinds: only these: "train", "test".
        """
        first = [
            (kind, grid)
            for kind, parts in self._parts()
            if not kinds or kind in kinds
            for grid in parts
        ]

        def one(kind: str, grid: Grid) -> int:
            order, size = self._own(grid)
            zero = np.int32(0)
            arguments = (self.ts, self.leaves(), self.data, self._put(order), size, zero, zero)
            return memory_of(self._compiled(kind, arguments))

        with ThreadPoolExecutor(len(first)) as pool:
            return max(pool.map(one, *zip(*first, strict=True)))

    def _parts(self) -> list[tuple[str, list[Grid]]]:
        rows = [m.rows for m in self.members]
        train = self._grids(rows, self.group.batch_size, self.group.masked)
        return [("train", train), ("test", self.validation)]

    @property
    def steps(self) -> int:
        """Training steps an epoch."""
        return sum(grid.steps for grid in self._parts()[0][1])

    def try_steps(self, steps: int) -> None:
        """Run some steps and forget the result."""
        grid = self._parts()[0][1][0]
        order, size = self._own(grid)
        order, stop = self._put(order), min(steps, grid.steps)
        jax.block_until_ready(self.call("train", self.ts, self.leaves(), order, size, 0, stop))

    def _validation_grids(self) -> list[Grid]:
        group = self.group
        rows = [m.validation for m in self.members if m.validation is not None]
        if not rows:
            return []
        return self._grids(rows, group.validation_batch_size, group.masked_validation)

    def _grids(self, rows: list[np.ndarray], batch: int, masked: bool) -> list[Grid]:
        rows = rows + rows[-1:] * (self.group.width - len(rows))
        return grids(rows, batch, self.group.filled, masked)

    def _named(self, results: Any) -> dict[str, np.ndarray]:
        """The metrics as arrays over members, in the order of a single model's logs."""
        names = self.group.lead.binding.result_names
        named: dict[str, Any] = {}
        if isinstance(results, dict):
            named = results
        else:
            for name, result in zip(names, results, strict=True):
                named |= result if isinstance(result, dict) else {name: result}
        values = jax.device_get(named)
        if self.form is None:
            values = {name: np.asarray(value)[None] for name, value in values.items()}
        return {name: np.asarray(values[name]) for name in sorted(values)}

    def predict(self, rows: list[np.ndarray]) -> list[Any]:
        """Each member's outputs for its `rows` (equally many)."""
        group = self.group
        rows = rows + rows[-1:] * (group.width - len(rows))
        grid = grids(rows, group.validation_batch_size, filled=True, masked=False)[0]
        order = self._put(self._own(grid)[0])
        arguments = (self.ts, self.leaves(), self.data[0], order, np.int32(0), np.int32(grid.steps))
        out = jax.device_get(self._compiled("predict", arguments)(*arguments))
        if self.form is None:
            out = jax.tree.map(lambda a: a[None], out)
        return [
            jax.tree.map(lambda a: a[i].reshape(-1, *a.shape[3:])[: len(r)], out)  # noqa: B023
            for i, r in enumerate(rows[: len(self.members)])
        ]


def memory_of(compiled: Any) -> int:
    """The bytes that a compiled program needs beside the data, by the compiler's own analysis."""
    analysis = compiled.memory_analysis()
    if analysis is None:  # a backend that does not tell
        return 0
    return analysis.temp_size_in_bytes + 2 * analysis.output_size_in_bytes
