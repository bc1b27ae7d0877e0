"""The host side: walk the blocks of a source through a compiled program."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from kohort.data.source import Block, Pace, Source
from kohort.train.programs import Program, program_for, serving
from kohort.train.state import Binding, TrainState

Hook = Callable[[int, int, dict[str, float]], None]


class Runner:
    """Runs blocks of one model: gathers its arrays, calls the program, scatters them back."""

    def __init__(self, model: Any):
        self.model = model

    @property
    def binding(self) -> Binding:
        """The model's binding as it is now (a callback may have frozen a layer)."""
        return self.model._binding()

    @staticmethod
    def _program(binding: Binding) -> Program:
        if binding.program is None:
            binding.program = program_for(binding.structure.key)
        return binding.program

    def run(self, kind: str, block: Block) -> dict[str, Any]:
        """Run one block and return the logs as device arrays."""
        model, binding = self.model, self.binding
        program = self._program(binding)
        function = program.train if kind == "train" else program.test
        ts = binding.gather()
        arguments = (ts, binding.leaf_values(), block.data, block.order)
        with serving(model, binding):
            if model.run_eagerly:
                with jax.disable_jit():
                    ts, logs, results = function(*arguments, block.start, block.stop)
            else:
                ts, logs, results = function(*arguments, np.int32(block.start), np.int32(block.stop))
        binding.scatter(ts)
        return {**_named(binding.result_names, results), **logs} if not logs else dict(logs)

    def predict(self, batches: Any, stop: int) -> Any:
        """Run the prediction of stacked batches."""
        model, binding = self.model, self.binding
        program = self._program(binding)
        with serving(model, binding):
            state, out = program.predict(
                binding.gather(), binding.leaf_values(), batches, np.int32(stop)
            )
        for path, variable in binding.state.items():
            variable._value = state[path]
        return out


def _named(names: list[str], results: Any) -> dict[str, Any]:
    """Results with their names; one that is a dict itself brings its own."""
    if isinstance(results, dict):
        return results
    named: dict[str, Any] = {}
    for name, result in zip(names, results, strict=True):
        named |= result if isinstance(result, dict) else {name: result}
    return named


def run_epoch(
    model: Any,
    kind: str,
    source: Source,
    epoch: int,
    pace: Pace,
    *,
    before: Callable[[int], None] | None = None,
    after: Hook | None = None,
    start: int = 0,
) -> dict[str, float]:
    """Walk through one epoch; return its last logs as floats.

    `before(step)` and `after(step, last_step, logs)` are called around each block.
    """
    runner = Runner(model)
    model.__dict__.pop("_stop_now", None)
    logs: dict[str, Any] = {}
    step = start
    for block in source.blocks(epoch, pace, start):
        count = block.stop - block.start
        if before is not None:
            before(step)
        begun = time.perf_counter()
        logs = runner.run(kind, block)
        if after is not None or pace.seconds:
            jax.block_until_ready(logs)
            pace.measured(count, time.perf_counter() - begun)
        step += count
        if after is not None:
            after(step - count, step - 1, to_floats(logs))
        if model.stop_training and kind == "train" and pace.single:
            break
    return to_floats(logs)


def to_floats(logs: dict[str, Any]) -> dict[str, Any]:
    """Logs as Python floats (arrays where a metric gives several numbers), sorted by name."""
    values = jax.device_get(logs)
    return {
        name: float(values[name]) if np.ndim(values[name]) == 0 else np.asarray(values[name])
        for name in sorted(values)
    }


def fresh_metrics(model: Any) -> None:
    """Reset the metrics without any computation: their zeros are kept from the first time."""
    version, binding = model.__dict__["_runtime"][0], model._binding()
    cached = model.__dict__.get("_fresh_metrics")
    if cached is None or cached[0] != version:
        model.reset_metrics()
        cached = (version, {p: v._value for p, v in binding.metrics.items()})
        model.__dict__["_fresh_metrics"] = cached
        return
    for path, variable in binding.metrics.items():
        variable._value = cached[1][path]


__all__ = ["Runner", "TrainState", "fresh_metrics", "run_epoch", "to_floats"]
