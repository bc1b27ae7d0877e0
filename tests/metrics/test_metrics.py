"""Every metric against Keras: streaming, weights, compiled, vmapped, configurations."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import metrics
from kohort.core.masks import set_mask

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
    ("AUC", "binary", {"multi_label": True, "num_labels": 4, "label_weights": [1.0, 2.0, 0.5, 1.0]}),
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
all_cases = pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
# For each class the settings that are furthest from the defaults: the last ones.
one_case_each = pytest.mark.parametrize(
    ("name", "kind", "settings"), {case[0]: case for case in CASES}.values(), ids=lambda x: str(x)
)
# Keras's confusion matrices ask for int64.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")


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


@all_cases
def test_streaming_equals_keras(name, kind, settings):
    """Three batches, the last one weighted, then a reset: results, dtypes and shapes."""
    ours, theirs = both(name, settings)
    for seed in range(3):
        batch = draw(kind, seed)
        weight = None
        if seed == 2 and settings.get("axis") != 0:
            weight = weights(kind, seed, name)
        for metric in (ours, theirs):
            metric.update_state(*batch, sample_weight=weight)
    result, expected = ours.result(), theirs.result()
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    same(result, expected)
    assert [v.shape for v in ours.variables] == [v.shape for v in theirs.variables]
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    for variable, reference in zip(ours.variables, theirs.variables, strict=True):
        same(variable, reference)
    ours.reset_state()
    assert all(not np.asarray(v).any() for v in ours.variables)


@one_case_each
def test_compiled_equals_eager(name, kind, settings):
    """Stateless updates, compiled and vmapped over members, equal eager ones and write nothing."""
    metric = getattr(metrics, name)(**settings)
    batch = draw(kind, 0)
    metrics.create_variables(metric, *batch)
    before = [np.asarray(v) for v in metric.variables]
    start = metric.stateless_reset_state()

    def run(state, *batch):
        state = metric.stateless_update_state(state, *batch)
        return state, metric.stateless_result(state)

    members = [jnp.stack([x, x]) for x in start]
    state, results = jax.jit(jax.vmap(run, in_axes=(0, *[None] * len(batch))))(members, *batch)
    for variable, value in zip(metric.variables, before, strict=True):
        same(variable, value, 0, 0)
    metric.update_state(*batch)
    for variable, value in zip(metric.variables, state, strict=True):
        same(value[0], variable)
        same(value[0], value[1], 0, 0)
    same(results[1], metric.result())


@all_cases
def test_configuration_round_trip(name, kind, settings):
    """`from_config` and `deserialize` give an equal metric; Keras reads the same configuration."""
    ours, theirs = both(name, {**settings, "name": "custom"})
    again = type(ours).from_config(ours.get_config())
    serialized = metrics.serialize(ours)
    copy = metrics.deserialize(serialized)
    reference = getattr(keras.metrics, name).from_config(ours.get_config())
    assert reference.name == again.name == copy.name == "custom"
    config = theirs.get_config()
    for key in config.keys() - {"label_weights"}:
        assert ours.get_config()[key] == config[key], key
    assert serialized["module"] == "keras.metrics" and serialized["class_name"] == name
    batch = draw(kind, 0)
    same(copy(*batch), ours(*batch), 0, 0)


def test_every_class_is_tested():
    """The table above names all classes but the bases."""
    bases = {"Metric", "MeanMetricWrapper"}
    assert {name for name, _, _ in CASES} == {c.__name__ for c in metrics.CLASSES} - bases


@pytest.mark.parametrize("name", sorted(c.__name__ for c in metrics.CLASSES))
def test_signature_and_direction_equal_keras(name):
    """Names, order and defaults of the arguments are Keras's, and so is what is better."""
    ours, theirs = getattr(metrics, name), getattr(keras.metrics, name)
    assert [(p.name, p.default) for p in inspect.signature(ours).parameters.values()] == [
        (p.name, p.default) for p in inspect.signature(theirs).parameters.values()
    ]
    settings = next((s for n, _, s in CASES if n == name), None)
    if settings is not None:
        direction = getattr(theirs(**settings), "_direction", None)
        assert getattr(ours(**settings), "_direction", None) == direction


FUNCTION_CASES = [
    ("binary_accuracy", "binary", {"threshold": 0.3}),
    ("categorical_accuracy", "one_hot", {}),
    ("sparse_categorical_accuracy", "sparse", {}),
    ("sparse_categorical_accuracy", "sparse_column", {}),
    ("top_k_categorical_accuracy", "one_hot", {"k": 2}),
    ("sparse_top_k_categorical_accuracy", "sparse", {"k": 3}),
    ("pearson_correlation", "real", {}),
    ("concordance_correlation", "real", {"axis": 0}),
    ("huber", "real", {"delta": 0.2}),
    ("log_cosh", "real", {}),
]


