"""Units that do no work: always 0 behind a relu, or always at the end of a sigmoid or tanh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kohort.workflow.diagnose.finding import Finding


def idle_units(activations: Mapping[str, Any]) -> list[Finding]:
    """Findings for the outputs of hidden layers, name -> array `(rows, …, units)`.

    A unit is dead when it gives the same value for all rows (0, behind a relu), and saturated when
    nine in ten of its values lie within 1 % of the ends of a bounded range (-1 or 0 to 1).

    >>> print(idle_units({"dense": np.array([[0.0, 0.3], [0.0, 0.4]])})[0].evidence)
    1 of 2 units of dense give the same value for all rows.
    """
    dead, saturated, share, full = [], [], 0.0, 0.0
    for name, values in activations.items():
        outputs = np.asarray(values, "float64")
        outputs = outputs.reshape(-1, outputs.shape[-1])
        same = np.ptp(outputs, axis=0) <= 1e-12
        if same.any():
            dead.append(f"{same.sum()} of {len(same)} units of {name}")
            share = max(share, float(same.mean()))
        low, high = outputs.min(), outputs.max()
        if high <= 1 + 1e-6 and high > 0.99 and (low >= 0 or -1 - 1e-6 <= low < -0.99):
            ends = (np.abs(outputs - 1) < 0.01) | (np.abs(outputs - (0 if low >= 0 else -1)) < 0.01)
            stuck = (ends.mean(axis=0) > 0.9) & ~same
            if stuck.any():
                saturated.append(f"{stuck.sum()} of {len(stuck)} units of {name}")
                full = max(full, float(stuck.mean()))
    found = []
    if dead:
        words = f"{', '.join(dead)} give the same value for all rows."
        remedies = (
            "a smaller learning rate: large steps push relu units below 0 for good",
            'kernel_initializer="he_normal", and inputs scaled to mean 0 and spread 1',
            'activation="leaky_relu" or "elu", or BatchNormalization before it',
        )
        found.append(Finding("dead_units", float(np.clip(1.2 * share, 0.05, 1)), words, remedies))
    if saturated:
        words = f"{', '.join(saturated)} lie at the ends of their range for nine rows in ten."
        relu = ("relu in hidden layers", "smaller first weights, scaled inputs")
        found.append(Finding("saturated_units", float(np.clip(full, 0.05, 0.9)), words, relu))
    return found


def hidden_outputs(model: Any, x: Any, rows: int = 512) -> dict[str, np.ndarray]:
    """What each hidden layer with an activation gives for (at most) the first `rows` rows of `x`.

    The model's own outputs are left out: there, a class that never occurs is no dead unit. Of a
    subclassed model nothing is known but its outputs.
    """
    from kohort.models import Model, Sequential

    if isinstance(model, Sequential):
        values, out = x[:rows], {}
        for layer in model.layers[:-1]:
            values = layer(values)
            if _activates(layer):
                out[layer.name] = np.asarray(values)
        return out
    ends = {id(output) for output in getattr(model, "outputs", None) or []}
    hidden = [layer for layer in model.layers if _activates(layer)] if ends else []
    layers = [layer for layer in hidden if id(layer.output) not in ends]
    if not layers:
        return {}
    inner = Model(model.inputs, [layer.output for layer in layers])
    outputs = inner.predict(x[:rows], verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    return {layer.name: np.asarray(out) for layer, out in zip(layers, outputs, strict=True)}


def _activates(layer: Any) -> bool:
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return activation not in ("linear", "softmax") or "ReLU" in type(layer).__name__
