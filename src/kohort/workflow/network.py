"""The networks of the workflow: what they are made of, and the model that takes raw rows.

Everything here goes through the public API (`kohort.Sequential`, `compile`), as a user would
write it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

import kohort
from kohort.workflow.encode import Scaler
from kohort.workflow.problem import Problem


@dataclass(frozen=True)
class Setting:
    """What one network is made of; 0 and False leave a means away.

    `max_norm` bounds the norm of each unit's incoming weights; `cosine` lets the learning rate
    fall to zero along half a cosine.
    """

    hidden: tuple[int, ...]
    learning_rate: float = 1e-3
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    max_norm: float = 0.0
    batch_norm: bool = False
    cosine: bool = False

    def __str__(self) -> str:
        parts = ["-".join(map(str, self.hidden)) or "no hidden layer"]
        parts.append(f"learning rate {self.learning_rate:.2g}")
        named = (("L1", self.l1), ("L2", self.l2), ("dropout", self.dropout))
        parts += [f"{name} {value:.2g}" for name, value in (*named, ("max-norm", self.max_norm))
                  if value]  # fmt: skip
        parts += ["batch normalisation"] if self.batch_norm else []
        parts += ["falling learning rate"] if self.cosine else []
        return ", ".join(parts)

    def parameters(self, inputs: int, outputs: int) -> int:
        """The number of weights and biases that are trained."""
        widths = [inputs, *self.hidden, outputs]
        dense = sum((a + 1) * b for a, b in zip(widths[:-1], widths[1:], strict=True))
        return dense + self.batch_norm * 2 * sum(self.hidden)


@dataclass(frozen=True)
class Goal:
    """What the output layer and the loss follow from."""

    task: str
    outputs: int

    @classmethod
    def of(cls, problem: Problem) -> Goal:
        return cls(problem.task, problem.outputs)

    @property
    def activation(self) -> str:
        names = {"multi-class": "softmax", "regression": "linear"}
        return names.get(self.task, "sigmoid")

    @property
    def loss(self) -> str:
        names = {"multi-class": "sparse_categorical_crossentropy", "regression": "mse"}
        return names.get(self.task, "binary_crossentropy")


def build(setting: Setting, inputs: int, goal: Goal, lean: bool = False) -> Any:
    """A compiled `Sequential` for features of shape `(inputs,)`.

    Regularisers and dropout of strength zero are there too, and do nothing, so that settings with
    and without them are one structure; `lean` leaves them away.
    """
    layers = kohort.layers
    stack = [layers.Input((inputs,))]
    for units in setting.hidden:
        stack += _hidden(setting, units, lean)
    stack.append(layers.Dense(goal.outputs, activation=goal.activation))
    model = kohort.Sequential(stack)
    model.compile(kohort.optimizers.Adam(setting.learning_rate), loss=goal.loss)
    return model


def _hidden(setting: Setting, units: int, lean: bool) -> list[Any]:
    layers, penalty, bound = kohort.layers, None, None
    if not lean or setting.l1 or setting.l2:
        penalty = kohort.regularizers.L1L2(setting.l1, setting.l2)
    if setting.max_norm:
        bound = kohort.constraints.MaxNorm(setting.max_norm)
    first = "linear" if setting.batch_norm else "relu"
    stack = [layers.Dense(units, first, kernel_regularizer=penalty, kernel_constraint=bound)]
    if setting.batch_norm:
        stack += [layers.BatchNormalization(momentum=0.9), layers.Activation("relu")]
    if not lean or setting.dropout:
        stack.append(layers.Dropout(setting.dropout))
    return stack


def batch_size(rows: int) -> int:
    """Small batches for small data (more steps an epoch), large ones for large data."""
    return 16 if rows < 500 else 32 if rows < 5000 else 128


def callbacks(setting: Setting, epochs: int, patience: int | None) -> list[Any]:
    """What steers a training of `epochs`: its schedule, and early stopping with `patience`."""
    made: list[Any] = []
    if setting.cosine:

        def rate(epoch: int) -> float:
            return setting.learning_rate * 0.5 * (1 + math.cos(math.pi * epoch / epochs))

        made.append(kohort.callbacks.LearningRateScheduler(rate))
    if patience is not None:
        stop = kohort.callbacks.EarlyStopping
        made.append(stop("val_loss", patience=patience, restore_best_weights=True))
    return made


def raw_model(
    bodies: list[Any],
    weights: list[float],
    scaler: Scaler,
    shift: tuple[float, float],
    row_shape: tuple[int, ...] | None,
) -> Any:
    """One model of the trained `bodies`, in front of which the scaler stands as a frozen layer.

    It takes raw rows (gaps filled), of shape `row_shape` where rows are arrays, and gives
    probabilities, or amounts in the target's unit: the mean of the bodies by `weights`. Columns
    that did not vary get weight zero.
    """
    layers = kohort.layers
    width = len(scaler.mean)
    for body in bodies:
        _into_own_unit(body, scaler.dead, shift)
    inputs = layers.Input(row_shape or (width,))
    x = layers.Flatten(name="flatten")(inputs) if row_shape else inputs
    frozen = layers.BatchNormalization(
        center=False, scale=False, epsilon=1e-12, trainable=False, name="standardise"
    )
    x = frozen(x)
    frozen.set_weights([scaler.mean, scaler.spread.astype("float64") ** 2])
    if len(bodies) == 1:
        for layer in bodies[0].layers:
            x = layer(x)
        model = kohort.Model(inputs, x, name="improved")
    else:
        parts = []
        for number, (body, weight) in enumerate(zip(bodies, weights, strict=True)):
            member = kohort.Sequential(body.layers, name=f"member_{number}")  # not compiled
            parts.append(layers.Rescaling(weight, name=f"weight_{number}")(member(x)))
        model = kohort.Model(inputs, layers.Add(name="mean")(parts), name="improved")
    model.compile(kohort.optimizers.Adam(), loss=bodies[0].loss)
    model.optimizer.build(model.trainable_variables)  # so that the file can be trained on
    return model


def _into_own_unit(body: Any, dead: np.ndarray, shift: tuple[float, float]) -> None:
    """Dead columns get weight zero; the last layer answers in the target's unit."""
    first, last = (
        next(layer for layer in order if isinstance(layer, kohort.layers.Dense))
        for order in (body.layers, body.layers[::-1])
    )
    kernel, bias = (np.array(value) for value in first.get_weights())
    kernel[dead] = 0
    first.set_weights([kernel, bias])
    kernel, bias = last.get_weights()
    mean, spread = shift
    last.set_weights([kernel * spread, bias * spread + mean])
