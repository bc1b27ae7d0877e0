"""How many bytes a training step of a member walks over, about."""

from __future__ import annotations

import math
from typing import Any

import jax

from kohort.core import tree
from kohort.layers.rnn.rnn import RNN


def step_bytes(member: Any, data: Any) -> int:
    """The member's state and gradients, the rows of a batch, and what its layers keep of them."""
    ts, rows = member.state, len(jax.tree.leaves(data)[0])
    arrays = jax.tree.leaves((ts.params, ts.params, ts.opt, ts.state))
    row_bytes = sum(a.nbytes for a in jax.tree.leaves(data)) // rows
    longest = max(a.shape[1] if a.ndim > 1 else 1 for a in jax.tree.leaves(data[0]))
    kept = 4 * kept_numbers(member.candidate.model, longest)
    return sum(a.nbytes for a in arrays) + member.batch_size * (row_bytes + kept)


def kept_numbers(model: Any, length: int) -> int:
    """What a forward pass of one row keeps for the gradient: outputs, and each step of a loop.

    Args:
        length: stands for sizes that the model leaves open.

    >>> from kohort import Input, Sequential, layers
    >>> kept_numbers(Sequential([Input((None, 3)), layers.LSTM(5)]), length=10)
    435
    """
    return sum(_outputs(layer, length) + _steps(layer, length) for layer in model._flatten_layers())


def _outputs(layer: Any, length: int) -> int:
    tensors = [x for node in layer._inbound_nodes[-1:] for x in tree.flatten(node.output_tensors)]
    return sum(math.prod(length if n is None else n for n in x.shape[1:]) for x in tensors)


def _steps(layer: Any, length: int) -> int:
    """A recurrent layer's products with its kernels, of every step."""
    if not isinstance(layer, RNN) or not layer.built:
        return 0
    steps = (layer.get_build_config() or {}).get("input_shape", (None, None))[1]
    each = sum(w.shape[-1] for w in layer.weights if len(w.shape) == 2)
    return each * (length if steps is None else steps)
