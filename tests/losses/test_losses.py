"""Every loss against Keras: values, gradients, weights, masks, reductions, configurations."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import losses
from kohort.core.component import leaf_fields
from kohort.core.frame import Frame
from kohort.core.masks import set_mask

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


@pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
def test_value_and_gradient_equal_keras(name, kind, settings):
    """The reduced loss and its gradient, eager and compiled."""
    y_true, y_pred = draw(kind)
    ours, theirs = both(name, settings)
    value, gradient = jax.value_and_grad(lambda p: ours(y_true, p))(y_pred)
    expected, expected_gradient = jax.value_and_grad(lambda p: theirs(y_true, p))(y_pred)
    same(value, expected)
    same(gradient, expected_gradient, 1e-4, 1e-6)
    same(jax.jit(ours)(y_true, y_pred), ours(y_true, y_pred), 1e-5, 1e-7)


@pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
def test_function_equals_keras(name, kind, settings):
    """The function behind the class, unreduced, with the same dtype and shape."""
    y_true, y_pred = draw(kind, 2)
    function = getattr(losses, name)(**settings).fn
    ours = function(y_true, y_pred, **settings)
    theirs = getattr(keras_losses, function.__name__)(y_true, y_pred, **settings)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    same(ours, theirs)


REDUCTIONS = ("none", None, "sum", "mean", "sum_over_batch_size", "mean_with_sample_weight")
# Every loss with one reduction, one loss with each.
REDUCED = [(*case, REDUCTIONS[i % 6]) for i, case in enumerate(CASES)]
REDUCED += [("Hinge", "signs", {}, reduction) for reduction in REDUCTIONS]


@pytest.mark.parametrize(("name", "kind", "settings", "reduction"), REDUCED)
def test_reductions_with_weights_equal_keras(name, kind, settings, reduction):
    """The reductions, with weights per sample and without."""
    y_true, y_pred = draw(kind, 3)
    ours, theirs = both(name, {**settings, "reduction": reduction})
    same(ours(y_true, y_pred), theirs(y_true, y_pred))
    weights = np.random.default_rng(0).random(len(y_pred)).astype("float32")
    if "axis" in settings or name in ("Dice", "Tversky"):
        weights = np.float32(0.5)  # the losses are not one per sample
    same(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights))


@pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
def test_half_precision_equals_keras(name, kind, settings):
    """In half precision the results have that dtype and Keras's values."""
    y_true, y_pred = draw(kind, 4)
    ours, theirs = both(name, {**settings, "dtype": "float16"})
    value, expected = ours(y_true, y_pred), theirs(y_true, y_pred)
    assert value.dtype == expected.dtype
    if np.isfinite(float(expected)):
        same(value.astype("float32"), expected.astype("float32"), 0.05, 0.02)


@pytest.mark.parametrize(("name", "kind", "settings"), CASES, ids=IDS)
def test_configuration_round_trip(name, kind, settings):
    """`from_config` and `deserialize` give an equal loss; Keras reads the same configuration."""
    ours, theirs = both(name, {**settings, "name": "custom", "reduction": "sum"})
    assert ours.get_config() == {**theirs.get_config(), **ours.get_config()}
    y_true, y_pred = draw(kind, 5)
    again = type(ours).from_config(ours.get_config())
    assert again.get_config() == ours.get_config()
    same(again(y_true, y_pred), ours(y_true, y_pred), 0, 0)
    serialized = losses.serialize(ours)
    assert serialized == {**keras.losses.serialize(theirs), "config": serialized["config"]} or (
        name == "CategoricalGeneralizedCrossEntropy"
    )
    same(losses.deserialize(serialized)(y_true, y_pred), ours(y_true, y_pred), 0, 0)
    reread = getattr(keras_losses, name).from_config(theirs.get_config() | ours.get_config())
    same(reread(y_true, y_pred), ours(y_true, y_pred))


