"""The loop over the steps of a sequence.

`run` is the only loop of all recurrent layers: `step(x, states) -> (output, states)` along the
first axis. Where a step is masked, the states stay as they were.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kohort import ops
from kohort.core import tree
from kohort.core.tracing import is_portable

Step = Callable[[Any, Any], tuple[Any, Any]]


class How(NamedTuple):
    """How a loop runs: backwards, unrolled, and which outputs it gives."""

    go_backwards: bool = False
    unroll: bool = False
    zero_output: bool = False
    """Whether masked steps give zeros; else they repeat the output before."""
    every: bool = True
    """Whether all outputs are wanted; else the last one."""


def run(step: Step, xs: Any, states: Any, mask: Any, how: How, pure: bool = False) -> Any:
    """Run `step` along axis 0 of `xs`.

    Args:
        step: a function of one step's inputs and the states.
        xs: `(steps, batch, …)`.
        states: a list of arrays, or of lists of arrays.
        mask: `(steps, batch)`, False where a step does not count; or None.
        how: how the loop runs.
        pure: the step writes to no variable, and its output is its first state.

    Returns:
        The last output; all outputs in the order of computation (None where `pure` and not
        wanted); the last states.
    """
    return (_unrolled if how.unroll else _scanned)(step, xs, states, mask, how, pure)


@functools.partial(jax.jit, static_argnames=("step", "how"))
def run_compiled(step: Any, weights: Any, xs: Any, states: Any, mask: Any, how: How) -> Any:
    """`run` of a pure `step(weights, x, states)`, compiled once for equal steps and shapes.

    Outside a compiled program this saves tracing the loop anew at every call.
    """
    return run(functools.partial(step, weights), xs, states, mask, how, pure=True)


def _scanned(step: Step, xs: Any, states: Any, mask: Any, how: How, pure: bool) -> Any:
    stacked = how.every or not pure

    def body(states: Any, x: Any) -> tuple[Any, Any]:
        x, keep = x
        output, new = passed(keep, *step(x, states), states, how)
        return new, output if stacked else None

    scan = jax.lax.scan if pure and not is_portable() else ops.scan
    states, outputs = scan(body, states, (xs, mask), reverse=how.go_backwards)
    return finished(states, outputs, mask, how)


def passed(keep: Any, output: Any, new: Any, states: Any, how: How) -> tuple[Any, Any]:
    """Output and states after a step that counts in the rows to keep; None are all rows."""
    if keep is None:
        return output, new
    before = jnp.zeros_like(output) if how.zero_output else _output_in(states)
    new = tree.map_structure(functools.partial(where, keep), new, states)
    return where(keep, output, before), new


def finished(states: Any, outputs: Any, mask: Any, how: How) -> Any:
    """What `run` returns, of a scan that gave these last states and outputs (or None)."""
    if outputs is None:
        last = states[0]
        if mask is not None and how.zero_output:
            last = where(mask[0 if how.go_backwards else -1], last, jnp.zeros_like(last))
        return last, None, states
    outputs = jnp.flip(outputs, axis=0) if how.go_backwards else outputs
    return outputs[-1], outputs, states


def _unrolled(step: Step, xs: Any, states: Any, mask: Any, how: How, pure: bool) -> Any:
    if not xs.shape[0]:
        raise ValueError("Unrolling requires a fixed number of timesteps.")
    outputs: list[Any] = []
    order = range(xs.shape[0])
    for i in reversed(order) if how.go_backwards else order:
        output, new = step(xs[i], states)
        if mask is not None:
            before = outputs[-1] if outputs else jnp.zeros_like(output)
            output = where(mask[i], output, before)
            new = tree.map_structure(functools.partial(where, mask[i]), new, states)
        outputs.append(output)
        states = new
    return outputs[-1], jnp.stack(outputs) if how.every else None, states


def _output_in(states: Any) -> Any:
    """The output of the step before: the first state, of stacked cells the last one's."""
    return states[-1][0] if isinstance(states[0], (list, tuple)) else states[0]


def where(keep: Any, new: Any, old: Any) -> Any:
    """`new` in the rows to keep, `old` in the others."""
    return jnp.where(keep.reshape(keep.shape + (1,) * (new.ndim - 1)), new, old)
