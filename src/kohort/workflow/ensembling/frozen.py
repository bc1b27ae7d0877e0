"""Fitted numbers as frozen layers of Keras's own: what estimators that became layers share."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.core.naming import auto_name


class NoLayers(Exception):
    """An estimator that cannot become layers; the message says why."""


def table(name: str, rows: np.ndarray) -> layers.Embedding:
    """A layer that gives the row of each number; float32 holds numbers below 2²⁴ exactly."""
    rows = rows.reshape(len(rows), -1)
    made = layers.Embedding(
        input_dim=len(rows), output_dim=rows.shape[1], trainable=False, name=auto_name(name)
    )
    made.build((None,))
    made.set_weights([rows])
    return made


def constant(x: Any, numbers: np.ndarray) -> Any:
    """The vector `numbers` for each row of `x`, whatever that holds: `(None, len(numbers))`."""
    width = x.shape[-1]
    return affine(ops.zeros_like(x), np.zeros((width, len(numbers))), numbers)


def affine(x: Any, kernel: np.ndarray, bias: np.ndarray) -> Any:
    """x K + b."""
    layer = layers.Dense(kernel.shape[1], trainable=False)
    out = layer(x)
    layer.set_weights([kernel, bias])
    return out


def less(x: Any, mean: np.ndarray, divisor: Any = 1.0) -> Any:
    """(x - mean) / divisor by columns; what float32 cuts off a large mean is taken away, too."""
    near = np.asarray(mean, "float32").astype("float64")
    rest, scale = np.broadcast_arrays((near - mean) / divisor, 1 / np.asarray(divisor))
    x = layers.Rescaling(1.0, (-near).tolist())(x)
    return layers.Rescaling(scale.tolist(), rest.tolist())(x)


def differences(x: Any, points: np.ndarray) -> Any:
    """x - p for each of the `points`, exact also where x and p are large: `(None, points, d)`."""
    rows = table("points", points)(constant(x, np.arange(len(points))))
    return ops.expand_dims(x, 1) - rows


def squared_distances(x: Any, points: np.ndarray) -> Any:
    """Σ (x - p)²: `(None, points)`."""
    return ops.sum(ops.square(differences(x, points)), axis=-1)


def matches(x: Any, column: int, names: np.ndarray) -> Any:
    """1 where the column holds the number, a column for each of `names`; a gap is none of them."""
    offsets: Any = (-names).tolist()
    same = ops.repeat(x[:, column : column + 1], len(names), axis=-1)
    return ops.cast(ops.equal(layers.Rescaling(1.0, offsets)(same), 0), "float32")


def first_largest(scores: Any, classes: int) -> Any:
    """1 for the class of the largest score, the first of equal ones, 0 for the others.

    It is no `argmax`, for which ONNX has no operators (Keras's looks at the sign of zeros).
    """
    top = ops.cast(scores >= ops.max(scores, axis=-1, keepdims=True), "float32")
    before = affine(top, np.triu(np.ones((classes, classes)), 1), np.zeros(classes))
    return top * ops.cast(before < 1, "float32")


def both(second: Any) -> Any:
    """The probabilities of two classes from that of the second, `(None, 1)`."""
    return layers.Concatenate()([1 - second, second])
