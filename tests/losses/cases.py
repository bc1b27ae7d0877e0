"""Losses to test: settings and data, here and for Keras."""

import keras
import numpy as np

from kohort import losses

keras_losses = keras.src.losses.losses

REGRESSION = ("MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
              "MeanSquaredLogarithmicError", "CosineSimilarity", "LogCosh", "Huber")  # fmt: skip
# class -> (kind of data, settings besides the defaults)
CASES = [
    *((name, "real", {}) for name in REGRESSION),
    ("CosineSimilarity", "real", {"axis": 0}),
    ("Huber", "real", {"delta": 0.3}),
    ("Hinge", "signs", {}),
    ("Hinge", "binary", {}),
    ("SquaredHinge", "signs", {}),
    ("SquaredHinge", "binary", {}),
    ("CategoricalHinge", "one_hot", {}),
    ("KLDivergence", "distributions", {}),
    ("Poisson", "counts", {}),
    ("BinaryCrossentropy", "binary", {}),
    ("BinaryCrossentropy", "binary", {"label_smoothing": 0.2}),
    ("BinaryCrossentropy", "binary_logits", {"from_logits": True, "label_smoothing": 0.1}),
    ("BinaryCrossentropy", "binary_logits", {"from_logits": True, "axis": 0}),
    ("BinaryFocalCrossentropy", "binary", {}),
    ("BinaryFocalCrossentropy", "binary", {"gamma": 0.0, "alpha": 0.4}),
    ("BinaryFocalCrossentropy", "binary",
     {"apply_class_balancing": True, "alpha": 0.7, "gamma": 1.5, "label_smoothing": 0.1}),
    ("BinaryFocalCrossentropy", "binary_logits", {"from_logits": True}),
    ("CategoricalCrossentropy", "one_hot", {}),
    ("CategoricalCrossentropy", "one_hot", {"label_smoothing": 0.3}),
    ("CategoricalCrossentropy", "one_hot_logits", {"from_logits": True}),
    ("CategoricalFocalCrossentropy", "one_hot", {}),
    ("CategoricalFocalCrossentropy", "one_hot", {"alpha": [0.1, 0.2, 0.7], "gamma": 0.0}),
    ("CategoricalFocalCrossentropy", "one_hot_logits",
     {"from_logits": True, "gamma": 3.0, "label_smoothing": 0.1}),
    ("SparseCategoricalCrossentropy", "sparse", {}),
    ("SparseCategoricalCrossentropy", "sparse_column", {}),
    ("SparseCategoricalCrossentropy", "sparse_logits", {"from_logits": True}),
    ("SparseCategoricalCrossentropy", "sparse", {"ignore_class": 1}),
    ("SparseCategoricalCrossentropy", "sparse_logits", {"from_logits": True, "ignore_class": -1}),
    ("CategoricalGeneralizedCrossEntropy", "sparse", {"q": 0.3}),
    ("Dice", "binary", {}),
    ("Dice", "binary", {"axis": (1,)}),
    ("Tversky", "binary", {"alpha": 0.3, "beta": 0.9}),
    ("Tversky", "binary", {"axis": (1,)}),
    ("Circle", "embeddings", {}),
    ("Circle", "embeddings", {"gamma": 20.0, "margin": 0.2, "remove_diagonal": False}),
    ("CTC", "sequences", {}),
]  # fmt: skip
IDS = [f"{name}-{kind}-{'-'.join(settings)}" for name, kind, settings in CASES]


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def one_hot(rng, n, classes):
    return np.eye(classes, dtype="float32")[rng.integers(0, classes, n)]


def draw(kind, seed=0, n=7, d=3):
    """Labels and predictions of a kind."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(n, d)).astype("float32")
    if kind == "real":
        return rng.normal(size=(n, d)).astype("float32"), scores
    if kind == "signs":
        return np.sign(rng.normal(size=(n, d))).astype("float32"), scores
    if kind.startswith("binary"):
        y_pred = scores * 4 if kind == "binary_logits" else 1 / (1 + np.exp(-scores))
        return rng.integers(0, 2, (n, d)).astype("float32"), y_pred
    if kind.startswith("one_hot"):
        return one_hot(rng, n, d), scores if kind == "one_hot_logits" else softmax(scores)
    if kind.startswith("sparse"):
        labels = rng.integers(0, d, (n, 1) if kind == "sparse_column" else n)
        return labels, scores if kind == "sparse_logits" else softmax(scores)
    if kind == "distributions":
        return softmax(rng.normal(size=(n, d))).astype("float32"), softmax(scores)
    if kind == "counts":
        return rng.poisson(3.0, (n, d)).astype("float32"), np.abs(scores)
    if kind == "embeddings":
        return rng.integers(0, 2, n), scores / np.linalg.norm(scores, axis=1, keepdims=True)
    assert kind == "sequences"
    labels = np.array([[1, 2, 2, 0], [3, 3, 3, 3], [1, 0, 0, 0], [2, 1, 2, 0], [0, 0, 0, 0]])
    return labels, rng.normal(size=(5, 9, 4)).astype("float32")


def both(name, settings):
    return getattr(losses, name)(**settings), getattr(keras_losses, name)(**settings)


def same(ours, theirs, rtol=1e-5, atol=1e-6):
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=rtol, atol=atol)