@pytest.mark.parametrize(("name", "kind", "settings"), FUNCTION_CASES)
def test_functions_equal_keras(name, kind, settings):
    """The functions of `keras.metrics`, on two and on three axes."""
    y_true, y_pred = draw(kind, 3)
    function, theirs = getattr(metrics, name), getattr(keras.metrics, name)
    for batch in ((y_true, y_pred), (np.stack([y_true] * 2), np.stack([y_pred] * 2))):
        ours, expected = function(*batch, **settings), theirs(*batch, **settings)
        assert (ours.shape, ours.dtype) == (expected.shape, expected.dtype)
        same(ours, expected)


def test_functions_are_all_there():
    """Whatever `keras.metrics` exports, is here."""
    names = {name for name in dir(keras.metrics) if not name.startswith("_")}
    assert names <= set(dir(metrics))
    assert {f.__name__ for f in metrics.FUNCTIONS} <= {name for name, _, _ in FUNCTION_CASES}


@pytest.mark.parametrize("name", sorted({"mse", "MAE", "mean_squared_error", "auc", "f1_score",
                                         "AUC", "accuracy", "sparse_categorical_accuracy"}))  # fmt: skip
def test_get_equals_keras(name):
    """Strings give the class of the same name as in Keras."""
    ours, theirs = metrics.get(name), keras.metrics.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert ours.name.startswith(theirs.name)  # both may be counted


def test_get_refuses_unknown_names():
    """An unknown name is an error that lists what there is."""
    with pytest.raises(ValueError, match="Could not interpret metric identifier: typo.*accuracy"):
        metrics.get("typo")
    assert metrics.get(None) is None


def test_bucketed_counts_equal_plain_ones():
    """Even thresholds take another way, to the same counts; also scores on a threshold."""
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 2, 500), np.round(rng.random(500), 2).astype("float32")
    # 0.25 steps are exact in binary, so that comparing is, too
    thresholds = [0.0, 0.25, 0.5, 0.75, 1.0]
    even = metrics.TruePositives(thresholds)
    plain = metrics.TruePositives(thresholds)
    assert even._even
    plain._even = False
    for metric in (even, plain):
        metric.update_state(y_true, y_pred, sample_weight=rng.random(500) * 0 + 2)
    same(even.result(), plain.result(), 0, 0)


def test_auc_equals_scikit_learn():
    """With many thresholds, AUC is scikit-learn's."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 400)
    y_pred = np.clip(rng.normal(0.4 + 0.2 * y_true, 0.2), 0, 1)
    metric = metrics.AUC(num_thresholds=2000)
    for rows in np.split(np.arange(400), 4):
        metric.update_state(y_true[rows], y_pred[rows])
    same(metric.result(), roc_auc_score(y_true, y_pred), 1e-3)


def test_mask_of_the_predictions_counts():
    """Masked steps are left out, with weights or without."""
    y_true, y_pred = (jnp.asarray(x.reshape(6, 4, 1)) for x in draw("real", 0))
    mask = jnp.arange(24).reshape(6, 4) % 3 != 0
    set_mask(y_pred, mask)
    keras.src.backend.set_keras_mask(y_pred, mask)
    for weight in (None, np.arange(6.0, dtype="float32")[:, None] * np.ones((1, 4), "float32")):
        ours, theirs = both("MeanSquaredError", {})
        same(ours(y_true, y_pred, weight), theirs(y_true, y_pred, weight))


@pytest.mark.parametrize(
    ("shape", "weight_shape"),
    [((6,), (6,)), ((6, 4), (6,)), ((6, 4), (6, 1)), ((6, 4), (6, 4)), ((6, 4, 2), (6, 4)),
     ((6, 1), (6,)), ((6,), (6, 1)), ((6, 4), ())],
)  # fmt: skip
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_weights_of_any_rank_equal_keras(name, shape, weight_shape):
    """Weights of fewer axes, and of one more of size 1."""
    rng = np.random.default_rng(0)
    values, weight = rng.random(shape, "float32"), np.float32(rng.random(weight_shape))
    ours, theirs = both(name, {})
    same(ours(values, weight), theirs(values, weight))


class Positives(metrics.Metric):
    """A metric written the way Keras's guide shows."""

    def __init__(self, name="positives", threshold=0.5, **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")
        self.inner = {"mean": metrics.Mean(name="inner")}

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.count.assign(self.count + jnp.sum(y_pred > self.threshold))
        self.inner["mean"].update_state(y_pred)

    def result(self):
        return self.count + 0.0

    def reset_state(self):
        self.count.assign(0.0)

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}


def test_custom_metric():
    """A user's subclass: state, nested metrics, stateless use, configuration."""
    metric = Positives(threshold=0.3)
    assert [v.name for v in metric.variables] == ["count", "total", "count"]
    assert metric.count.path == "positives/count"
    y_pred = np.array([0.1, 0.4, 0.9], "float32")
    assert float(metric(None, y_pred)) == 2.0
    state = metric.stateless_update_state([1.0, 2.0, 1.0], None, y_pred)
    same([float(x) for x in state], [3.0, 2.0 + 1.4, 4.0])
    assert float(metric.stateless_result(state)) == 3.0
    assert float(metric.count.value) == 2.0
    metric.reset_state()
    assert float(metric.count.value) == 0.0
    again = metrics.deserialize(metrics.serialize(metric), custom_objects={"Positives": Positives})
    assert (again.threshold, again.name) == (0.3, "positives")


