"""Losses: Keras's classes and functions.

Settings that are numbers (label smoothing, delta, gamma, …) are hyperparameter leaves.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from kohort.core import registry
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    categorical_generalized_cross_entropy,
    sparse_categorical_crossentropy,
)
from kohort.losses.ctc import CTC, ctc
from kohort.losses.divergence import KLDivergence, Poisson, kl_divergence, poisson
from kohort.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
)
from kohort.losses.hinge import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from kohort.losses.loss import Loss, LossFunctionWrapper
from kohort.losses.overlap import Dice, Tversky, dice, tversky
from kohort.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from kohort.losses.similarity import Circle, circle

CLASSES = (
    Loss, LossFunctionWrapper, KLDivergence, Poisson, BinaryCrossentropy, BinaryFocalCrossentropy,
    CategoricalCrossentropy, CategoricalFocalCrossentropy, SparseCategoricalCrossentropy,
    CategoricalGeneralizedCrossEntropy, MeanSquaredError, MeanAbsoluteError,
    MeanAbsolutePercentageError, MeanSquaredLogarithmicError, CosineSimilarity, LogCosh, Huber,
    Hinge, SquaredHinge, CategoricalHinge, Dice, Tversky, Circle, CTC,
)  # fmt: skip
FUNCTIONS = (
    kl_divergence, poisson, binary_crossentropy, binary_focal_crossentropy,
    categorical_crossentropy, categorical_focal_crossentropy, sparse_categorical_crossentropy,
    categorical_generalized_cross_entropy, mean_squared_error, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_logarithmic_error, cosine_similarity, log_cosh,
    huber, hinge, squared_hinge, categorical_hinge, dice, tversky, circle, ctc,
)  # fmt: skip

bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
mae = MAE = mean_absolute_error
mse = MSE = mean_squared_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
logcosh = log_cosh

ALIASES = {
    "bce": bce, "BCE": BCE, "kld": kld, "KLD": KLD, "mae": mae, "MAE": MAE, "mse": mse, "MSE": MSE,
    "mape": mape, "MAPE": MAPE, "msle": msle, "MSLE": MSLE, "logcosh": log_cosh,
    "kullback_leibler_divergence": kl_divergence, "huber_loss": huber,
    "cosine_proximity": cosine_similarity,
}  # fmt: skip
"""Short names, and those of Keras 2."""

NAMES: dict[str, Any] = {obj.__name__: obj for obj in (*CLASSES, *FUNCTIONS)} | ALIASES

for _function in FUNCTIONS:
    registry.add_alias("keras.losses", _function.__name__, _function)


class Reduction:
    """The reductions by the names of Keras 2.

    >>> Reduction.SUM
    'sum'
    """

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    NONE = "none"
    SUM = "sum"


def serialize(loss: Any) -> Any:
    """Return the configuration of a loss or a loss function.

    >>> serialize(mean_squared_error)["config"]
    'mean_squared_error'
    """
    return serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make the loss, or find the function, that a configuration describes.

    >>> deserialize(serialize(Huber(delta=2.0))).delta
    2.0
    """
    return deserialize_keras_object(name, custom_objects=custom_objects, module_objects=NAMES)


def get(identifier: Any) -> Any:
    """Return a loss or a loss function for a name, configuration, class, function or loss.

    >>> get("mse").__name__, get("MeanSquaredError").name
    ('mean_squared_error', 'mean_squared_error')
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        found = deserialize(identifier)
    elif isinstance(identifier, str):
        found = registry.get_registered_object(identifier, module_objects=NAMES)
    else:
        found = identifier
    if not callable(found):
        raise ValueError(
            f"Could not interpret loss identifier: {identifier}. Known names: "
            f"{', '.join(sorted(NAMES))}"
        )
    return found() if inspect.isclass(found) else found


def is_binary_or_sparse_categorical(y_true: Any, y_pred: Any) -> tuple[bool, bool]:
    """Whether labels and predictions (anything with a shape) are of these two kinds.

    >>> import numpy as np
    >>> is_binary_or_sparse_categorical(np.zeros((8,)), np.zeros((8, 10)))
    (False, True)
    """
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    one_label = true[-1:] == (1,) and pred[-1:] > (1,)
    return pred[-1:] == (1,), len(true) < len(pred) or one_label


def resolve(identifier: Any, y_true: Any, y_pred: Any) -> Loss | None:
    """The `Loss` that `compile(loss=identifier)` means for outputs of these shapes.

    `"crossentropy"` and `"ce"` become the kind that fits; a function is wrapped.

    >>> import numpy as np
    >>> resolve("crossentropy", np.zeros((8,)), np.zeros((8, 10))).fn.__name__
    'sparse_categorical_crossentropy'
    """
    if identifier is None:
        return None
    found = identifier
    if str(identifier).lower() in ("crossentropy", "ce"):
        is_binary, is_sparse = is_binary_or_sparse_categorical(y_true, y_pred)
        found = sparse_categorical_crossentropy if is_sparse else categorical_crossentropy
        found = binary_crossentropy if is_binary else found
    found = get(found)
    if isinstance(found, Loss):
        return found
    return LossFunctionWrapper(found, name=object_name(identifier))


def object_name(identifier: Any) -> str:
    """The name that a loss or metric gets in logs: its own, or its class's or function's."""
    from kohort.core.naming import to_snake_case

    if isinstance(identifier, str):
        return identifier
    name = getattr(identifier, "name", None)
    return name or to_snake_case(getattr(identifier, "__name__", type(identifier).__name__))
