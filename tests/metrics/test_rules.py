"""Functions, names, masks, weights, custom metrics, errors."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import metrics
from kohort.core.masks import set_mask
from tests.metrics.cases import both, draw, same

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


@pytest.mark.parametrize(
    "name", ["mse", "MAE", "mean_squared_error", "auc", "f1_score", "AUC", "accuracy"]
)
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
