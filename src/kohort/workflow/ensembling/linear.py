"""Linear models, naive Bayes and perceptrons of scikit-learn as layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort import layers, ops
from kohort.workflow.ensembling.ask import decide, say
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
_LINEAR = ("LinearModel", "LinearClassifierMixin", "SGDRegressor", *_LOG_LINK)


@decide.of(*_LINEAR)
def _raw(member: Any, x: Any) -> Any:
    """x w + b."""
    w = member.coef_.toarray() if hasattr(member.coef_, "toarray") else member.coef_
    w = np.atleast_2d(np.asarray(w, "float64"))
    return affine(x, w.T, np.broadcast_to(member.intercept_, len(w)))


@say.of(*_LINEAR)
def _linear(member: Any, x: Any) -> Any:
    """What the model makes of x w + b: amounts, probabilities or one vote."""
    raw = decide(member, x)
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


@say.of("GaussianNB")
def _naive_bayes(member: Any, x: Any) -> Any:
    """p(c | x) ∝ p(c) Πᵢ N(xᵢ; θ, σ²)."""
    spread = np.sqrt(member.var_)
    own = table("spread", 1 / spread)(constant(x, np.arange(len(spread))))
    z = differences(x, member.theta_) * own
    start = np.log(member.class_prior_) - np.log(spread).sum(axis=1)
    return layers.Softmax()(layers.Rescaling(-0.5, start.tolist())(ops.sum(ops.square(z), axis=-1)))


@say.of("MLPClassifier", "MLPRegressor")
def _perceptron(member: Any, x: Any) -> Any:
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
