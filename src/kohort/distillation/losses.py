"""How far a student's outputs, or its features, are from the teacher's."""

from __future__ import annotations

from typing import Any

from kohort import losses, ops
from kohort.core import tree
from kohort.core.serialization import serialize_keras_object


class DistillationLoss:
    """What a student is to learn from a teacher; subclasses write `compute_loss`."""

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """A number: how far the student's outputs are from the teacher's."""
        raise NotImplementedError("Subclasses must implement compute_loss")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Stop where the outputs of the two have not one structure."""
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Stop where the loss cannot be computed for these models."""


class _ByOutput(DistillationLoss):
    """A loss for each output, None to leave one out; their means are added up."""

    loss: Any

    def _take(self, loss: Any) -> None:
        self.loss = tree.map_structure(lambda one: one if one is None else losses.get(one), loss)
        if all(one is None for one in tree.flatten(self.loss)):
            raise ValueError(
                f"The `loss` argument in `{type(self).__name__}` must contain at least one "
                f"non-`None` value. Received: loss={loss}"
            )

    def _of_one(self, loss: Any, teacher: Any, student: Any) -> Any:
        return ops.mean(loss(teacher, student))

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The sum of the outputs' mean losses."""
        parts = tree.map_structure(
            lambda loss, *pair: 0.0 if loss is None else self._of_one(loss, *pair),
            self.loss, teacher_outputs, student_outputs,
        )  # fmt: skip
        return sum(tree.flatten(parts))

    def get_config(self) -> dict[str, Any]:
        """The losses, as files hold them."""
        return {"loss": serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make one from its configuration."""
        return cls(**{**config, "loss": _losses_of(config["loss"])})


def _losses_of(config: Any) -> Any:
    """Losses out of a configuration: a name, a loss's own dict, or a structure of these."""
    if isinstance(config, (list, tuple)):
        return type(config)(_losses_of(one) for one in config)
    if isinstance(config, dict) and "class_name" not in config:
        return {key: _losses_of(one) for key, one in config.items()}
    return losses.deserialize(config) if isinstance(config, dict) else config


class LogitsDistillation(_ByOutput):
    """The loss between the outputs of teacher and student, both divided by a temperature T.

    With the Kullback-Leibler divergence, `T² · KL(softmax(t / T) ‖ softmax(s / T))` of the logits
    t and s; any other loss sees `t / T` and `s / T`. (Keras takes the softmax only for a
    `KLDivergence` object, not for its default, the name.)

    Args:
        temperature: above 1 the teacher's probabilities become softer, so that the student sees
            how the teacher ranks the wrong classes.
        loss: a name or a `Loss`, or a structure of them as the outputs have; None leaves an
            output out.

    >>> float(LogitsDistillation(2.0).compute_loss(np.array([[2.0, 0.0]]), np.array([[0.0, 0.0]])))
    0.443

    Source: Hinton, Vinyals & Dean, "Distilling the knowledge in a neural network", 2015.
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence"):
        if not isinstance(temperature, (int, float)) or temperature <= 0:
            raise ValueError(
                f"`temperature` must be a number above 0. Received: temperature={temperature}"
            )
        self.temperature = temperature
        self._take(loss)

    def _of_one(self, loss: Any, teacher: Any, student: Any) -> Any:
        teacher, student = (ops.divide(x, self.temperature) for x in (teacher, student))
        divergence = isinstance(loss, losses.KLDivergence) or loss is losses.kl_divergence
        if not divergence:
            return super()._of_one(loss, teacher, student)
        found = super()._of_one(loss, ops.softmax(teacher), ops.softmax(student))
        return found * self.temperature**2

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {"temperature": self.temperature, **super().get_config()}


class FeatureDistillation(_ByOutput):
    """The loss between the outputs of a layer of the teacher and of one of the student.

    Args:
        loss: a name or a `Loss`, or a structure of them as the outputs have; None leaves an
            output out.
        teacher_layer_name, student_layer_name: the layers; None: the models' outputs.

    >>> float(FeatureDistillation("mae").compute_loss(np.array([[1.0, 3.0]]), np.zeros((1, 2))))
    2.0

    Source: Romero et al., "FitNets: hints for thin deep nets", 2014.
    """

    def __init__(
        self,
        loss: Any = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ):
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name
        self._take(loss)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Stop where a model has no such layer, or is subclassed: then no layer is known."""
        models = {"teacher": teacher, "student": student}
        names = {"teacher": self.teacher_layer_name, "student": self.student_layer_name}
        if any(names.values()):
            unknown = [role for role, m in models.items() if getattr(m, "inputs", None) is None]
            if unknown:
                raise ValueError(
                    "FeatureDistillation with specific layer names requires Functional or "
                    f"Sequential models. Received: a subclassed {' and '.join(unknown)}.\n"
                    "  1. Leave the layer names out: the outputs are compared."
                )
        for role, name in names.items():
            try:
                if name is not None:
                    models[role].get_layer(name=name)
            except ValueError as error:
                raise ValueError(f"In {role} model: {error}") from error

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Stop where the outputs, or the losses for them, have not one structure."""
        super().validate_outputs(teacher_outputs, student_outputs)
        try:
            tree.assert_same_structure(self.loss, teacher_outputs)
        except ValueError as error:
            raise ValueError(f"Loss structure mismatch: loss={self.loss}. {error}") from error

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        layers = ("teacher_layer_name", "student_layer_name")
        return {**super().get_config(), **{name: getattr(self, name) for name in layers}}
