"""Connectionist temporal classification: a loss, and decoding.

Source: Graves et al., 2006.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.symbolic import op
from kohort.ops._base import array, sum_dtype

_NEVER = -1e5  # the logarithm of a probability of 0, finite so that gradients are


@op
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: int = 0
) -> jax.Array:
    """-log of the probability of all ways in which the output spells the target.

    Shapes: target (batch, labels), output (batch, steps, classes) as logits -> (batch,).

    With blanks between the labels there are 2 · labels + 1 states. From one step to the next a
    path stays, goes on by one, or skips a blank between different labels.
    """
    target, output = array(target).astype("int32"), array(output)
    lengths = array(target_length).astype("int32"), array(output_length).astype("int32")
    log_p = jax.nn.log_softmax(output.astype(sum_dtype(output)))
    batch, labels = target.shape
    states = jnp.full((batch, 2 * labels + 1), mask_index).at[:, 1::2].set(target)
    emitted = jnp.take_along_axis(log_p, states[:, None, :], 2)  # (batch, steps, states)
    skips = (states != jnp.roll(states, 2, 1)) & (states != mask_index)
    may_skip = jnp.where(skips.at[:, :2].set(False), 0.0, _NEVER)
    first = jnp.full(states.shape, _NEVER, log_p.dtype).at[:, :2].set(emitted[:, 0, :2])

    def step(alpha: jax.Array, at: Any) -> tuple[jax.Array, None]:
        time, log_emitted = at
        one = jnp.pad(alpha, ((0, 0), (1, 0)), constant_values=_NEVER)[:, :-1]
        two = jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=_NEVER)[:, :-2]
        reached = jnp.logaddexp(jnp.logaddexp(alpha, one), two + may_skip) + log_emitted
        return jnp.where(time < lengths[1][:, None], reached, alpha), None

    times = jnp.arange(1, output.shape[1])
    alpha, _ = jax.lax.scan(step, first, (times, jnp.moveaxis(emitted, 1, 0)[1:]))
    last = 2 * lengths[0][:, None]
    ends = jnp.take_along_axis(alpha, jnp.concatenate([last, jnp.maximum(last - 1, 0)], 1), 1)
    both = jnp.logaddexp(ends[:, 0], ends[:, 1])
    return -jnp.where(lengths[0] > 0, both, ends[:, 0])


@op
def ctc_decode(
    inputs: Any, sequence_lengths: Any, strategy: str = "greedy", beam_width: int = 100,
    top_paths: int = 1, merge_repeated: bool = True, mask_index: int = 0,
) -> tuple[jax.Array, jax.Array]:  # fmt: skip
    """The likeliest label sequences.

    Shapes: inputs (batch, steps, classes) as logits -> paths (top_paths, batch, steps), filled
    up with -1, and scores (batch, top_paths).
    """
    inputs = array(inputs)
    inputs = inputs.astype(sum_dtype(inputs))
    lengths = array(sequence_lengths).astype("int32")
    mask_index = inputs.shape[-1] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return _greedy(inputs, lengths, merge_repeated, mask_index)
    if strategy == "beam_search":
        from kohort.ops.ctc_beam import beam_search

        return beam_search(inputs, lengths, beam_width, top_paths, mask_index)
    raise ValueError(
        f"Invalid strategy {strategy}. Supported values are 'greedy' and 'beam_search'."
    )


def _greedy(
    inputs: jax.Array, lengths: jax.Array, merge_repeated: bool, mask_index: int
) -> tuple[jax.Array, jax.Array]:
    steps = inputs.shape[1]
    over = jnp.arange(steps)[None, :] >= lengths[:, None]
    labels = jnp.where(over, mask_index, jnp.argmax(inputs, -1))
    scores = -jnp.sum(jnp.where(over, 0.0, jnp.max(inputs, -1)), 1)
    if merge_repeated:
        again = jnp.pad(labels[:, 1:] == labels[:, :-1], ((0, 0), (1, 0)))
        labels = jnp.where(again, mask_index, labels)
    blank = labels == mask_index
    order = jnp.argsort(jnp.where(blank, steps, jnp.arange(steps)), -1)
    paths = jnp.take_along_axis(jnp.where(blank, -1, labels), order, -1)
    return paths[None], scores[:, None]
