"""The compiled programs of a cohort: a block of steps for all members of a pack at once.

They are the programs of a single model with a member axis: `form` says how it is walked. "vmap"
computes all members together, "map" one after the other inside the program; None is for a pack of
one, whose arrays have no member axis.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kohort.train import programs, step
from kohort.train.programs import served
from kohort.train.state import TrainState


def train_steps(
    ts: TrainState, leaves: Any, data: Any, order: Any, size: Any, start: Any, stop: Any
) -> Any:
    """Run the steps `start` to `stop` of one member; returns its new state and its metrics.

    Args:
        data: all rows, shared by the members.
        order: `(steps, batch)` row numbers of the epoch.
        size: how many of them count, the first ones; None where all do.
    """
    model, binding = served()
    one = step.make_train_step(model, binding)

    def body(i: Any, ts: TrainState) -> TrainState:
        return one(ts, leaves, _take(data, order[i]), _valid(i, order, size))[0]

    ts = lax.fori_loop(start, stop, body, ts)
    return ts, step.metric_results(model, binding, ts, leaves)


def test_steps(
    ts: TrainState, leaves: Any, data: Any, order: Any, size: Any, start: Any, stop: Any
) -> Any:
    """Evaluate one member on the steps `start` to `stop`, as `train_steps` trains it."""
    model, binding = served()
    one = step.make_test_step(model, binding)

    def body(i: Any, ts: TrainState) -> TrainState:
        return one(ts, leaves, _take(data, order[i]), _valid(i, order, size))[0]

    ts = lax.fori_loop(start, stop, body, ts)
    return ts, step.metric_results(model, binding, ts, leaves)


def predict_steps(ts: TrainState, leaves: Any, x: Any, order: Any, start: Any, stop: Any) -> Any:
    """The outputs of one member for the rows `order`, `(steps, batch, …)`."""
    model, binding = served()
    one = step.make_predict_step(model, binding)
    batch = jax.eval_shape(lambda: one(ts, leaves, (_take(x, order[0]),))[1])
    out = jax.tree.map(lambda s: jnp.zeros((len(order), *s.shape), s.dtype), batch)

    def body(i: Any, out: Any) -> Any:
        y = one(ts, leaves, (_take(x, order[i]),))[1]
        return jax.tree.map(lambda buffer, value: buffer.at[i].set(value), out, y)

    return lax.fori_loop(start, stop, body, out)


def _take(data: Any, rows: Any) -> Any:
    return jax.tree.map(lambda a: a[rows], data)


def _valid(i: Any, order: Any, size: Any) -> Any:
    if size is None:
        return None
    batch = order.shape[1]
    return i * batch + jnp.arange(batch) < size


_FUNCTIONS: dict[str, tuple[Callable[..., Any], tuple[bool, ...]]] = {
    # which arguments have a member axis
    "train": (train_steps, (True, True, False, True, True, False, False)),
    "test": (test_steps, (True, True, False, True, True, False, False)),
    "predict": (predict_steps, (True, True, False, True, False, False)),
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
        function, has_members = _FUNCTIONS[kind]
        if self._form is None:
            return lambda *arguments: function(*arguments)
        axes = tuple(0 if has else None for has in has_members)
        if self._form == "vmap":
            return jax.vmap(function, in_axes=axes)
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