def test_wrapper_takes_functions_and_losses():
    """A function with settings, and a loss object; configurations come back."""
    from kohort import losses

    y_true, y_pred = draw("real", 0)
    metric = metrics.MeanMetricWrapper(losses.huber, name="h", delta=0.5)
    same(metric(y_true, y_pred), keras.losses.Huber(0.5)(y_true, y_pred))
    again = metrics.MeanMetricWrapper.from_config(metric.get_config())
    assert again._fn is losses.huber and again._fn_kwargs == {"delta": 0.5}
    assert again._direction == "down"
    wrapped = metrics.MeanMetricWrapper(losses.Huber(0.5))
    same(wrapped(y_true, y_pred), metric.result())


@pytest.mark.parametrize(
    ("true_shape", "pred_shape", "expected"),
    [((8, 1), (8, 1), "Binary"), ((8,), (8, 1), "Binary"), ((8,), (8, 5), "SparseCategorical"),
     ((8, 1), (8, 5), "SparseCategorical"), ((8, 5), (8, 5), "Categorical")],
)  # fmt: skip
def test_resolve_accuracy(true_shape, pred_shape, expected):
    """`metrics=["accuracy"]` and `["acc"]` fit the shapes and keep the name, as in Keras."""
    y_true, y_pred = np.zeros(true_shape), np.zeros(pred_shape)
    for identifier in ("accuracy", "acc"):
        metric = metrics.resolve(identifier, y_true, y_pred)
        theirs = keras.src.trainers.compile_utils.get_metric(identifier, y_true, y_pred)
        assert type(metric).__name__ == type(theirs).__name__ == f"{expected}Accuracy"
        assert metric.name == theirs.name == identifier


def test_resolve_others():
    """Names, functions, metrics, and None."""
    y = np.zeros((2, 1))
    assert metrics.resolve("mse", y, y).name == "mse"
    assert metrics.resolve(metrics.huber, y, y).name == "huber"
    metric = metrics.AUC(name="area")
    assert metrics.resolve(metric, y, y) is metric and metric.name == "area"
    with pytest.raises(ValueError, match="Expected metric"):
        metrics.resolve(None, y, y)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.Precision(thresholds=[0.5, 1.2]), r"\[0, 1\]. Received: \[1.2\]"),
        (lambda: metrics.SensitivityAtSpecificity(1.5), "`specificity` must be in the range"),
        (lambda: metrics.PrecisionAtRecall(0.5, num_thresholds=0), "num_thresholds.*> 0"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds.*> 1"),
        (lambda: metrics.AUC(curve="typo"), "Invalid AUC curve"),
        (lambda: metrics.AUC(summation_method="typo"), "Invalid AUC summation method"),
        (lambda: metrics.AUC(num_labels=2), "num_labels"),
        (lambda: metrics.AUC(multi_label=True)([1], [1]), "rank 2"),
        (lambda: metrics.Recall(class_id=0)([1], [1]), "class_id"),
        (lambda: metrics.F1Score(average="typo"), "Invalid `average`"),
        (lambda: metrics.FBetaScore(beta=0.0), "should be > 0"),
        (lambda: metrics.FBetaScore(beta=1), "`beta`.*Python float"),
        (lambda: metrics.F1Score(threshold=1.5), "0 < threshold <= 1"),
        (lambda: metrics.F1Score()(np.ones(3), np.ones(3)), "expects 2D inputs"),
        (lambda: metrics.R2Score()(np.ones(3), np.ones(3)), "expects 2D inputs"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors"),
        (lambda: metrics.R2Score(class_aggregation="typo"), "class_aggregation"),
        (lambda: metrics.IoU(2, [2]), "out of range"),
        (lambda: metrics.Mean().stateless_result([1.0]), "expected 2 variables"),
    ],
)
def test_errors(make, message):
    """Wrong settings and shapes are named."""
    with pytest.raises(ValueError, match=message):
        make()


def test_warnings():
    """Too few rows for adjusted R2; weights that an integer state would cut off."""
    metric = metrics.R2Score(num_regressors=3)
    metric.update_state(np.eye(2, 1, dtype="float32"), np.ones((2, 1), "float32"))
    with pytest.warns(UserWarning, match="Falling back to standard R2"):
        metric.result()
    with pytest.warns(UserWarning, match="weight as `float`"):
        metrics.MeanIoU(2)([0, 1], [0, 1], np.ones(2, "float32"))


def test_super_must_be_called():
    """A subclass that forgets the base says so."""

    class Forgetful(metrics.Metric):
        def __init__(self):
            self.count = self.add_variable((), name="count")

    with pytest.raises(RuntimeError, match="forgot to call"):
        Forgetful()


def test_names_are_numbered():
    """Metrics without a name of their own are counted, as in Keras's logs."""
    first, second = metrics.Precision(), metrics.Precision()
    assert second.name == f"precision_{int(first.name.partition('_')[2] or 0) + 1}"
    assert metrics.Mean().name == metrics.Mean().name == "mean"
