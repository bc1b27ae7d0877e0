"""Distiller: a model that trains a student on the labels and on a teacher's outputs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from kohort import losses, metrics, ops
from kohort.core import tree
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.distillation.losses import DistillationLoss
from kohort.errors import KohortWarning
from kohort.models import Model

_FINAL = "final_output"


class Distiller(Model):
    """Train `student` on the labels and on what `teacher` says.

    The loss is `w · student loss + (1 − w) · Σ wᵢ · distillation lossᵢ`. The teacher is frozen.
    Sample weights are not used, as in Keras.

    Args:
        teacher: a trained model.
        student: the model to train; it stays `distiller.student`.
        distillation_losses: one or a list: `LogitsDistillation`, `FeatureDistillation`, your own.
        distillation_loss_weights: their factors wᵢ; 1 unless told.
        student_loss_weight: w, from 0 to 1.
        name: the name of the model.

    >>> import kohort as keras
    >>> teacher = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> student = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> distiller = Distiller(teacher, student, keras.distillation.LogitsDistillation())
    >>> distiller.compile(loss="mse")
    >>> sorted(distiller.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0).history)
    ['distillation_loss', 'loss', 'student_loss', 'total_loss']

    Source: Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network", 2015.
    """

    public_module = "keras.distillation"

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: Any,
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ):
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        if not isinstance(student_loss_weight, (int, float)) or not 0 <= student_loss_weight <= 1:
            raise ValueError(
                "`student_loss_weight` must be a number between 0.0 and 1.0. "
                f"Received: student_loss_weight={student_loss_weight}"
            )
        self.teacher, self.student = teacher, student
        self.student_loss_weight = student_loss_weight
        parts, weights = _weighted(distillation_losses, distillation_loss_weights)
        self.distillation_losses, self.distillation_loss_weights = parts, weights
        for loss in parts:
            loss.validate_model_compatibility(teacher, student)
        self._teacher_feature_extractor = _extractor(teacher, _layers(parts, "teacher"))
        self._student_feature_extractor = _extractor(student, _layers(parts, "student"))
        teacher.trainable = False
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def compile(  # type: ignore[override]  # Keras's: the rest goes by name
        self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any
    ) -> None:
        """As `Model.compile`; `loss` is the student's for the labels, and has to be told."""
        if loss is None:
            raise ValueError(
                "'loss' cannot be `None`: it is the student's loss for the labels.\n"
                "  1. distiller.compile(loss='sparse_categorical_crossentropy')"
            )
        if metrics is not None and not isinstance(metrics, (list, tuple)):
            raise ValueError(f"`metrics` must be a list or tuple. Received: metrics={metrics}")
        self._student_loss = tree.map_structure(losses.get, loss)
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)
        self._compile_config["loss"] = loss

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile from what `get_compile_config` returned."""
        if config.get("loss") is None:
            warnings.warn(
                "Keras writes a Distiller without the student's loss, so that it is not compiled "
                "here.\n  1. Call `distiller.compile(loss=…)` after loading.",
                KohortWarning,
                stacklevel=2,
            )
            return
        super().compile_from_config(config)

    def call(self, inputs: Any, training: Any = None, **kwargs: Any) -> Any:
        """The student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The student's loss for the labels and the distance from the teacher, weighted."""
        y_pred = self(x, training=training) if y_pred is None else y_pred
        share = self.student_loss_weight
        student_loss = self._loss_of_labels(y, y_pred) if share > 0 and y is not None else 0.0
        distillation_loss = self._loss_of_teacher(x, y_pred) if share < 1 else 0.0
        total = share * student_loss + (1.0 - share) * distillation_loss
        self.student_loss_tracker.update_state(student_loss)
        self.distillation_loss_tracker.update_state(distillation_loss)
        self.total_loss_tracker.update_state(total)
        return total

    def _loss_of_labels(self, y: Any, y_pred: Any) -> Any:
        parts = tree.map_structure(
            lambda loss, true, found: loss(true, found), self._student_loss, y, y_pred
        )
        return ops.mean(sum(tree.flatten(parts)))

    def _loss_of_teacher(self, x: Any, y_pred: Any) -> Any:
        own, other = self._student_feature_extractor, self._teacher_feature_extractor
        teacher = {_FINAL: self.teacher(x, training=False)} if other is None else other(
            x, training=False
        )  # fmt: skip
        student = {_FINAL: y_pred} if own is None else {**own(x, training=True), _FINAL: y_pred}
        total = 0.0
        for loss, weight in zip(
            self.distillation_losses, self.distillation_loss_weights, strict=True
        ):
            pair = [
                features[getattr(loss, f"{role}_layer_name", None) or _FINAL]
                for role, features in (("teacher", teacher), ("student", student))
            ]
            loss.validate_outputs(*pair)
            found = loss.compute_loss(*pair)
            if len(getattr(found, "shape", ())) > 0:
                raise ValueError(
                    f"Distillation loss {type(loss).__name__} returned a non-scalar loss with "
                    f"shape {found.shape}. The compute_loss method must return a scalar tensor."
                )
            total = total + weight * found
        return total

    def get_config(self) -> dict[str, Any]:
        """Both models, the losses and the weights."""
        return {
            **super().get_config(),
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [serialize_keras_object(x) for x in self.distillation_losses],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make one from its configuration."""
        parts = ("teacher", "student", "distillation_losses")
        made = {k: deserialize_keras_object(config[k], custom_objects) for k in parts}
        return cls(**{**config, **made})


def _weighted(given: Any, weights: Sequence[float] | None) -> tuple[list[Any], list[float]]:
    """The losses and their weights, as lists of one length."""
    if given is None:
        raise ValueError(
            "'distillation_losses' cannot be `None`.\n"
            "  1. Give LogitsDistillation(), FeatureDistillation(…) or a list of such losses."
        )
    if isinstance(given, DistillationLoss) or not isinstance(given, (list, tuple)):
        return [given], [1.0]
    weights = [1.0] * len(given) if weights is None else list(weights)
    if len(weights) != len(given):
        raise ValueError(
            f"Number of distillation_loss_weights ({len(weights)}) must match number of "
            f"distillation_losses ({len(given)})"
        )
    return list(given), weights


def _layers(parts: list[Any], role: str) -> list[str]:
    """The layers of teacher or student that losses look at, each once."""
    names = (getattr(loss, f"{role}_layer_name", None) for loss in parts)
    return list(dict.fromkeys(name for name in names if name))


def _extractor(model: Any, names: list[str]) -> Any:
    """A model of the same layers that also gives the outputs of the named ones."""
    if not names:
        return None
    outputs = {_FINAL: model.output, **{name: model.get_layer(name).output for name in names}}
    return Model(model.inputs, outputs, name=f"{model.name}_multi_feature_extractor")


def _check_models(teacher: Any, student: Any) -> None:
    """Stop unless both are models whose inputs and outputs fit, as far as they are known."""
    for role, model in (("Teacher", teacher), ("Student", student)):
        if not isinstance(model, Model):
            raise ValueError(f"{role} must be a Model. Received: {model!r}")
    for side in ("input", "output"):
        ours, theirs = (getattr(model, f"{side}s", None) for model in (teacher, student))
        if ours is None or theirs is None:
            continue
        for a, b in zip(tree.flatten(ours), tree.flatten(theirs), strict=True):
            known = zip(a.shape, b.shape, strict=False)
            if len(a.shape) != len(b.shape) or any(None not in p and p[0] != p[1] for p in known):
                raise ValueError(
                    f"Teacher and student {side} shapes are incompatible. "
                    f"Teacher: {a.shape}, Student: {b.shape}. All dimensions must match."
                )
            if a.dtype != b.dtype:
                raise ValueError(
                    f"Teacher and student {side} dtypes must match. "
                    f"Teacher: {a.dtype}, Student: {b.dtype}."
                )
