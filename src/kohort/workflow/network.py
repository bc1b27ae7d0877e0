"""The networks of the workflow: building, one fit on one fold, and the model that takes raw rows.

Everything here goes through the public API (`kohort.Sequential`, `compile`, `fit`), as a user
would write it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kohort
from kohort.workflow.encode import Scaler
from kohort.workflow.problem import Problem

NONE = 1e-7  # a factor too small to act: it keeps the structure, so nothing is compiled anew


@dataclass(frozen=True)
class Setting:
    """What one network is made of. L2 and dropout of None leave their operations away."""

    hidden: tuple[int, ...]
    learning_rate: float = 1e-3
    l2: float | None = None
    dropout: float | None = None

    def __str__(self) -> str:
        parts = ["-".join(map(str, self.hidden)) or "no hidden layer"]
        parts.append(f"learning rate {self.learning_rate:.2g}")
        if self.l2 is not None:
            parts.append(f"L2 {self.l2:.1g}" if self.l2 > NONE else "no L2")
        if self.dropout is not None:
            parts.append(f"dropout {self.dropout:.2f}" if self.dropout > NONE else "no dropout")
        return ", ".join(parts)

    def parameters(self, inputs: int, outputs: int) -> int:
        """The number of weights and biases."""
        widths = [inputs, *self.hidden, outputs]
        return sum((a + 1) * b for a, b in zip(widths[:-1], widths[1:], strict=True))


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


def build(setting: Setting, inputs: int, goal: Goal) -> Any:
    """A compiled `Sequential` of Dense (and Dropout) layers for features of shape `(inputs,)`."""
    layers = kohort.layers
    stack = [layers.Input((inputs,))]
    for units in setting.hidden:
        stack.append(layers.Dense(units, activation="relu", kernel_regularizer=_l2(setting)))
        if setting.dropout is not None:
            stack.append(layers.Dropout(setting.dropout))
    stack.append(layers.Dense(goal.outputs, activation=goal.activation))
    model = kohort.Sequential(stack)
    model.compile(kohort.optimizers.Adam(setting.learning_rate), loss=goal.loss)
    return model


def _l2(setting: Setting) -> Any:
    return None if setting.l2 is None else kohort.regularizers.L2(setting.l2)


def batch_size(rows: int) -> int:
    """Small batches for small data (more steps an epoch), large ones for large data."""
    return 16 if rows < 500 else 32 if rows < 5000 else 128


@dataclass(frozen=True)
class Fit:
    """One fit: its curves, the best epoch (from 1), predictions, and the shift of the target."""

    model: Any
    loss: list[float]
    val_loss: list[float]
    best_epoch: int
    shift: tuple[float, float]

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Probabilities or amounts, `(rows,)` where there is one output."""
        raw = np.asarray(
            self.model.predict(x, batch_size=min(len(x), 1024), verbose=0), dtype="float64"
        )
        mean, spread = self.shift
        out = raw * spread + mean
        return out[:, 0] if out.shape[1] == 1 else out


def fit(
    setting: Setting,
    goal: Goal,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray] | None,
    epochs: int,
    patience: int,
    seed: int,
) -> Fit:
    """Trains one network; with validation rows it keeps the weights of the best epoch.

    A regression's target is centred and scaled with the training rows' mean and deviation.
    """
    kohort.utils.set_random_seed(seed)
    x, y = train
    shift = (float(y.mean()), float(y.std()) or 1.0) if goal.task == "regression" else (0.0, 1.0)
    model = build(setting, x.shape[1], goal)
    callbacks, judge = [], None
    if validation is not None:
        judge = (validation[0], _scaled(validation[1], shift))
        callbacks.append(
            kohort.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)
        )
    history = model.fit(
        x,
        _scaled(y, shift),
        batch_size=batch_size(len(x)),
        epochs=epochs,
        validation_data=judge,
        validation_batch_size=min(len(judge[0]), 1024) if judge else None,
        callbacks=callbacks,
        verbose=0,
    ).history
    loss = [float(value) for value in history["loss"]]
    val_loss = [float(value) for value in history.get("val_loss", [])]
    finite = np.where(np.isfinite(val_loss), val_loss, np.inf)
    best = int(np.argmin(finite)) + 1 if len(finite) else len(loss)
    return Fit(model, loss, val_loss, best, shift)


def _scaled(y: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    if shift == (0.0, 1.0):
        return y
    return ((y - shift[0]) / shift[1]).astype("float32")


def raw_model(
    trained: Fit, setting: Setting, goal: Goal, scaler: Scaler, row_shape: tuple[int, ...] | None
) -> Any:
    """The same network in front of which the scaler stands as a frozen layer.

    It takes raw rows (gaps filled), of shape `row_shape` where rows are arrays, and gives
    probabilities, or amounts in the target's unit. Columns that did not vary get weight zero.
    """
    layers = kohort.layers
    width = len(scaler.mean)
    stack = [layers.Input(row_shape or (width,))]
    if row_shape:
        stack.append(layers.Flatten(name="flatten"))
    epsilon = 1e-12
    stack.append(
        layers.BatchNormalization(
            center=False, scale=False, epsilon=epsilon, trainable=False, name="standardise"
        )
    )
    body = build(setting, width, goal)
    stack += body.layers
    model = kohort.Sequential(stack, name="improved")
    weights = [np.array(value) for value in trained.model.get_weights()]
    weights[0][scaler.dead] = 0
    mean, spread = trained.shift
    weights[-2], weights[-1] = weights[-2] * spread, weights[-1] * spread + mean
    body.set_weights(weights)
    frozen = model.get_layer("standardise")
    frozen.set_weights([scaler.mean, scaler.spread.astype("float64") ** 2])
    model.compile(kohort.optimizers.Adam(setting.learning_rate), loss=goal.loss)
    model.optimizer.build(model.trainable_variables)  # so that the file can be trained on
    return model
