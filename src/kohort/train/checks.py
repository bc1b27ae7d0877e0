"""Mistakes that are caught before they cost an hour: each with the rule and remedies."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from kohort.core import tree
from kohort.errors import KohortWarning, with_remedies


def check_loss_fits(model: Any, compile_loss: Any, y: Any, y_pred: Any) -> None:
    """Warn or raise where the loss does not fit the last activation or the labels' shape."""
    losses = compile_loss._user_loss
    outputs = tree.flatten(y_pred)
    names = losses if isinstance(losses, (list, tuple)) else [losses]
    if len(outputs) != 1 or len(names) != 1:
        return
    name = _loss_name(names[0])
    activation = _last_activation(model)
    units = outputs[0].shape[-1] if outputs[0].shape else None
    if not name.startswith("sparse_"):
        _check_shapes(name, tree.flatten(y), outputs[0])
    if getattr(names[0], "from_logits", False):
        return
    if name in (
        "binary_crossentropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
    ):
        _check_probabilities(name, activation, units)
    if name == "categorical_crossentropy":
        _check_one_hot(tree.flatten(y), units)


def _loss_name(loss: Any) -> str:
    if isinstance(loss, str):
        aliases = {"bce": "binary_crossentropy", "BinaryCrossentropy": "binary_crossentropy"}
        return aliases.get(loss, loss)
    return getattr(getattr(loss, "fn", loss), "__name__", "")


def _last_activation(model: Any) -> str | None:
    """The name of the activation that makes the output, where that can be told."""
    layers = getattr(model, "layers", None)
    if not layers or len(getattr(model, "output_names", [0])) != 1:
        return None
    function = getattr(layers[-1], "activation", None)
    return getattr(function, "__name__", None)


def _check_shapes(name: str, labels: list[Any], output: Any) -> None:
    """Element by element losses need labels that fit the outputs."""
    shape = labels[0].shape if len(labels) == 1 and labels[0] is not None else None
    if shape is None or len(shape) != len(output.shape):
        return
    pairs = zip(shape[1:], output.shape[1:], strict=True)
    if any(None not in (a, b) and a != b and 1 not in (a, b) for a, b in pairs):
        raise ValueError(
            with_remedies(
                f"`{name}` compares labels with outputs of the same shape.",
                f"labels of shape {shape} for outputs of shape {output.shape}",
                [
                    f"Give the last layer {shape[-1]} units.",
                    "Or change the labels' shape.",
                ],
            )
        )


def _check_probabilities(name: str, activation: str | None, units: int | None) -> None:
    wanted = "sigmoid" if name == "binary_crossentropy" else "softmax"
    if activation in ("linear", "relu", "tanh"):
        warnings.warn(
            with_remedies(
                f"`{name}` expects probabilities, which the last activation does not give.",
                f"a last layer with activation='{activation}'",
                [
                    f"Use activation='{wanted}' in the last layer.",
                    "Or pass the loss as an object with from_logits=True.",
                ],
            ),
            KohortWarning,
            stacklevel=2,
        )


def _check_one_hot(labels: list[Any], units: int | None) -> None:
    shape = labels[0].shape if labels and labels[0] is not None else ()
    if units is None or units == 1 or not shape:
        return
    if len(shape) == 1 or shape[-1] == 1:
        raise ValueError(
            with_remedies(
                "`categorical_crossentropy` expects one-hot labels of shape (batch, classes).",
                f"labels of shape {shape} for an output of {units} units",
                [
                    "Use loss='sparse_categorical_crossentropy' for labels that are class numbers.",
                    "Or encode them: keras.utils.to_categorical(y).",
                ],
            )
        )


_LARGE = 2**24  # bytes of an array whose values are looked at only once the loss is not a number


def check_inputs(data: Any, large: bool) -> bool:
    """Warn where an input holds NaN or infinity; say whether one does.

    Args:
        large: look at the large arrays, or else at the others: a pass over a large array costs a
            good part of an epoch, and is only needed where training went wrong.
    """
    for array in tree.flatten(data[0]):
        if isinstance(array, np.ndarray) and (array.nbytes > _LARGE) == large and _has_nan(array):
            warnings.warn(
                with_remedies(
                    "The inputs should be finite numbers: one NaN makes the loss NaN.",
                    f"an input of shape {array.shape} with NaN or infinite values",
                    [
                        "Replace missing values (a mean, say) before training.",
                        "Or drop those rows.",
                    ],
                ),
                KohortWarning,
                stacklevel=2,
            )
            return True
    return False


def check_values(model: Any, data: Any) -> None:
    """Look at the values of the arrays of a fit: NaN inputs, labels out of range."""
    check_inputs(data, large=False)
    y = data[1]
    compile_loss = getattr(model, "_compile_loss", None)
    if compile_loss is None or not compile_loss.built or y is None:
        return
    labels = tree.flatten(y)
    parts = [part.loss for part in compile_loss.parts]
    units = _output_units(model, len(parts))
    if len(labels) == len(parts):
        for loss, array, n in zip(parts, labels, units, strict=True):
            if isinstance(array, np.ndarray):
                check_labels(_loss_name(loss), array, n)


def _output_units(model: Any, count: int) -> list[int | None]:
    outputs = getattr(model, "outputs", None) if getattr(model, "built", False) else None
    if outputs is None or len(outputs) != count:
        return [None] * count
    return [o.shape[-1] if o.shape else None for o in outputs]


def _has_nan(array: np.ndarray) -> bool:
    if array.dtype.kind != "f" or array.size == 0:
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum()):  # a quick look that finds any NaN
            return False
    return not bool(np.isfinite(array).all())


def check_labels(name: str, labels: np.ndarray, units: int | None) -> None:
    """Raise ValueError where the labels cannot belong to this loss and output."""
    if labels.size == 0 or labels.dtype.kind not in "iuf":
        return
    low, high = labels.min(), labels.max()
    if name == "binary_crossentropy" and (low < 0 or high > 1):
        raise ValueError(
            with_remedies(
                "`binary_crossentropy` expects labels between 0 and 1.",
                f"labels from {low} to {high}",
                [
                    f"For {int(high) + 1} classes: Dense({int(high) + 1}, activation='softmax') "
                    "with loss='sparse_categorical_crossentropy'.",
                    "For labels -1 and 1: use (y + 1) / 2, or loss='hinge'.",
                ],
            )
        )
    if name == "sparse_categorical_crossentropy" and units and (low < 0 or high >= units):
        raise ValueError(
            with_remedies(
                f"`sparse_categorical_crossentropy` expects class numbers from 0 to {units - 1}, "
                "one for each unit of the last layer.",
                f"labels from {low} to {high}",
                [
                    f"Give the last layer {int(high) + 1} units.",
                    "Or number the classes from 0: np.unique(y, return_inverse=True)[1].",
                ],
            )
        )
