"""Calibration as layers of the model: Keras's own, so that the file opens in Keras, too."""

from __future__ import annotations

from typing import Any

import numpy as np

import kohort
from kohort.core.naming import auto_name
from kohort.workflow.calibrate import LEAST, Calibration

NARROW = 1e-6  # a step of probability that float32 still tells apart


def calibrated(p: Any, calibration: Calibration) -> Any:
    """The tensor of probabilities `(None, outputs)` as it should be read.

    The layers compute what `Calibration.apply` does, and learn nothing more.

    >>> inputs = kohort.Input((1,))
    >>> halved = calibrated(inputs, Calibration("isotonic", [[[0.0, 1.0], [0.0, 0.5]]]))
    >>> kohort.Model(inputs, halved).predict(np.array([[0.2], [0.6]]), verbose=0).tolist()
    [[0.1], [0.3]]
    """
    if calibration.kind == "none":
        return p
    mapped = (_platt if calibration.kind == "sigmoid" else stairs)(p, calibration.maps)
    if len(calibration.maps) == 1:
        return mapped
    total = kohort.ops.sum(mapped, axis=-1, keepdims=True)
    return mapped / kohort.ops.maximum(total, 1e-12)


def _platt(p: Any, maps: list[list[list[float]]]) -> Any:
    """σ(a log(p / (1 - p)) + b) of each class."""
    layers, ops = kohort.layers, kohort.ops
    scale, offset = ([float(m[part][0]) for m in maps] for part in (0, 1))
    q = ops.clip(p, LEAST, 1 - LEAST)
    logits = ops.log(q) - ops.log(1 - q)
    scaled = layers.Rescaling(scale, offset, name=auto_name("calibration"))(logits)
    return layers.Activation("sigmoid", name=auto_name("calibrated"))(scaled)


def stairs(p: Any, maps: list[list[list[float]]]) -> Any:
    """y₀ + Σᵢ (yᵢ₊₁ - yᵢ) clip((p - xᵢ) / (xᵢ₊₁ - xᵢ), 0, 1): the line through the points.

    `relu6` is the clipping, of six times the argument; a constant map has one step of height 0.
    """
    lines = [(np.array(m[0]), np.array(m[1])) for m in maps]
    lines = [(x, y) if len(x) > 1 else (np.r_[x, x + 1], np.r_[y, y]) for x, y in lines]
    steps = [len(x) - 1 for x, _ in lines]
    which = np.repeat(np.arange(len(lines)), steps)
    rise = np.zeros((len(lines), len(which)))
    sharp = 6 / np.maximum(np.concatenate([np.diff(x) for x, _ in lines]), NARROW)
    rise[which, np.arange(len(which))] = sharp
    start = np.concatenate([x[:-1] for x, _ in lines])
    height = np.zeros((len(which), len(lines)))
    height[np.arange(len(which)), which] = np.concatenate([np.diff(y) for _, y in lines]) / 6
    up = kohort.layers.Dense(len(which), "relu6", trainable=False, name=auto_name("calibration"))
    joined = kohort.layers.Dense(len(lines), trainable=False, name=auto_name("calibrated"))
    out = joined(up(p))
    up.set_weights([rise, -start * sharp])
    joined.set_weights([height, np.array([y[0] for _, y in lines])])
    return out