def test_every_class_and_function_is_tested():
    """The table above names all classes, and each function belongs to one."""
    tested = {name for name, _, _ in CASES}
    assert tested == {c.__name__ for c in losses.CLASSES} - {"Loss", "LossFunctionWrapper"}
    assert {getattr(losses, name)().fn for name in tested} == set(losses.FUNCTIONS)


@pytest.mark.parametrize("name", sorted({name for name, _, _ in CASES}))
def test_signature_equals_keras(name):
    """Names, order and defaults of the arguments are Keras's."""
    ours = inspect.signature(getattr(losses, name)).parameters.values()
    theirs = inspect.signature(getattr(keras_losses, name)).parameters.values()
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.parametrize("name", sorted(f.__name__ for f in losses.FUNCTIONS))
def test_function_signature_equals_keras(name):
    """Likewise for functions."""
    ours = inspect.signature(getattr(losses, name)).parameters.values()
    theirs = inspect.signature(getattr(keras_losses, name)).parameters.values()
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in theirs]


@pytest.mark.parametrize("name", ["mse", "MAE", "mape", "MSLE", "kld", "BCE", "huber", "Huber",
                                  "binary_crossentropy", "cosine_similarity"])  # fmt: skip
def test_get_equals_keras(name):
    """Strings give the function or class of the same name as in Keras."""
    ours, theirs = losses.get(name), keras.losses.get(name)
    assert getattr(ours, "__name__", ours) == getattr(theirs, "__name__", ours)
    assert isinstance(ours, losses.Loss) == isinstance(theirs, keras.losses.Loss)


def test_get_refuses_unknown_names():
    """An unknown name is an error that lists what there is."""
    with pytest.raises(ValueError, match="Could not interpret loss identifier: typo.*huber"):
        losses.get("typo")
    assert losses.get(None) is None


@pytest.mark.parametrize("reduction", ["sum", "mean", "mean_with_sample_weight"])
@pytest.mark.parametrize(("weighted", "empty"), [(False, False), (True, False), (True, True)])
def test_masks_equal_keras(reduction, weighted, empty):
    """A mask on the predictions, with weights or without, even when nothing is left."""
    y_true, y_pred = (jnp.asarray(y.reshape(7, 3, 1)) for y in draw("real"))
    weights = np.random.default_rng(1).random((7, 3)).astype("float32") if weighted else None
    mask = jnp.zeros((7, 3), bool) if empty else jnp.arange(21).reshape(7, 3) % 4 != 0
    set_mask(y_pred, mask)
    keras.src.backend.set_keras_mask(y_pred, mask)
    ours = losses.MeanSquaredError(reduction=reduction)(y_true, y_pred, weights)
    theirs = keras.losses.MeanSquaredError(reduction=reduction)(y_true, y_pred, weights)
    same(ours, theirs)
    assert np.isfinite(np.asarray(ours)).all()


@pytest.mark.parametrize(
    ("true_shape", "pred_shape", "weight_shape"),
    [((6,), (6,), (6,)), ((6, 1), (6,), (6,)), ((6,), (6, 1), (6, 1)), ((6, 4), (6, 4), (6,)),
     ((6, 4), (6, 4, 1), (6,)), ((6, 4, 2), (6, 4, 2), (6, 1))],
)  # fmt: skip
def test_ranks_equal_keras(true_shape, pred_shape, weight_shape):
    """Labels, predictions and weights of ranks that differ by one."""
    rng = np.random.default_rng(0)
    shapes = (true_shape, pred_shape, weight_shape)
    y_true, y_pred, weights = (rng.random(shape, "float32") for shape in shapes)
    ours, theirs = both("MeanAbsoluteError", {})
    same(ours(y_true, y_pred, weights), theirs(y_true, y_pred, weights))


