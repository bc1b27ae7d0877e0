"""The compiled programs of a cohort: epochs of all members of a pack in one call.

They are written for one member and get a member axis by `form`: "vmap" computes the members
together, "map" one after the other inside the program; None is for a pack of one, whose arrays
have no member axis.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from kohort.cohort.grid import Grid
from kohort.train import programs, step
from kohort.train.programs import served
from kohort.train.state import TrainState


class Bounds(NamedTuple):
    """What of a block to run, int32 each: arguments, not shapes, so that all are one program.

    Epochs `first` to `last` of the orders; of each the training steps `start` to `stop`, and the
    validation steps `test_start` to `test_stop`. Metrics begin anew at step 0.
    """

    first: Any
    last: Any
    start: Any
    stop: Any
    test_start: Any
    test_stop: Any


def run_epochs(
    ts: TrainState,
    test_metrics: Any,
    leaves: Any,
    data: Any,
    fresh: Any,
    orders: tuple[Grid, ...],
    tests: tuple[Grid, ...],
    bounds: Bounds,
) -> Any:
    """Train and validate one member.

    Args:
        ts: its state; `test_metrics` the state of the metrics of the validation.
        data: all rows, shared by the members.
        fresh: the state of metrics that have seen nothing.
        orders: the batches of each epoch, `(epochs, steps, batch)`.
        tests: those of the validation, `(steps, batch)`; none where there is none.

    Returns:
        The new states and the results of the metrics after each epoch, `(epochs, …)`: those of
        the training and those of the validation.
    """
    model, binding = served()
    learn = step.make_train_step(model, binding)
    judge = step.make_test_step(model, binding)

    own_logs = [step.has_logs(model, method) for method in ("train_step", "test_step")]

    def results(ts: TrainState, logs: Any) -> Any:
        return logs or step.metric_results(model, binding, ts, leaves)

    def epoch(e: Any, carry: Any) -> Any:
        ts, test_metrics, logs, test_logs = carry
        ts = ts._replace(metrics=_anew(bounds.start, fresh, ts.metrics))
        now = [Grid(grid.order[e], grid.size) for grid in orders]
        ts, own = _walk(learn, ts, leaves, data, now, bounds.start, bounds.stop, own_logs[0])
        logs = _kept(logs, e, results(ts, own))
        if tests:
            seen = ts._replace(metrics=_anew(bounds.test_start, fresh, test_metrics))
            low, high = bounds.test_start, bounds.test_stop
            seen, own = _walk(judge, seen, leaves, data, tests, low, high, own_logs[1])
            test_logs, test_metrics = _kept(test_logs, e, results(seen, own)), seen.metrics
            ts = seen._replace(metrics=ts.metrics)
        return ts, test_metrics, logs, test_logs

    count = orders[0].order.shape[0]

    def empty(one: step.Step, grids: Any, has_own: bool) -> Any:
        def after_one() -> Any:
            return results(*_walk(one, ts, leaves, data, grids, 0, 1, has_own))

        shapes = jax.eval_shape(after_one if has_own else lambda: results(ts, None))
        return jax.tree.map(lambda s: jnp.zeros((count, *s.shape), s.dtype), shapes)

    first = [Grid(grid.order[0], grid.size) for grid in orders]
    logs = empty(learn, first, own_logs[0])
    carry = ts, test_metrics, logs, empty(judge, tests, own_logs[1]) if tests else None
    return lax.fori_loop(bounds.first, bounds.last, epoch, carry)


def _walk(
    one: step.Step, ts: TrainState, leaves: Any, data: Any, grids: Any, start: Any, stop: Any,
    has_logs: bool,
) -> tuple[TrainState, Any]:  # fmt: skip
    """Take the steps `start` to `stop` of the grids, which stand one after the other.

    Returns the state, and the logs of the last step of a model that has a step of its own.
    """
    before, logs = 0, None
    for grid in grids:
        steps, batch = grid.order.shape

        def body(i: Any, carry: Any, grid: Grid = grid, batch: int = batch) -> Any:
            valid = None if grid.size is None else i * batch + jnp.arange(batch) < grid.size
            ts, logs = one(carry[0], leaves, _take(data, grid.order[i]), valid)
            return ts, logs if has_logs else None

        if has_logs and logs is None:
            shapes = jax.eval_shape(body, 0, (ts, None))[1]
            logs = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        low, high = (jnp.clip(at - before, 0, steps) for at in (start, stop))
        ts, logs = lax.fori_loop(low, high, body, (ts, logs))
        before += steps
    return ts, logs


def _anew(start: Any, fresh: Any, metrics: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(start == 0, a, b), fresh, metrics)


def _kept(logs: Any, e: Any, results: Any) -> Any:
    return jax.tree.map(lambda buffer, value: buffer.at[e].set(value), logs, results)


def _take(data: Any, rows: Any) -> Any:
    return jax.tree.map(lambda a: a[rows], data)


def predict_rows(ts: TrainState, leaves: Any, x: Any, order: Any) -> Any:
    """The outputs of one member for the rows `order`, `(steps, batch, …)`."""
    model, binding = served()
    one = step.make_predict_step(model, binding)
    batch = jax.eval_shape(lambda: one(ts, leaves, (_take(x, order[0]),))[1])
    out = jax.tree.map(lambda s: jnp.zeros((len(order), *s.shape), s.dtype), batch)

    def body(i: Any, out: Any) -> Any:
        return _kept(out, i, one(ts, leaves, (_take(x, order[i]),))[1])

    return lax.fori_loop(0, len(order), body, out)


def raise_rate(
    ts: TrainState, leaves: Any, data: Any, order: Any, rates: Any, fresh: Any
) -> jax.Array:
    """The losses of one member that takes a step at each of the learning rates, `(steps,)`.

    Args:
        order: a batch of row numbers a step, `(steps, batch)`.
        rates: `(steps,)`.
    """
    model, binding = served()
    one = step.make_train_step(model, binding)
    path = binding.structure.path_of(model.optimizer._learning_rate)
    loss = binding.result_names.index("loss")

    def body(ts: TrainState, now: Any) -> tuple[TrainState, jax.Array]:
        rows, rate = now
        rate = rate.astype(ts.opt[path].dtype)
        ts = ts._replace(opt={**ts.opt, path: rate}, metrics=fresh)
        ts = one(ts, leaves, _take(data, rows))[0]
        return ts, step.metric_results(model, binding, ts, leaves)[loss]

    return lax.scan(body, ts, (order, rates))[1]


_FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int | None, ...]]] = {
    # which arguments have a member axis
    "epochs": (run_epochs, (0, 0, 0, None, None, 0, 0, None)),
    "predict": (predict_rows, (0, 0, None, 0)),
    "ramp": (raise_rate, (0, 0, None, 0, None, None)),
}


class CohortProgram:
    """The programs of one structure and form, compiled for each shape that comes."""

    def __init__(self, form: str | None):
        self._form = form
        self._compiled: dict[Any, Future[Any]] = {}
        self._lock = threading.Lock()

    def compile(self, kind: str, arguments: tuple[Any, ...], device: Any) -> Any:
        """The program `kind` for arguments of these shapes on a device; compiled where it is new.

        Tracing holds the lock, compiling does not: several programs compile side by side.
        """
        shapes = [(a.shape, str(a.dtype)) for a in jax.tree.leaves(arguments)]
        key = (kind, device, jax.tree.structure(arguments), *shapes)
        with self._lock:
            known = self._compiled.get(key)
            if known is None:
                programs.count_trace()
                lowered = jax.jit(self._function(kind)).lower(*arguments)
                future = self._compiled[key] = Future()
        if known is not None:
            return known.result()
        try:
            future.set_result(lowered.compile())
        except BaseException as error:
            del self._compiled[key]
            future.set_exception(error)
            raise
        return future.result()

    def _function(self, kind: str) -> Callable[..., Any]:
        # Each structure gets functions of its own: jit keys its cache by function.
        function, axes = _FUNCTIONS[kind]
        if self._form is None:
            return lambda *arguments: function(*arguments)
        if self._form == "vmap":
            return jax.vmap(lambda *arguments: function(*arguments), in_axes=axes)
        return lambda *arguments: _mapped(function, axes, arguments)

    def clear(self) -> None:
        """Drop the compiled code."""
        self._compiled.clear()


def _mapped(function: Callable[..., Any], axes: tuple, arguments: tuple) -> Any:
    """Walk the members one after the other."""
    own = [a for a, axis in zip(arguments, axes, strict=True) if axis is not None]

    def one(own_slice: list[Any]) -> Any:
        rest = iter(own_slice)
        return function(
            *(a if axis is None else next(rest) for a, axis in zip(arguments, axes, strict=True))
        )

    return lax.map(one, own)
