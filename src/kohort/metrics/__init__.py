"""Metrics: Keras's classes and functions, as small states that batches add to."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from kohort.core import registry
from kohort.core.naming import to_snake_case
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.losses import (
    BCE,
    KLD,
    MAE,
    MAPE,
    MSE,
    MSLE,
    bce,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    is_binary_or_sparse_categorical,
    kl_divergence,
    kld,
    kullback_leibler_divergence,
    log_cosh,
    logcosh,
    mae,
    mape,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    mse,
    msle,
    object_name,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from kohort.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from kohort.metrics.auc import AUC
from kohort.metrics.correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from kohort.metrics.from_losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from kohort.metrics.fscore import F1Score, FBetaScore
from kohort.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from kohort.metrics.metric import Metric, create_variables
from kohort.metrics.r2 import R2Score
from kohort.metrics.reduction import Mean, MeanMetricWrapper, Sum
from kohort.metrics.thresholded import (
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)

CLASSES = (
    Metric, Mean, Sum, MeanMetricWrapper, MeanSquaredError, RootMeanSquaredError,
    MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError, CosineSimilarity,
    LogCoshError, R2Score, AUC, FalseNegatives, FalsePositives, Precision, PrecisionAtRecall,
    Recall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity, TrueNegatives,
    TruePositives, ConcordanceCorrelation, PearsonCorrelation, Hinge, SquaredHinge,
    CategoricalHinge, KLDivergence, Poisson, BinaryCrossentropy, CategoricalCrossentropy,
    SparseCategoricalCrossentropy, Accuracy, BinaryAccuracy, CategoricalAccuracy,
    SparseCategoricalAccuracy, TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy, F1Score,
    FBetaScore, IoU, BinaryIoU, MeanIoU, OneHotIoU, OneHotMeanIoU,
)  # fmt: skip
FUNCTIONS = (
    binary_accuracy, categorical_accuracy, sparse_categorical_accuracy,
    top_k_categorical_accuracy, sparse_top_k_categorical_accuracy, pearson_correlation,
    concordance_correlation,
)  # fmt: skip
"""The functions that are no losses."""

ALIASES = {
    "bce": BinaryCrossentropy, "BCE": BinaryCrossentropy, "mse": MeanSquaredError,
    "MSE": MeanSquaredError, "mae": MeanAbsoluteError, "MAE": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError, "MAPE": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError, "MSLE": MeanSquaredLogarithmicError,
    "kld": KLDivergence, "KLD": KLDivergence, "kullback_leibler_divergence": KLDivergence,
    "logcosh": LogCoshError, "log_cosh": LogCoshError, "cosine_proximity": CosineSimilarity,
    "rmse": RootMeanSquaredError, "RMSE": RootMeanSquaredError, "huber": huber,
    "binary_focal_crossentropy": binary_focal_crossentropy,
    "categorical_focal_crossentropy": categorical_focal_crossentropy,
}  # fmt: skip
"""Short names, and those of Keras 2."""

NAMES: dict[str, Any] = (
    {cls.__name__: cls for cls in CLASSES}
    | {to_snake_case(cls.__name__): cls for cls in CLASSES}
    | ALIASES
)

for _function in FUNCTIONS:
    registry.add_alias("keras.metrics", _function.__name__, _function)


def serialize(metric: Any) -> Any:
    """Return the configuration of a metric or a metric function.

    >>> serialize(Mean(name="loss"))["config"]
    {'name': 'loss', 'dtype': 'float32'}
    """
    return serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Make the metric, or find the function, that a configuration describes.

    >>> deserialize(serialize(Mean(name="loss")))
    <Mean name=loss>
    """
    return deserialize_keras_object(config, custom_objects=custom_objects, module_objects=NAMES)


def get(identifier: Any) -> Any:
    """Return a metric (or a function) for a name, configuration, class, function or metric.

    >>> get("mse")
    <MeanSquaredError name=mean_squared_error>
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
            f"Could not interpret metric identifier: {identifier}. Known names: "
            f"{', '.join(sorted(NAMES))}"
        )
    return found() if inspect.isclass(found) else found


def resolve(identifier: Any, y_true: Any, y_pred: Any) -> Metric:
    """The `Metric` that `compile(metrics=[identifier])` means for outputs of these shapes.

    `"accuracy"` and `"acc"` become the kind that fits; a function is wrapped. The metric is
    named as it was asked for, so logs say `acc` where the script did.

    >>> import numpy as np
    >>> resolve("acc", np.zeros((8,)), np.zeros((8, 10)))
    <SparseCategoricalAccuracy name=acc>
    """
    if identifier is None:
        raise ValueError("Expected metric, received `None`")
    found = identifier
    if str(identifier).lower() in ("accuracy", "acc"):
        is_binary, is_sparse = is_binary_or_sparse_categorical(y_true, y_pred)
        found = SparseCategoricalAccuracy if is_sparse else CategoricalAccuracy
        found = BinaryAccuracy if is_binary else found
    found = get(found)
    name = object_name(identifier if isinstance(identifier, str) else found)
    if not isinstance(found, Metric):
        found = MeanMetricWrapper(found, name=name)
    found.name = name
    return found
