"""The host side: walk the blocks of a source through a compiled program."""

from __future__ import annotations

import time
import warnings
from collections import deque
from typing import Any

import jax
import numpy as np

from kohort.data.batches import Source
from kohort.data.source import AHEAD, Block, Pace
from kohort.train.placement import place
from kohort.train.programs import Program, program_for, serving
from kohort.train.state import Binding
from kohort.train.step import metric_results

_RAN_OUT = (
    "Your input ran out of data; interrupting training. Make sure that your dataset or generator "
    "can generate at least `steps_per_epoch * epochs` batches. You may need to use the `.repeat()` "
    "function when building your dataset."
)


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
        if place(binding) or binding.program is None:
            key, placement = binding.structure.key, binding.placement
            binding.program = program_for(key if placement is None else (key, placement.key))
        return binding.program

    def run(self, kind: str, block: Block) -> dict[str, Any]:
        """Start one block and return its logs as device arrays, which may still be computed."""
        model, binding = self.model, self.binding
        program = self._program(binding)
        function = program.train if kind == "train" else program.test
        ts, data = _placed(binding, block.data, are_batches=block.order is None)
        arguments = (ts, binding.leaf_values(), data, block.order)
        with serving(model, binding):
            if model.run_eagerly:
                with jax.disable_jit():
                    ts, logs, results = function(*arguments, block.start, block.stop)
            else:
                ts, logs, results = function(
                    *arguments, np.int32(block.start), np.int32(block.stop)
                )
        binding.scatter(ts)
        logs = dict(logs) if logs else named_results(binding.result_names, results)
        if not logs:
            jax.block_until_ready(ts)  # nobody can wait for it by its logs
        return logs

    def results(self) -> dict[str, Any]:
        """What the metrics say, without running a step."""
        binding = self.binding
        return named_results(
            binding.result_names,
            metric_results(self.model, binding, binding.gather(), binding.leaf_values()),
        )

    def predict(self, batches: Any, stop: int) -> Any:
        """Run the prediction of stacked batches."""
        model, binding = self.model, self.binding
        program = self._program(binding)
        ts, batches = _placed(binding, batches, are_batches=True)
        with serving(model, binding):
            state, out = program.predict(ts, binding.leaf_values(), batches, np.int32(stop))
        for path, variable in binding.state.items():
            variable._value = state[path]
        return out


def _placed(binding: Binding, data: Any, are_batches: bool) -> tuple[Any, Any]:
    """The model's arrays and the data, where the distribution wants them."""
    ts, placement = binding.gather(), binding.placement
    if placement is None:
        return ts, data
    return placement.put_state(ts), placement.put_batches(data) if are_batches else data


def named_results(names: list[str], results: Any) -> dict[str, Any]:
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
    listed: Any,
    pace: Pace,
    epoch: int = 0,
    start: int = 0,
) -> dict[str, float]:
    """Walk through one epoch from step `start` on; return its last logs as floats.

    Args:
        kind: `"train"` or `"test"`.
        listed: the callbacks, whose batch hooks are called around each block.
        pace: how many steps a block has.
    """
    begin = getattr(listed, f"on_{kind}_batch_begin")
    end = getattr(listed, f"on_{kind}_batch_end")
    runner = Runner(model)
    logs: dict[str, Any] = {}
    step, clock = start, time.perf_counter()
    running: deque[tuple[int, Any]] = deque()  # counts and logs of the blocks not waited for

    def wait() -> dict[str, Any]:
        """Wait for the first of the running blocks, and tell the callbacks."""
        nonlocal clock
        count, logs = running.popleft()
        logs = to_floats(logs)
        begun, clock = clock, time.perf_counter()
        pace.measured(count, clock - begun)
        done = step - sum(steps for steps, _ in running)
        if done % pace.unit == 0:
            end(done - 1, logs)
        return logs

    source.on_epoch_begin()
    for block in source.blocks(epoch, pace, start):
        if step % pace.unit == 0:
            begin(step)
        running.append((block.stop - block.start, runner.run(kind, block)))
        step += block.stop - block.start
        if pace.single or len(running) > AHEAD:  # the next block is made while one is computed
            logs = wait()
            stopped = model.stop_training if kind == "train" else model.stop_evaluating
            if pace.single and stopped and step % pace.unit == 0:
                break
    while running:
        logs = wait()
    if step % pace.unit:  # the end of the data cut the last execution short
        end(step + -step % pace.unit - 1, logs)
    if start and step == start:  # a resumed epoch of which no step was left
        logs = to_floats(runner.results())
    warn_ran_out(source.ran_out)
    source.on_epoch_end()
    return logs


def warn_ran_out(ran_out: bool) -> None:
    """Warn where an epoch had fewer steps than it was to have."""
    if ran_out:
        warnings.warn(_RAN_OUT, stacklevel=4)


def to_floats(logs: dict[str, Any]) -> dict[str, Any]:
    """Logs as Python floats (arrays where a metric gives several numbers), sorted by name."""
    values = jax.device_get(logs)
    return {
        name: float(values[name]) if np.ndim(values[name]) == 0 else np.asarray(values[name])
        for name in sorted(values)
    }


def fresh_metrics(model: Any) -> None:
    """Reset the metrics without any computation: their zeros are kept from the first time.

    A metric (or model) that resets in a way of its own is asked each time.
    """
    if model._has_own("reset_metrics") or any(
        not type(m).reset_state.__module__.startswith("kohort.") for m in model.metrics
    ):
        model.reset_metrics()
        return
    version, binding = model.__dict__["_runtime"][0], model._binding()
    cached = model.__dict__.get("_fresh_metrics")
    if cached is None or cached[0] != version:
        model.reset_metrics()
        cached = (version, {p: v._value for p, v in binding.metrics.items()})
        model.__dict__["_fresh_metrics"] = cached
        return
    for path, variable in binding.metrics.items():
        variable._value = cached[1][path]
