"""The networks of the workflow: what they are made of, and the model that takes raw rows.

Everything here goes through the public API (`kohort.Sequential`, `compile`), as a user would
write it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import kohort
from kohort.workflow.encode import Scaler
from kohort.workflow.problem import Problem

SCHEDULES = {
    "cosine": "cosine decay",
    "exponential": "exponential decay",
    "plateau": "decay on plateaus",
}


@dataclass(frozen=True)
class Setting:
    """What one network is made of; 0 and False leave a means away.

    `filters` are those of 3 x 3 convolutions, each halved by pooling, before the hidden layers;
    `embedding` gives each word of a text so many numbers, whose sum goes on. `max_norm` bounds the
    norm of each unit's incoming weights; `schedule` lets the learning rate fall: along half a
    cosine to zero (`"cosine"`), by a constant factor an epoch to a hundredth (`"exponential"`), or
    by half where the training loss falls no more (`"plateau"`).
    """

    hidden: tuple[int, ...]
    learning_rate: float = 1e-3
    filters: tuple[int, ...] = ()
    embedding: int = 0
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    max_norm: float = 0.0
    batch_norm: bool = False
    schedule: str = ""

    @property
    def size(self) -> str:
        """The layers, as people read them."""
        parts = [f"convolutions {_joined(self.filters)}"] if self.filters else []
        parts += [f"embedding {self.embedding}"] if self.embedding else []
        parts += [_joined(self.hidden)] if self.hidden else []
        return " + ".join(parts) or "no hidden layer"

    @property
    def structure(self) -> tuple[Any, ...]:
        """Equal where networks differ in strengths alone, and so share a compiled program."""
        return self.hidden, self.filters, self.embedding, self.max_norm > 0, self.batch_norm

    def __str__(self) -> str:
        parts = [self.size]
        parts.append(f"learning rate {self.learning_rate:.2g}")
        named = (("L1", self.l1), ("L2", self.l2), ("dropout", self.dropout))
        parts += [f"{name} {value:.2g}" for name, value in (*named, ("max-norm", self.max_norm))
                  if value]  # fmt: skip
        parts += ["batch normalisation"] if self.batch_norm else []
        parts += [SCHEDULES[self.schedule]] if self.schedule else []
        return ", ".join(parts)

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Setting:
        """A setting that was written as JSON, which knows no tuples."""
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in saved.items()
        }
        return cls(**plain)


def _joined(sizes: tuple[int, ...]) -> str:
    return "-".join(map(str, sizes))


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


def build(setting: Setting, shape: tuple[int, ...], goal: Goal, lean: bool = False) -> Any:
    """A compiled `Sequential` for rows of numbers, flat, where rows are images of shape `shape`.

    Regularisers and dropout of strength zero are there too, and do nothing, so that settings with
    and without them are one structure; `lean` leaves them away.
    """
    layers = kohort.layers
    stack = [layers.Input((math.prod(shape),))]
    if setting.filters:
        stack.append(layers.Reshape(shape if len(shape) == 3 else (*shape, 1)))
        for filters in setting.filters:
            stack += _convolution(setting, filters, lean)
        stack.append(layers.Flatten())
    if setting.embedding:
        # Rows of 0 and 1 of one length: the product is the sum of the vectors of a text's words.
        stack.append(layers.UnitNormalization())
        stack.append(layers.Dense(setting.embedding, use_bias=False, name="embedding"))
    for units in setting.hidden:
        stack += _hidden(setting, units, lean)
    stack.append(layers.Dense(goal.outputs, activation=goal.activation))
    model = kohort.Sequential(stack)
    model.compile(kohort.optimizers.Adam(setting.learning_rate), loss=goal.loss)
    return model


def _hidden(setting: Setting, units: int, lean: bool) -> list[Any]:
    layers, bound = kohort.layers, None
    if setting.max_norm:
        bound = kohort.constraints.MaxNorm(setting.max_norm)
    held: dict[str, Any] = {"kernel_regularizer": _penalty(setting, lean)}
    stack = _activated(setting, layers.Dense, units, **held, kernel_constraint=bound)
    if not lean or setting.dropout:
        stack.append(layers.Dropout(setting.dropout))
    return stack


def _convolution(setting: Setting, filters: int, lean: bool) -> list[Any]:
    """A convolution, and the largest of four neighbours each: half as high and wide."""
    layers, penalty = kohort.layers, _penalty(setting, lean)
    stack = _activated(
        setting, layers.Conv2D, filters, kernel_size=3, padding="same", kernel_regularizer=penalty
    )
    return [*stack, layers.MaxPooling2D(2)]


def _penalty(setting: Setting, lean: bool) -> Any:
    if lean and not setting.l1 and not setting.l2:
        return None
    return kohort.regularizers.L1L2(setting.l1, setting.l2)


def _activated(setting: Setting, kind: Any, units: int, **options: Any) -> list[Any]:
    """A layer with its activation; batch normalisation stands before that."""
    if not setting.batch_norm:
        return [kind(units, activation="relu", **options)]
    layers = kohort.layers
    normalised = layers.BatchNormalization(momentum=0.9)
    return [kind(units, **options), normalised, layers.Activation("relu")]


def batch_size(rows: int) -> int:
    """Small batches for small data (more steps an epoch), large ones for large data."""
    return 16 if rows < 500 else 32 if rows < 5000 else 128


_SHARES: dict[str, Callable[[float], float]] = {  # of the first rate, by the time that has passed
    "cosine": lambda t: 0.5 * (1 + math.cos(math.pi * t)),
    "exponential": lambda t: 0.01**t,
}


def callbacks(setting: Setting, epochs: int, patience: int | None) -> list[Any]:
    """What steers a training of `epochs`: its schedule, and early stopping with `patience`."""
    made: list[Any] = []
    if setting.schedule == "plateau":
        # Of the training loss: the last fit, on all rows, has no other.
        made.append(kohort.callbacks.ReduceLROnPlateau("loss", 0.5, max(2, epochs // 12)))
    elif setting.schedule:
        share = _SHARES[setting.schedule]

        def rate(epoch: int) -> float:
            return setting.learning_rate * share(epoch / epochs)

        made.append(kohort.callbacks.LearningRateScheduler(rate))
    if patience is not None:
        stop = kohort.callbacks.EarlyStopping
        made.append(stop("val_loss", patience=patience, restore_best_weights=True))
    return made


_WITHOUT_WEIGHT = 1e15  # a spread so large that nothing is left of the column


def raw_model(
    bodies: list[Any],
    weights: list[float],
    scaler: Scaler,
    shift: tuple[float, float],
    row_shape: tuple[int, ...] | None,
    finish: Callable[[Any], Any] = lambda outputs: outputs,
) -> Any:
    """One model of the trained `bodies`, in front of which the scaler stands as a frozen layer.

    It takes raw rows (gaps filled), of shape `row_shape` where rows are arrays, and gives
    probabilities, or amounts in the target's unit: the mean of the bodies by `weights`, with the
    layers that `finish` puts behind. Columns that did not vary become zero, whatever comes.
    """
    layers = kohort.layers
    width = len(scaler.mean)
    for body in bodies:
        _into_own_unit(body, shift)
    inputs = layers.Input(row_shape or (width,))
    x = layers.Flatten(name="flatten")(inputs) if row_shape else inputs
    frozen = layers.BatchNormalization(
        center=False, scale=False, epsilon=1e-12, trainable=False, name="standardise"
    )
    x = frozen(x)
    spread = np.where(scaler.dead, _WITHOUT_WEIGHT, scaler.spread)
    frozen.set_weights([scaler.mean, spread.astype("float64") ** 2])
    if len(bodies) == 1:
        for layer in bodies[0].layers:
            x = layer(x)
    else:
        parts = []
        for number, (body, weight) in enumerate(zip(bodies, weights, strict=True)):
            member = kohort.Sequential(body.layers, name=f"member_{number}")  # not compiled
            parts.append(layers.Rescaling(weight, name=f"weight_{number}")(member(x)))
        x = layers.Add(name="mean")(parts)
    model = kohort.Model(inputs, finish(x), name="improved")
    model.compile(kohort.optimizers.Adam(), loss=bodies[0].loss)
    model.optimizer.build(model.trainable_variables)  # so that the file can be trained on
    return model


def _into_own_unit(body: Any, shift: tuple[float, float]) -> None:
    """The last layer answers in the target's unit."""
    last = next(x for x in reversed(body.layers) if isinstance(x, kohort.layers.Dense))
    kernel, bias = last.get_weights()
    mean, spread = shift
    last.set_weights([kernel * spread, bias * spread + mean])
