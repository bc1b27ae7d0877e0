"""Connectionist temporal classification: sequences without alignment.

Source: Graves et al., Connectionist Temporal Classification, ICML 2006.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.symbolic import op
from kohort.losses.arrays import to_array
from kohort.losses.loss import LossFunctionWrapper

IMPOSSIBLE = -1e5
"""Stands for log(0): finite, so that gradients are."""


@op
def ctc(y_true: Any, y_pred: Any) -> jax.Array:
    """Minus the log-probability of the labels, over all their alignments.

    Args:
        y_true: class numbers, `(batch, max_length)`; 0 is blank and pads.
        y_pred: logits, `(batch, steps, classes)`.

    Returns:
        `(batch,)`.

    >>> ctc([[1]], [[[0.0, 0.0]]]).tolist()
    [0.6931]
    """
    y_true, y_pred = to_array(y_true), to_array(y_pred)
    if y_true.ndim != 2:
        raise ValueError(
            "Targets `y_true` are expected to be a tensor of shape `(batch_size, max_length)` in "
            f"integer format. Received: y_true.shape={y_true.shape}"
        )
    if y_pred.ndim != 3:
        raise ValueError(
            "Logits `y_pred` are expected to be a tensor of shape `(batch_size, max_length, "
            f"num_classes)`. Received: y_pred.shape={y_pred.shape}"
        )
    logits = y_pred.astype(jnp.promote_types(y_pred.dtype, "float32"))
    return jax.vmap(_negative_log_likelihood)(y_true.astype("int32"), logits)


def _negative_log_likelihood(labels: jax.Array, logits: jax.Array) -> jax.Array:
    """The forward algorithm over the labels with a blank before, between and after them."""
    log_p = jax.nn.log_softmax(logits)
    states = jnp.zeros(2 * labels.size + 1, "int32").at[1::2].set(labels)
    is_label = jnp.arange(states.size) % 2 == 1
    # A label may be entered past the blank before it, unless it repeats the label before.
    skip = is_label & (states != jnp.roll(states, 2))
    start = jnp.full(states.size, IMPOSSIBLE, log_p.dtype).at[0].set(0.0)

    def step(alpha: jax.Array, log_p_now: jax.Array) -> tuple[jax.Array, None]:
        wall = jnp.full(2, IMPOSSIBLE, alpha.dtype)
        one = jnp.concatenate([wall[:1], alpha[:-1]])
        two = jnp.where(skip, jnp.concatenate([wall, alpha[:-2]])[: alpha.size], IMPOSSIBLE)
        return jnp.logaddexp(jnp.logaddexp(alpha, one), two) + log_p_now[states], None

    alpha, _ = jax.lax.scan(step, start, log_p)
    last = 2 * jnp.sum(labels != 0)  # the blank after the last label
    return -jnp.logaddexp(alpha[last], jnp.where(last > 0, alpha[last - 1], IMPOSSIBLE))


class CTC(LossFunctionWrapper, fn=ctc):
    """Minus the log-probability of label sequences, over all their alignments.

    Labels are `(batch, max_length)`, where 0 is blank and pads; predictions are logits
    `(batch, steps, classes)`.

    >>> float(CTC()([[1]], [[[0.0, 0.0]]]))
    0.6931
    """
