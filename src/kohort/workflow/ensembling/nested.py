"""Estimators of scikit-learn that hold another one: pipelines, stacks, calibration, as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.calibration_layers import stairs
from kohort.workflow.ensembling.ask import Answer, decide, passes_on, say, vote
from kohort.workflow.ensembling.frozen import NoLayers, affine, both
from kohort.workflow.ensembling.steps import step


@passes_on("Pipeline")
def _pipeline(fitted: Any, x: Any) -> tuple[Any, Any]:
    for _, before in fitted.steps[:-1]:
        x = step(before, x)
    return fitted.steps[-1][1], x


@passes_on("BaseSearchCV")
def _search(fitted: Any, x: Any) -> tuple[Any, Any]:
    return fitted.best_estimator_, x


@passes_on("FrozenEstimator")
def _frozen(fitted: Any, x: Any) -> tuple[Any, Any]:
    return fitted.estimator, x


@passes_on("StackingClassifier", "StackingRegressor")
def _stack(fitted: Any, x: Any) -> tuple[Any, Any]:
    """The final estimator, and what the first ones say, side by side."""
    if isinstance(getattr(fitted, "_label_encoder", None), list):
        raise NoLayers("several labels")
    two = len(getattr(fitted, "classes_", ())) == 2
    told = []
    for member, method in zip(fitted.estimators_, fitted.stack_method_, strict=True):
        one = _METHODS[method](member, x)
        told.append(one[:, 1:] if two and method == "predict_proba" else one)
    told += [x] if fitted.passthrough else []
    return fitted.final_estimator_, layers.Concatenate()(told) if len(told) > 1 else told[0]


def _predicted(member: Any, x: Any) -> Any:
    """`predict`: amounts, or the class as a number."""
    if not hasattr(member, "classes_"):
        return say(member, x)
    names = np.asarray(member.classes_)
    if names.dtype.kind not in "fiub":
        raise NoLayers("a stack of classes that are texts")
    return affine(vote(member, x), names.astype("float64")[:, None], np.zeros(1))


_METHODS: dict[str, Answer] = {
    "predict_proba": say,
    "decision_function": decide,
    "predict": _predicted,
}


@say.of("CalibratedClassifierCV")
def _calibrated(fitted: Any, x: Any) -> Any:
    """The mean of the calibrated classifiers, one for each fold."""
    told = [_one_calibrated(one, x) for one in fitted.calibrated_classifiers_]
    return layers.Average()(told) if len(told) > 1 else told[0]


def _one_calibrated(one: Any, x: Any) -> Any:
    inner, classes = one.estimator, len(one.classes)
    if len(inner.classes_) != classes:
        raise NoLayers("CalibratedClassifierCV with a fold that lacks a class")
    known = not hasattr(inner, "decision_function")
    z = say(inner, x) if known else decide(inner, x)
    if one.method == "temperature":
        pair = z if z.shape[-1] > 1 else layers.Concatenate()([-z, z])
        logits = ops.log(pair + 1e-12) if known else pair
        return layers.Softmax()(logits * float(one.calibrators[0].beta_))
    z = z[:, 1:] if known and classes == 2 else z
    if z.shape[-1] != len(one.calibrators):
        raise NoLayers('CalibratedClassifierCV of decision_function_shape="ovo"')
    mapped = _MAPS[one.method](one.calibrators, z)
    if classes == 2:
        return both(mapped)
    total = ops.sum(mapped, axis=-1, keepdims=True)
    return ops.where(total > 0, mapped / ops.where(total > 0, total, 1.0), 1 / classes)


def _sigmoid(maps: list[Any], z: Any) -> Any:
    slope: Any = [-float(m.a_) for m in maps]
    offset: Any = [-float(m.b_) for m in maps]
    return layers.Activation("sigmoid")(layers.Rescaling(slope, offset)(z))


def _isotonic(maps: list[Any], z: Any) -> Any:
    return stairs(z, [[m.X_thresholds_.tolist(), m.y_thresholds_.tolist()] for m in maps])


_MAPS = {"sigmoid": _sigmoid, "isotonic": _isotonic}