def test_structures_and_lists():
    """A dict of outputs goes to the function as it is; a list of numbers is an array."""

    def distance(y_true, y_pred):
        return jnp.abs(y_true["a"] - y_pred["a"]) + jnp.abs(y_true["b"] - y_pred["b"])

    loss = losses.LossFunctionWrapper(distance, reduction="sum")
    value = loss({"a": [[1.0]], "b": [[2.0]]}, {"a": np.zeros((1, 1)), "b": np.ones((1, 1))})
    assert float(value) == 2.0
    with pytest.raises(ValueError, match="different paths"):
        loss({"a": np.ones(1)}, {"a": np.ones(1), "b": np.ones(1)})
    assert float(losses.MeanSquaredError()([1.0, 2.0], [1.0, 4.0])) == 2.0


def test_wrapper_passes_settings_on():
    """Keyword arguments reach the function and the configuration."""
    loss = losses.LossFunctionWrapper(losses.huber, name="h", delta=0.5)
    y_true, y_pred = draw("real")
    same(loss(y_true, y_pred), keras.losses.Huber(delta=0.5)(y_true, y_pred))
    again = losses.LossFunctionWrapper.from_config(loss.get_config())
    assert again.fn is losses.huber and again.get_config()["delta"] == 0.5


class Custom(losses.Loss):
    """A loss written the way Keras's guide shows."""

    def __init__(self, factor=1.0, name="custom", reduction="sum"):
        super().__init__(name=name, reduction=reduction)
        self.factor = factor

    def call(self, y_true, y_pred):
        return self.factor * jnp.mean(jnp.square(y_true - y_pred), axis=-1)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


def test_custom_loss():
    """A user's subclass works, and its configuration makes it again."""
    y_true, y_pred = draw("real")
    loss = Custom(factor=3.0)
    same(loss(y_true, y_pred), 3 * keras.losses.MeanSquaredError(reduction="sum")(y_true, y_pred))
    again = losses.deserialize(losses.serialize(loss), custom_objects={"Custom": Custom})
    assert (again.factor, again.name, again.reduction) == (3.0, "custom", "sum")


LEAVES = [(name, kind, settings, leaf) for name, kind, settings in CASES
          for leaf, _ in leaf_fields(getattr(losses, name))
          if isinstance(getattr(getattr(losses, name)(**settings), leaf), float)]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "settings", "leaf"), LEAVES, ids=[f"{c[0]}-{c[1]}-{c[3]}" for c in LEAVES]
)
def test_leaves_are_traced(name, kind, settings, leaf):
    """A hyperparameter leaf can be a traced scalar, one for each member of a vmap."""
    y_true, y_pred = draw(kind, 6)
    loss = getattr(losses, name)(**settings)
    values = jnp.array([0.1, 0.35], "float32")

    def member(value):
        with Frame(leaves={(id(loss), leaf): value}):
            return loss(y_true, y_pred)

    for value, result in zip(values, jax.jit(jax.vmap(member))(values), strict=True):
        plain = getattr(losses, name)(**{**settings, leaf: float(value)})
        same(result, plain(y_true, y_pred), 1e-5, 1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.MeanSquaredError(reduction="typo"), "Invalid value for argument"),
        (lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0), r"interval \(0, 1\)"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=1.5), "label_smoothing.*between 0"),
        (lambda: losses.categorical_crossentropy([[1.0]], [[1.0]], axis=True), "axis.*of type"),
        (lambda: losses.ctc([1, 2], np.ones((1, 2, 3))), "Targets `y_true` are expected"),
        (lambda: losses.ctc([[1, 2]], np.ones((2, 3))), "Logits `y_pred` are expected"),
        (lambda: losses.binary_crossentropy(np.ones((2, 3)), np.ones((2, 2))), "same shape"),
        (lambda: losses.categorical_crossentropy(np.ones((2, 3)), np.ones((2, 2))), "same shape"),
        (lambda: losses.sparse_categorical_crossentropy([1], np.ones((2, 2))), "same shape"),
    ],
)
def test_errors(make, message):
    """Wrong arguments and shapes are named."""
    with pytest.raises(ValueError, match=message):
        make()


