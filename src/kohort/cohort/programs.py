"""The compiled programs of a cohort: epochs of all members of a pack in one call.

The loops over epochs and steps are common to the members; what is inside is written for one
member, and `over` gives it the member axis. (Mapping the loops themselves would be traced several
times over for each loop in a loop.)
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
from kohort.core.compiling import compiled
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


Over = Callable[[Callable[..., Any], tuple[int | None, ...]], Callable[..., Any]]
"""`over(function, axes)` is the function for all members; `axes` says which arguments have them."""


def _alone(function: Callable[..., Any], axes: tuple[int | None, ...]) -> Callable[..., Any]:
    """For a pack of one, whose arrays have no member axis."""
    return function


def _together(function: Callable[..., Any], axes: tuple[int | None, ...]) -> Callable[..., Any]:
    return jax.vmap(function, in_axes=axes)


def run_epochs(
    over: Over,
    ts: TrainState,
    test_metrics: Any,
    leaves: Any,
    data: Any,
    fresh: Any,
    orders: tuple[Grid, ...],
    tests: tuple[Grid, ...],
    bounds: Bounds,
) -> Any:
    """Train and validate.

    Args:
        ts: the states; `test_metrics` those of the metrics of the validation.
        data: all rows, shared by the members.
        fresh: the state of metrics that have seen nothing.
        orders: the batches of each epoch, `([members,] epochs, steps, batch)`.
        tests: those of the validation, `([members,] steps, batch)`; none where there is none.

    Returns:
        The new states and the results of the metrics after each epoch, `(epochs[, members], …)`:
        those of the training and those of the validation.
    """
    model, binding = served()
    learn = _by_rows(over, step.make_train_step(model, binding))
    judge = _by_rows(over, step.make_test_step(model, binding))
    summary = over(lambda ts, leaves: step.metric_results(model, binding, ts, leaves), (0, 0))
    own_logs = [step.has_logs(model, method) for method in ("train_step", "test_step")]

    def results(ts: TrainState, logs: Any) -> Any:
        return logs or summary(ts, leaves)

    def epoch(e: Any, carry: Any) -> Any:
        ts, test_metrics, logs, test_logs = carry
        ts = ts._replace(metrics=_anew(bounds.start, fresh, ts.metrics))
        low, high = bounds.start, bounds.stop
        ts, own = _walk(learn, ts, leaves, data, orders, (e,), low, high, own_logs[0])
        logs = _kept(logs, e, results(ts, own))
        if tests:
            seen = ts._replace(metrics=_anew(bounds.test_start, fresh, test_metrics))
            low, high = bounds.test_start, bounds.test_stop
            seen, own = _walk(judge, seen, leaves, data, tests, (), low, high, own_logs[1])
            test_logs, test_metrics = _kept(test_logs, e, results(seen, own)), seen.metrics
            ts = seen._replace(metrics=ts.metrics)
        return ts, test_metrics, logs, test_logs

    def empty(one: step.Step, grids: Any, place: tuple[int, ...], has_own: bool) -> Any:
        def after_one() -> Any:
            return results(*_walk(one, ts, leaves, data, grids, place, 0, 1, has_own))

        shapes = jax.eval_shape(after_one if has_own else lambda: results(ts, None))
        count = orders[0].order.shape[-3]
        return jax.tree.map(lambda s: jnp.zeros((count, *s.shape), s.dtype), shapes)

    logs = empty(learn, orders, (0,), own_logs[0])
    carry = ts, test_metrics, logs, empty(judge, tests, (), own_logs[1]) if tests else None
    return lax.fori_loop(bounds.first, bounds.last, epoch, carry)


def _by_rows(over: Over, one: step.Step) -> Callable[..., Any]:
    """A step that takes the rows of its batch from all rows."""

    def on_rows(ts: TrainState, leaves: Any, data: Any, order: Any, size: Any, place: Any) -> Any:
        rows = order[place]
        count = len(rows)
        valid = None if size is None else place[-1] * count + jnp.arange(count) < size
        return one(ts, leaves, _take(data, rows), valid)

    return over(on_rows, (0, 0, None, 0, 0, None))


def _walk(
    one: Callable[..., Any], ts: TrainState, leaves: Any, data: Any, grids: Any,
    place: tuple[Any, ...], start: Any, stop: Any, has_logs: bool,
) -> tuple[TrainState, Any]:  # fmt: skip
    """Take the steps `start` to `stop` of the grids, which stand one after the other.

    Args:
        place: the epoch, where the grids have one.

    Returns:
        The states, and the logs of the last step of a model that has a step of its own.
    """
    before, logs = 0, None
    for grid in grids:
        steps = grid.order.shape[-2]

        def body(i: Any, carry: Any, grid: Grid = grid) -> Any:
            ts, logs = one(carry[0], leaves, data, grid.order, grid.size, (*place, i))
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


def predict_rows(over: Over, ts: TrainState, leaves: Any, x: Any, order: Any) -> Any:
    """The outputs for the rows `order`, `([members,] steps, batch)`: `(steps[, members], …)`."""
    model, binding = served()
    one = step.make_predict_step(model, binding)

    def on_rows(ts: TrainState, leaves: Any, x: Any, order: Any, i: Any) -> Any:
        return one(ts, leaves, (_take(x, order[i]),))[1]

    outputs = over(on_rows, (0, 0, None, 0, None))
    steps = order.shape[-2]
    batch = jax.eval_shape(lambda: outputs(ts, leaves, x, order, 0))
    out = jax.tree.map(lambda s: jnp.zeros((steps, *s.shape), s.dtype), batch)
    return lax.fori_loop(
        0, steps, lambda i, out: _kept(out, i, outputs(ts, leaves, x, order, i)), out
    )


def raise_rate(
    over: Over, ts: TrainState, leaves: Any, data: Any, order: Any, rates: Any, fresh: Any
) -> jax.Array:
    """The losses after a step at each of the learning rates, `(steps[, members])`.

    Args:
        order: a batch of row numbers a step, `([members,] steps, batch)`.
        rates: `(steps,)`.
    """
    model, binding = served()
    learn = _by_rows(over, step.make_train_step(model, binding))
    summary = over(lambda ts, leaves: step.metric_results(model, binding, ts, leaves), (0, 0))
    path = binding.structure.path_of(model.optimizer._learning_rate)
    loss = binding.result_names.index("loss")

    def body(ts: TrainState, now: Any) -> tuple[TrainState, jax.Array]:
        i, rate = now
        rates = jnp.full_like(ts.opt[path], rate)
        metrics = jax.tree.map(lambda a, b: jnp.broadcast_to(a, b.shape), fresh, ts.metrics)
        ts = ts._replace(opt={**ts.opt, path: rates}, metrics=metrics)
        ts = learn(ts, leaves, data, order, None, (i,))[0]
        return ts, summary(ts, leaves)[loss]

    return lax.scan(body, ts, (jnp.arange(len(rates)), rates))[1]


_FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[int | None, ...], Any]] = {
    # which arguments and which results have a member axis, and which one that is
    "epochs": (run_epochs, (0, 0, 0, None, None, 0, 0, None), (0, 0, 1, 1)),
    "predict": (predict_rows, (0, 0, None, 0), 1),
    "ramp": (raise_rate, (0, 0, None, 0, None, None), 1),
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
                lowered = compiled(self._function(kind)).lower(*arguments)
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
        function, axes, out_axes = _FUNCTIONS[kind]
        if self._form == "map":
            return lambda *arguments: _mapped(function, axes, out_axes, arguments)
        over = _alone if self._form is None else _together
        return lambda *arguments: function(over, *arguments)

    def clear(self) -> None:
        """Drop the compiled code."""
        self._compiled.clear()


def _mapped(function: Callable[..., Any], axes: tuple, out_axes: Any, arguments: tuple) -> Any:
    """Walk the members one after the other."""
    own = [a for a, axis in zip(arguments, axes, strict=True) if axis is not None]

    def one(own_slice: list[Any]) -> Any:
        rest = iter(own_slice)
        return function(
            _alone,
            *(a if axis is None else next(rest) for a, axis in zip(arguments, axes, strict=True)),
        )

    def moved(axis: int, tree: Any) -> Any:
        return jax.tree.map(lambda a: jnp.moveaxis(a, 0, axis), tree)

    out = lax.map(one, own)
    return moved(out_axes, out) if isinstance(out_axes, int) else tuple(map(moved, out_axes, out))
