"""Whether a batch may be filled up with rows that do not count.

The last batch of an epoch is smaller than the others. One program serves both when the batch is
filled up and the surplus rows get no weight in loss and metrics. That changes nothing where each
row goes its own way through the model; it does where rows meet (batch normalisation, a user's own
layer or loss), and there the last batch gets a program of its own.
"""

from __future__ import annotations

from typing import Any

from kohort import layers

_ROWS_MEET = (layers.BatchNormalization, layers.ActivityRegularization, layers.Lambda)


def may_fill(model: Any) -> bool:
    """Whether surplus rows of weight zero change nothing for `model`."""
    operations = getattr(model, "operations", model.layers)
    return (
        _is_ours(model)
        and all(map(_keeps_rows_apart, [*operations, *model._flatten_layers(include_self=False)]))
        and all(map(_weights_rows, [*_losses(model), *model.metrics]))
    )


def _is_ours(x: Any) -> bool:
    return type(x).__module__.startswith("kohort.")


def _keeps_rows_apart(operation: Any) -> bool:
    return (
        isinstance(operation, layers.Layer)
        and _is_ours(operation)
        and not isinstance(operation, _ROWS_MEET)
        and getattr(operation, "activity_regularizer", None) is None
        and not getattr(operation, "stateful", False)
    )


def _losses(model: Any) -> list[Any]:
    return [part.loss for part in model._compile_loss.parts] if model._compile_loss else []


def _weights_rows(component: Any) -> bool:
    """Whether a loss or metric is Kohort's own, with a function of Kohort's."""
    function = getattr(component, "fn", None) or getattr(component, "_fn", None)
    return _is_ours(component) and (
        function is None or str(function.__module__).startswith("kohort.")
    )
