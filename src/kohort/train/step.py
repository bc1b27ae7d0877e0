"""One step as a pure function of arrays: training, evaluation, prediction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import tree
from kohort.core.frame import Frame
from kohort.train.state import Binding, TrainState

Step = Callable[..., Any]


def unpack(batch: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of a batch; what is missing is None."""
    if isinstance(batch, list):
        batch = tuple(batch)
    if not isinstance(batch, tuple):
        return batch, None, None
    if len(batch) > 3:
        raise ValueError(
            "Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`, "
            f"found: {batch}"
        )
    return (*batch, None, None)[:3]


def batch_size(x: Any) -> int:
    """The number of rows in a batch."""
    return next((leaf.shape[0] for leaf in jax.tree.leaves(x) if leaf.ndim), 1)


def has_logs(model: Any, method: str) -> bool:
    """Whether a step gives logs of its own, beside the metrics' state."""
    return model._has_own(method) or model._has_own("compute_metrics")


def make_train_step(model: Any, binding: Binding) -> Step:
    """`(ts, leaves, batch, valid=None) -> (ts, logs)`: gradient, update, metrics.

    `valid` says which rows of a filled-up batch count (see `Frame`). The logs are empty unless the
    model has a `train_step` of its own.
    """
    if model._has_own("train_step"):
        return _own_step(model, binding, training=True)
    params, variables = binding.params, list(binding.params.values())

    def step(ts: TrainState, leaves: Any, batch: Any, valid: Any = None) -> tuple[TrainState, dict]:
        x, y, sample_weight = unpack(batch)
        frame_leaves = binding.frame_leaves(leaves)
        values = binding.frame_values(ts)

        def objective(arrays: Any) -> Any:
            given = {**values, **{params[path]: a for path, a in arrays.items()}}
            with Frame(given, frame_leaves, valid) as frame:
                loss, y_pred = model._forward_loss(x, y, sample_weight, training=True)
                scaled = model.optimizer.scale_loss(loss) if model.optimizer is not None else loss
            kept = {v: a for v, a in frame.values.items() if v not in trained}
            return scaled, (loss, y_pred, _by_path(binding, kept))

        trained = set(variables)
        (_, (loss, y_pred, kept)), grads = jax.value_and_grad(objective, has_aux=True)(ts.params)
        values.update(_by_variable(binding, kept))
        with Frame(values, frame_leaves, valid) as frame:
            if variables:
                model.optimizer.apply([grads[path] for path in params], variables)
            logs = model._update_metrics(x, y, y_pred, sample_weight, loss)
        return binding.read_frame(frame.values), _arrays(logs)

    return step


def _arrays(logs: Any) -> dict[str, Any]:
    return {name: jnp.asarray(value) for name, value in (logs or {}).items()}


def _by_path(binding: Binding, values: dict) -> dict[str, Any]:
    path_of = {v: p for part in binding.parts() for p, v in part.items()}
    return {path_of[v]: a for v, a in values.items() if v in path_of}


def _by_variable(binding: Binding, arrays: dict[str, Any]) -> dict:
    variables = {p: v for part in binding.parts() for p, v in part.items()}
    return {variables[p]: a for p, a in arrays.items()}


def make_test_step(model: Any, binding: Binding) -> Step:
    """`(ts, leaves, batch, valid=None) -> (ts, logs)`: loss and metrics, no update."""
    if model._has_own("test_step"):
        return _own_step(model, binding, training=False)

    def step(ts: TrainState, leaves: Any, batch: Any, valid: Any = None) -> tuple[TrainState, dict]:
        x, y, sample_weight = unpack(batch)
        with Frame(binding.frame_values(ts), binding.frame_leaves(leaves), valid) as frame:
            loss, y_pred = model._forward_loss(x, y, sample_weight, training=False)
            logs = model._update_metrics(x, y, y_pred, sample_weight, loss)
        return binding.read_frame(frame.values), _arrays(logs)

    return step


def make_predict_step(model: Any, binding: Binding) -> Step:
    """`(ts, leaves, batch) -> (ts, outputs)`."""

    def step(ts: TrainState, leaves: Any, batch: Any) -> tuple[TrainState, Any]:
        with Frame(binding.frame_values(ts), binding.frame_leaves(leaves)) as frame:
            if model._has_own("predict_step"):
                outputs = _call_own_predict(model, binding, ts, batch)
            else:
                outputs = model._forward(unpack(batch)[0], training=False)
            outputs = tree.map_structure(jnp.asarray, outputs)
        return binding.read_frame(frame.values), outputs

    return step


def _call_own_predict(model: Any, binding: Binding, ts: TrainState, batch: Any) -> Any:
    own = model.trainable_variables, model.non_trainable_variables
    values = binding.frame_values(ts)
    state = tuple([values[v] for v in part] for part in own)
    outputs = model.predict_step(state, batch)
    return outputs[0] if isinstance(outputs, tuple) and len(outputs) == 2 else outputs


def _own_step(model: Any, binding: Binding, training: bool) -> Step:
    """A user's `train_step(state, data)` or `test_step(state, data)` in Keras's JAX form.

    `state` is (trainable, non-trainable, optimiser, metrics) variables, without the
    optimiser's part for `test_step`; the method returns (logs, state).
    """
    optimizer = getattr(model, "optimizer", None)
    opt = list(optimizer.variables) if optimizer is not None else []
    own = [model.trainable_variables, model.non_trainable_variables, opt, model.metrics_variables]
    if not training:
        own.pop(2)
    method = model.train_step if training else model.test_step

    def step(ts: TrainState, leaves: Any, batch: Any, valid: Any = None) -> tuple[TrainState, dict]:
        values = binding.frame_values(ts)
        with Frame(values, binding.frame_leaves(leaves)) as frame:
            given = tuple([values[v] for v in part] for part in own)
            logs, new = method(given, batch)
            for part, arrays in zip(own, new, strict=True):
                for variable, array in zip(part, arrays, strict=True):
                    frame.write(variable, jnp.asarray(array, values[variable].dtype))
        return binding.read_frame(frame.values), _arrays(logs)

    return step


def metric_results(model: Any, binding: Binding, ts: TrainState, leaves: Any) -> Any:
    """What the metrics say of the state, as arrays in the order of `model.metrics`."""
    with Frame(binding.frame_values(ts), binding.frame_leaves(leaves)):
        return model._metric_arrays()
