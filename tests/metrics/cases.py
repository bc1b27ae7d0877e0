"""Metrics to test: settings and data, here and for Keras."""

import keras
import numpy as np

from kohort import metrics

REAL = {"MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "R2Score",
        "MeanSquaredLogarithmicError", "RootMeanSquaredError", "CosineSimilarity", "LogCoshError",
        "PearsonCorrelation", "ConcordanceCorrelation"}  # fmt: skip
# class, kind of data, settings besides the defaults
CASES = [
    *((name, "real", {}) for name in sorted(REAL)),
    ("CosineSimilarity", "real", {"axis": 0}),
    ("PearsonCorrelation", "real", {"axis": 0}),
    ("R2Score", "real", {"class_aggregation": None}),
    ("R2Score", "real", {"class_aggregation": "variance_weighted_average", "num_regressors": 3}),
    ("Hinge", "binary", {}),
    ("SquaredHinge", "binary", {}),
    ("CategoricalHinge", "one_hot", {}),
    ("KLDivergence", "distributions", {}),
    ("Poisson", "counts", {}),
    ("BinaryCrossentropy", "binary", {"label_smoothing": 0.1}),
    ("BinaryCrossentropy", "real_binary", {"from_logits": True}),
    ("CategoricalCrossentropy", "one_hot", {"label_smoothing": 0.1}),
    ("SparseCategoricalCrossentropy", "sparse", {}),
    ("SparseCategoricalCrossentropy", "sparse", {"ignore_class": 2}),
    ("Accuracy", "classes", {}),
    ("BinaryAccuracy", "binary", {}),
    ("BinaryAccuracy", "binary", {"threshold": 0.7}),
    ("CategoricalAccuracy", "one_hot", {}),
    ("SparseCategoricalAccuracy", "sparse", {}),
    ("SparseCategoricalAccuracy", "sparse_column", {}),
    ("TopKCategoricalAccuracy", "one_hot", {"k": 2}),
    ("SparseTopKCategoricalAccuracy", "sparse", {"k": 2}),
    ("SparseTopKCategoricalAccuracy", "ranked", {"k": 2, "from_sorted_ids": True}),
    *((name, "binary", settings)
      for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
      for settings in ({}, {"thresholds": [0.2, 0.5, 0.9]}, {"thresholds": [0.0, 0.5, 1.0]})),
    *((name, "one_hot", settings)
      for name in ("Precision", "Recall")
      for settings in ({}, {"thresholds": [0.1, 0.6]}, {"top_k": 2}, {"class_id": 1},
                       {"top_k": 1, "class_id": 2}, {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]})),
    ("SensitivityAtSpecificity", "scores", {"specificity": 0.4}),
    ("SpecificityAtSensitivity", "scores", {"sensitivity": 0.6, "num_thresholds": 11}),
    ("PrecisionAtRecall", "scores", {"recall": 0.3, "num_thresholds": 1}),
    ("RecallAtPrecision", "scores", {"precision": 0.5}),
    ("RecallAtPrecision", "one_hot", {"precision": 0.3, "class_id": 1}),
    *(("AUC", "scores", {"curve": curve, "summation_method": method, "num_thresholds": 20})
      for curve in ("ROC", "PR", "PRGAIN") for method in ("interpolation", "minoring", "majoring")),
    ("AUC", "scores", {}),
    ("AUC", "scores", {"thresholds": [0.2, 0.3, 0.8]}),
    ("AUC", "real_binary", {"from_logits": True}),
    ("AUC", "binary", {"multi_label": True, "curve": "PR"}),
    ("AUC", "binary",
     {"multi_label": True, "num_labels": 4, "label_weights": [1.0, 2.0, 0.5, 1.0]}),
    ("AUC", "binary", {"multi_label": True, "thresholds": [0.4, 0.7]}),
    ("AUC", "binary", {"label_weights": [1.0, 2.0, 0.5, 1.0], "num_thresholds": 9}),
    ("F1Score", "one_hot", {}),
    ("F1Score", "binary", {"threshold": 0.5, "average": "micro"}),
    ("FBetaScore", "one_hot", {"beta": 2.0, "average": "macro"}),
    ("FBetaScore", "binary", {"beta": 0.5, "average": "weighted", "threshold": 0.4}),
    ("IoU", "classes", {"num_classes": 4, "target_class_ids": [0, 2]}),
    ("IoU", "classes", {"num_classes": 3, "target_class_ids": [1], "ignore_class": 0}),
    ("BinaryIoU", "binary", {"threshold": 0.6}),
    ("MeanIoU", "classes", {"num_classes": 4}),
    ("OneHotIoU", "one_hot", {"num_classes": 4, "target_class_ids": [0, 3]}),
    ("OneHotMeanIoU", "one_hot", {"num_classes": 4}),
    ("Sum", "values", {}),
    ("Mean", "values", {}),
]  # fmt: skip
IDS = [f"{name}-{kind}-{'-'.join(map(str, settings.values()))}" for name, kind, settings in CASES]


def draw(kind, seed, n=6, d=4):
    """A batch of a kind: labels and predictions (values only for `Mean` and `Sum`)."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, d)).astype("float32")
    labels = rng.integers(0, d, n)
    softmax = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    binary = rng.integers(0, 2, (n, d)).astype("float32")
    return {
        "values": (scores,),
        "real": (rng.normal(size=(n, d)).astype("float32"), scores),
        "counts": (rng.poisson(3.0, (n, d)).astype("float32"), np.abs(scores)),
        "binary": (binary, 1 / (1 + np.exp(-scores))),
        "real_binary": (binary, scores),
        "scores": (binary[:, 0], np.round(softmax[:, 0], 2)),
        "one_hot": (np.eye(d, dtype="float32")[labels], softmax),
        "distributions": (softmax[::-1].copy(), softmax),
        "sparse": (labels, softmax),
        "sparse_column": (labels[:, None], softmax),
        "classes": (labels, rng.integers(0, d, n)),
        "ranked": (labels, np.argsort(-scores)),
    }[kind]


def both(name, settings):
    return getattr(metrics, name)(**settings), getattr(keras.metrics, name)(**settings)


def same(ours, theirs, rtol=1e-5, atol=1e-6):
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=rtol, atol=atol)


def weights(kind, seed, metric):
    """One weight per sample; for the IoU family whole numbers, one per label."""
    rng = np.random.default_rng(seed)
    if "IoU" in metric:
        return rng.integers(1, 4, (6, 4) if kind == "binary" else 6)
    return rng.random(6, "float32")
