"""Compiled programs, one set per structure, shared by all models of that structure.

A program closes over nothing: the model whose structure it serves is ambient while it is
called (`serving`), so that a cached program keeps no model alive.
"""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kohort.core.compiling import compiled
from kohort.core.session import on_clear
from kohort.train import step as steps
from kohort.train.placement import spread
from kohort.train.state import TrainState

_local = threading.local()
_MAX_PROGRAMS = 64
_programs: OrderedDict[Any, Any] = OrderedDict()
traces = 0
"""How many times a block was traced: each is a compilation. Tests count it."""


@contextmanager
def serving(model: Any, binding: Any) -> Iterator[None]:
    """Make `model` the one that a program traces, should it have to."""
    before = getattr(_local, "served", None)
    _local.served = (model, binding)
    try:
        yield
    finally:
        _local.served = before


def served() -> tuple[Any, Any]:
    """The model and binding being served."""
    return _local.served


def count_trace() -> None:
    """Note that a block was traced."""
    global traces
    traces += 1


def train_block(ts: TrainState, leaves: Any, data: Any, order: Any, start: Any, stop: Any) -> Any:
    """Train on the batches `start` to `stop` of `order`, rows of `data`.

    The bounds are arguments, not shapes: blocks of any length are the same program.
    """
    return _run_block(steps.make_train_step, "train_step", ts, leaves, data, order, start, stop)


def test_block(ts: TrainState, leaves: Any, data: Any, order: Any, start: Any, stop: Any) -> Any:
    """Evaluate on the batches `start` to `stop` of `order`."""
    return _run_block(steps.make_test_step, "test_step", ts, leaves, data, order, start, stop)


def _run_block(
    make_step: Any,
    method: str,
    ts: TrainState,
    leaves: Any,
    data: Any,
    order: Any,
    start: Any,
    stop: Any,
) -> Any:
    count_trace()
    model, binding = served()
    step = make_step(model, binding)

    def body(i: Any, carry: Any) -> Any:
        rows = i if order is None else order[i]  # without an order, data are batches
        batch = spread(binding, jax.tree.map(lambda a: a[rows], data))
        return step(carry[0], leaves, batch)

    if order is None and len(jax.tree.leaves(data)[0]) == 1:
        # A large batch alone: a loop, whose index is traced, would copy it once more.
        ts, logs = body(0, (ts, {}))
        logs = logs if steps.has_logs(model, method) else {}
    else:
        logs = _empty_logs(lambda: body(0, (ts, None))) if steps.has_logs(model, method) else {}
        ts, logs = lax.fori_loop(start, stop, body, (ts, logs))
    return ts, logs, steps.metric_results(model, binding, ts, leaves)


def predict_block(ts: TrainState, leaves: Any, batches: Any, stop: Any) -> Any:
    """Predict the first `stop` of the stacked `batches` (steps, batch, …)."""
    count_trace()
    model, binding = served()
    step = steps.make_predict_step(model, binding)
    first = _shapes(lambda: step(ts, leaves, jax.tree.map(lambda a: a[0], batches)))
    size = jax.tree.leaves(batches)[0].shape[0]
    out = jax.tree.map(lambda s: jnp.zeros((size, *s.shape), s.dtype), first[1])

    def body(i: Any, carry: Any) -> Any:
        ts, out = carry
        ts, y = step(ts, leaves, spread(binding, jax.tree.map(lambda a: a[i], batches)))
        return ts, jax.tree.map(lambda buffer, value: buffer.at[i].set(value), out, y)

    ts, out = lax.fori_loop(0, stop, body, (ts, out))
    return ts.state, out


def _empty_logs(run: Callable[[], Any]) -> Any:
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), _shapes(run)[1])


def _shapes(run: Callable[[], Any]) -> Any:
    """The shapes of what `run` returns. It is traced once more after this, and warns then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return jax.eval_shape(run)


class Program:
    """The compiled blocks of one structure."""

    def __init__(self) -> None:
        # Each structure gets functions of its own: jit keys its cache by function.
        self.train = compiled(lambda *args: train_block(*args))
        self.test = compiled(lambda *args: test_block(*args))
        self.predict = compiled(lambda *args: predict_block(*args))

    def clear(self) -> None:
        """Drop the compiled code."""
        for function in (self.train, self.test, self.predict):
            function.clear_cache()


def program_for(key: Any, make: Callable[[], Any] | None = None) -> Any:
    """The program of a key, made when there is none; the least recently used one makes room."""
    if key in _programs:
        _programs.move_to_end(key)
        return _programs[key]
    program = _programs[key] = (make or Program)()
    while len(_programs) > _MAX_PROGRAMS:
        _programs.popitem(last=False)[1].clear()
    return program


@on_clear
def clear_programs() -> None:
    """Forget all compiled programs."""
    while _programs:
        _programs.popitem()[1].clear()
