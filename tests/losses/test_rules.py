"""What holds for all losses: masks, ranks, structures, leaves, errors, names."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import losses
from kohort.core.component import leaf_fields
from kohort.core.frame import Frame
from kohort.core.masks import set_mask
from tests.losses.cases import CASES, both, draw, same


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
    with pytest.raises(ValueError, match="same paths"):
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
        gradient = jax.jit(jax.grad(lambda p, f=loss: f([[0.0, 1.0]] * 2, p)))
        assert np.isfinite(gradient(jnp.array([[0.0, 1.0], [1.0, 0.0]]))).all()
    logits = jnp.array([[-100.0], [0.0], [100.0]])
    loss = losses.BinaryCrossentropy(from_logits=True, reduction="sum")
    gradient = jax.jit(jax.grad(lambda p: loss(jnp.ones((3, 1)), p)))
    same(gradient(logits), [[-1.0], [-0.5], [0.0]])
    cosine = jax.jit(jax.grad(lambda p: losses.CosineSimilarity()(jnp.ones((1, 2)), p)))
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
