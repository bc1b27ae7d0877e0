"""Keras's own `train_step` and `test_step` in JAX form, for subclasses that call `super()`."""

from __future__ import annotations

from typing import Any

import jax

from kohort.core.frame import Frame
from kohort.train.step import unpack


def _run(model: Any, state: Any, parts: list[list[Any]], data: Any, training: bool) -> Any:
    x, y, sample_weight = unpack(data)
    values = {
        v: a
        for part, arrays in zip(parts, state, strict=True)
        for v, a in zip(part, arrays, strict=True)
    }
    own = parts[0]

    def objective(arrays: Any) -> Any:
        with Frame({**values, **dict(zip(own, arrays, strict=True))}) as frame:
            loss, y_pred = model._forward_loss(x, y, sample_weight, training=training)
        return loss, (loss, y_pred, [frame.values[v] for v in values if v not in set(own)])

    if training:
        (_, (loss, y_pred, kept)), grads = jax.value_and_grad(objective, has_aux=True)(
            list(state[0])
        )
    else:
        _, (loss, y_pred, kept) = objective(list(state[0]))
    rest = [v for v in values if v not in set(own)]
    values |= dict(zip(rest, kept, strict=True))
    with Frame(values) as frame:
        if training and own:
            model.optimizer.apply(grads, own)
        logs = model._update_metrics(x, y, y_pred, sample_weight, loss)
        logs = logs or model.get_metrics_result()
    return logs, tuple([frame.values[v] for v in part] for part in parts)


def train_step(model: Any, state: Any, data: Any) -> Any:
    """One training step as a pure function of the four lists of variables."""
    optimizer = list(model.optimizer.variables) if model.optimizer is not None else []
    parts = [
        model.trainable_variables,
        model.non_trainable_variables,
        optimizer,
        model.metrics_variables,
    ]
    return _run(model, state, parts, data, training=True)


def test_step(model: Any, state: Any, data: Any) -> Any:
    """One evaluation step as a pure function of the three lists of variables."""
    parts = [model.trainable_variables, model.non_trainable_variables, model.metrics_variables]
    return _run(model, state, parts, data, training=False)
