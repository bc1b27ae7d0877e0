"""Linear models, naive Bayes and perceptrons of scikit-learn as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.ensembling.frozen import (
    NoLayers,
    affine,
    both,
    constant,
    differences,
    first_largest,
    table,
)

_LOG_LINK = ("PoissonRegressor", "GammaRegressor")
_SOFTMAX = ("LinearDiscriminantAnalysis",)
_BASES = {"LinearModel", "LinearClassifierMixin", "SGDRegressor", *_LOG_LINK}


def is_linear(member: Any) -> bool:
    """Whether it says a function of x w + b."""
    return any(c.__name__ in _BASES for c in type(member).__mro__) and hasattr(member, "coef_")


def linear(member: Any, x: Any) -> Any:
    """x w + b, and what the model makes of it: amounts, probabilities or one vote."""
    w = np.atleast_2d(np.asarray(member.coef_, "float64"))
    if hasattr(member.coef_, "toarray"):
        w = member.coef_.toarray()
    raw = affine(x, w.T, np.broadcast_to(member.intercept_, len(w)))
    if not hasattr(member, "classes_"):
        return ops.exp(raw) if type(member).__name__ in _LOG_LINK else raw
    return _chances(member, raw) if hasattr(member, "predict_proba") else _vote(raw)


def _vote(raw: Any) -> Any:
    if raw.shape[-1] == 1:
        return both(ops.cast(raw > 0, "float32"))
    return first_largest(raw, raw.shape[-1])


def _chances(member: Any, raw: Any) -> Any:
    kind = type(member).__name__
    if kind == "SGDClassifier" and member.loss != "log_loss":
        raise NoLayers(f"loss={member.loss!r}")
    if raw.shape[-1] == 1:
        return both(layers.Activation("sigmoid")(raw))
    if kind in _SOFTMAX or (kind.startswith("LogisticRegression") and not _one_for_each(member)):
        return layers.Softmax()(raw)
    each = layers.Activation("sigmoid")(raw)
    return each / ops.sum(each, axis=-1, keepdims=True)


def _one_for_each(member: Any) -> bool:
    """Whether a logistic regression of several classes was trained as one of each."""
    return getattr(member, "multi_class", None) == "ovr" or member.solver == "liblinear"


def naive_bayes(member: Any, x: Any) -> Any:
    """p(c | x) ∝ p(c) Πᵢ N(xᵢ; θ, σ²)."""
    spread = np.sqrt(member.var_)
    own = table("spread", 1 / spread)(constant(x, np.arange(len(spread))))
    z = differences(x, member.theta_) * own
    start = np.log(member.class_prior_) - np.log(spread).sum(axis=1)
    return layers.Softmax()(layers.Rescaling(-0.5, start.tolist())(ops.sum(ops.square(z), axis=-1)))


def perceptron(member: Any, x: Any) -> Any:
    """`MLPClassifier` and `MLPRegressor`: dense layers."""
    names = {"identity": "linear", "logistic": "sigmoid"}
    for number, (w, b) in enumerate(zip(member.coefs_, member.intercepts_, strict=True), 1):
        last = number == len(member.coefs_)
        activation = member.out_activation_ if last else member.activation
        x = layers.Activation(names.get(activation, activation))(affine(x, w, b))
    if getattr(member, "classes_", None) is None:
        return x
    if np.ndim(member.classes_) != 1 or getattr(member, "_label_binarizer", None) is None:
        raise NoLayers("several labels")
    return both(x) if x.shape[-1] == 1 else x