def test_wrong_arguments_are_type_errors():
    """The generated constructors refuse what Python's would."""
    for arguments in ({"delt": 1.0}, {"fn": losses.huber}):
        with pytest.raises(TypeError, match=r"Huber.__init__\(\)"):
            losses.Huber(**arguments)
    with pytest.raises(TypeError, match="too many"):
        losses.Huber(1.0, "sum", "name", None, 1)


def test_one_class_warns():
    """Crossentropy over one class is a mistake."""
    with pytest.warns(SyntaxWarning, match="Consider using 'binary_crossentropy'"):
        losses.categorical_crossentropy(np.ones((2, 1)), np.ones((2, 1)))


def test_gradients_are_finite_at_the_edges():
    """Extreme probabilities and logits, a zero vector, and labels outside of the classes."""
    for loss in (losses.BinaryCrossentropy(), losses.CategoricalCrossentropy()):
        gradient = jax.grad(lambda p, f=loss: f([[0.0, 1.0]] * 2, p))
        assert np.isfinite(gradient(jnp.array([[0.0, 1.0], [1.0, 0.0]]))).all()
    logits = jnp.array([[-100.0], [0.0], [100.0]])
    loss = losses.BinaryCrossentropy(from_logits=True, reduction="sum")
    same(jax.grad(lambda p: loss(jnp.ones((3, 1)), p))(logits), [[-1.0], [-0.5], [0.0]])
    cosine = jax.grad(lambda p: losses.CosineSimilarity()(jnp.ones((1, 2)), p))
    assert np.isfinite(cosine(jnp.zeros((1, 2)))).all()
    sparse = losses.SparseCategoricalCrossentropy(reduction=None)
    same(sparse(np.array([5, 1]), np.full((2, 2), 0.5)), [0.0, np.log(2)])
    masked = jnp.array([[0.0, -jnp.inf]])
    sparse = losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(sparse(np.array([0]), masked)) == 0.0


@pytest.mark.parametrize(
    ("true_shape", "pred_shape", "expected"),
    [((8, 1), (8, 1), "binary"), ((8,), (8, 1), "binary"), ((8,), (8, 5), "sparse_categorical"),
     ((8, 1), (8, 5), "sparse_categorical"), ((8, 5), (8, 5), "categorical")],
)  # fmt: skip
def test_resolve_crossentropy(true_shape, pred_shape, expected):
    """`loss="crossentropy"` fits the shapes, as in Keras."""
    compile_utils = keras.src.trainers.compile_utils
    y_true, y_pred = np.zeros(true_shape), np.zeros(pred_shape)
    for identifier in ("crossentropy", "CE"):
        loss = losses.resolve(identifier, y_true, y_pred)
        theirs = compile_utils.get_loss(identifier, y_true, y_pred)
        assert loss.fn.__name__ == theirs.fn.__name__ == f"{expected}_crossentropy"
        assert loss.name == theirs.name == identifier


def test_resolve_others():
    """Names, functions, losses and None."""
    y = np.zeros((2, 1))
    assert losses.resolve(None, y, y) is None
    assert losses.resolve("mse", y, y).name == "mse"
    assert losses.resolve(losses.huber, y, y).name == "huber"
    loss = losses.Huber()
    assert losses.resolve(loss, y, y) is loss
    assert losses.resolve(lambda t, p: p, y, y).name == "lambda"


def test_symbolic_tensors():
    """A loss function of symbolic tensors is a node of the graph."""
    from kohort.core.symbolic import KerasTensor

    out = losses.sparse_categorical_crossentropy(KerasTensor((None,)), KerasTensor((None, 3)))
    assert out.shape == (None,)


@pytest.mark.parametrize("function", [losses.mean_squared_error, losses.binary_crossentropy])
def test_functions_serialize_by_name(function):
    """Files name functions as Keras does."""
    theirs = keras.losses.serialize(getattr(keras.losses, function.__name__))
    assert losses.serialize(function) == {**theirs, "registered_name": function.__name__}
    assert losses.deserialize(theirs) is function
