"""Beam search for connectionist temporal classification, on fixed shapes."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

_PAD = -1
_NEVER = -jnp.inf


class Beam(NamedTuple):
    """The paths that are followed, with the log-probability of each way to be at them.

    Shapes: paths (width, steps), the others (width,).
    """

    paths: jax.Array
    length: jax.Array
    in_label: jax.Array
    in_blank: jax.Array


def beam_search(
    inputs: jax.Array, lengths: jax.Array, beam_width: int, top_paths: int, mask_index: int
) -> tuple[jax.Array, jax.Array]:
    """The `top_paths` likeliest label sequences of each row, and their log-probabilities."""
    log_p = jax.nn.log_softmax(inputs)
    width = max(beam_width, top_paths)

    def one(row: jax.Array, count: jax.Array) -> tuple[jax.Array, jax.Array]:
        beam = _start(width, row)

        def step(beam: Beam, at: tuple[jax.Array, jax.Array]) -> tuple[Beam, None]:
            time, scores = at
            new = _advance(beam, scores, mask_index)
            return jax.tree.map(lambda a, b: jnp.where(time < count, a, b), new, beam), None

        beam, _ = jax.lax.scan(step, beam, (jnp.arange(row.shape[0]), row))
        scores, best = jax.lax.top_k(jnp.logaddexp(beam.in_label, beam.in_blank), top_paths)
        return beam.paths[best], scores

    paths, scores = jax.vmap(one)(log_p, lengths)
    return jnp.moveaxis(paths, 1, 0), scores


def _start(width: int, row: jax.Array) -> Beam:
    never = jnp.full(width, _NEVER, row.dtype)
    paths = jnp.full((width, row.shape[0]), _PAD)
    return Beam(paths, jnp.zeros(width, int), never, never.at[0].set(0.0))


def _advance(beam: Beam, scores: jax.Array, mask_index: int) -> Beam:
    """Stay at each path, or append each label; join equal paths; keep the best."""
    width, classes = beam.length.shape[0], scores.shape[0]
    either = jnp.logaddexp(beam.in_label, beam.in_blank)
    tail = jnp.where(
        beam.length > 0, beam.paths[jnp.arange(width), jnp.maximum(beam.length - 1, 0)], _PAD
    )
    stay_blank = either + scores[mask_index]
    stay_label = jnp.where(tail == _PAD, _NEVER, beam.in_label + scores[tail])
    # A repeated label is a new one only after a blank.
    labels = jnp.arange(classes)
    before = jnp.where(labels[None] == tail[:, None], beam.in_blank[:, None], either[:, None])
    grown = jnp.where(labels[None] == mask_index, _NEVER, before + scores[None])
    parent = jnp.repeat(jnp.arange(width), classes)
    longer = (
        beam.paths[parent]
        .at[jnp.arange(width * classes), beam.length[parent]]
        .set(jnp.tile(labels, width), mode="drop")
    )
    every = Beam(
        jnp.concatenate([beam.paths, longer]),
        jnp.concatenate([beam.length, beam.length[parent] + 1]),
        jnp.concatenate([stay_label, grown.ravel()]),
        jnp.concatenate([stay_blank, jnp.full(width * classes, _NEVER, scores.dtype)]),
    )
    return _best(_joined(every, width, classes, grown), width)


def _joined(every: Beam, width: int, classes: int, grown: jax.Array) -> Beam:
    """Add the score of a grown path to the kept path that it equals, if there is one."""
    kept = every.paths[:width]
    length = every.length[:width]
    last = jnp.where(length > 0, kept[jnp.arange(width), jnp.maximum(length - 1, 0)], _PAD)
    steps = jnp.arange(kept.shape[1])
    stem = jnp.where(steps[None] == (length - 1)[:, None], _PAD, kept)
    alive = jnp.logaddexp(every.in_label[:width], every.in_blank[:width]) > _NEVER
    # same[i, j]: the path i without its last label is the path j.
    same = (stem[:, None] == kept[None]).all(-1) & (length > 0)[:, None] & alive[None]
    gain = jnp.where(same, grown[:, jnp.maximum(last, 0)].T, _NEVER)
    in_label = every.in_label.at[:width].set(
        jnp.logaddexp(every.in_label[:width], jax.nn.logsumexp(gain, 1))
    )
    used = (
        jnp.zeros((width, classes), bool)
        .at[jnp.where(same, jnp.arange(width)[None], width), jnp.maximum(last, 0)[:, None]]
        .set(True, mode="drop")
    )
    in_label = in_label.at[width:].set(jnp.where(used.ravel(), _NEVER, in_label[width:]))
    return every._replace(in_label=in_label)


def _best(every: Beam, width: int) -> Beam:
    _, best = jax.lax.top_k(jnp.logaddexp(every.in_label, every.in_blank), width)
    return Beam(*(part[best] for part in every))
