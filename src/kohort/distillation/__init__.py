"""Distillation: a small network (student) learns from a large one (teacher)."""

from kohort.core.registry import add_alias
from kohort.distillation.distiller import Distiller
from kohort.distillation.losses import DistillationLoss, FeatureDistillation, LogitsDistillation

for _class in (Distiller, FeatureDistillation, LogitsDistillation):
    add_alias("keras.distillation", _class.__name__, _class)

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]
