"""The loop of a step that knows its derivative, so that training costs less.

Differentiated by JAX, a loop adds to the gradients of all weights in each of its steps, and keeps
several values of each gate. Here it keeps what `DenseStep.backward` needs, and the gradients of
the weights are one product each over all steps, after the loop.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from kohort.layers.rnn.cell import DenseStep, Product
from kohort.layers.rnn.loop import How, passed, where


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def scan(
    step: DenseStep, how: How, inside: bool,
    inputs: Product, recurrent: Product, xs: Any, states: Any, mask: Any,
) -> Any:  # fmt: skip
    """Run a step along axis 0 of `xs`.

    Args:
        inside: whether the inputs are projected step by step; else all at once before the loop.
        inputs, recurrent: the products with the inputs and with the state before; the latter has
            no masks.

    Returns:
        The last states, and the outputs step by step (None where they are not wanted).
    """
    return _forward(step, how, inside, inputs, recurrent, xs, states, mask)[0]


def _forward(
    step: DenseStep, how: How, inside: bool,
    inputs: Product, recurrent: Product, xs: Any, states: Any, mask: Any,
) -> Any:  # fmt: skip
    def body(states: Any, part: Any) -> Any:
        x, keep = part
        new, saved = step.forward(inputs.of(x) if inside else x, recurrent.of(states[0]), states)
        output, new = passed(keep, new[0], new, states, how)
        return new, (output if how.every else None, saved, states)

    start = xs if inside else inputs.of(xs)
    last, out = jax.lax.scan(body, states, (start, mask), reverse=how.go_backwards)
    return (last, out[0]), (*out[1:], inputs, recurrent, xs, mask)


def _backward(step: DenseStep, how: How, inside: bool, residuals: Any, gradients: Any) -> Any:
    saved, before, inputs, recurrent, xs, mask = residuals
    d_last, d_outputs = gradients

    def body(gradients: Any, part: Any) -> Any:
        saved, states, keep, d_output = part
        if d_output is not None:
            if keep is not None and how.zero_output:
                d_output = where(keep, d_output, jnp.zeros_like(d_output))
            gradients = [gradients[0] + d_output, *gradients[1:]]
        reached = gradients
        if keep is not None:
            reached = [where(keep, d, jnp.zeros_like(d)) for d in gradients]
        dx, dr, d_before = step.backward(saved, states, reached)
        d_before = [d_before[0] + dr @ recurrent.kernel.T, *d_before[1:]]
        if keep is not None:
            d_before = [where(keep, *both) for both in zip(d_before, gradients, strict=True)]
        return d_before, (dx, None if dr is dx else dr)

    parts = saved, before, mask, d_outputs
    d_first, (dx, dr) = jax.lax.scan(body, d_last, parts, reverse=not how.go_backwards)
    d_inputs, d_xs = _pulled(inputs, xs, dx)
    d_recurrent, _ = _pulled(recurrent, before[0], dx if dr is None else dr)
    return d_inputs, d_recurrent, d_xs, d_first, None


def _pulled(product: Product, xs: Any, gradient: Any) -> tuple[Product, Any]:
    """The gradients for a product and its `(steps, batch, …)`, all steps as one matrix."""
    if product.masks is not None:
        return jax.vjp(lambda p, xs: p.of(xs), product, xs)[1](gradient)
    rows, gradient = xs.reshape(-1, xs.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
    bias = None if product.bias is None else gradient.sum(0)
    d_xs = (gradient @ product.kernel.T).reshape(xs.shape)
    return Product(rows.T @ gradient, bias), d_xs


scan.defvjp(_forward, _backward)
