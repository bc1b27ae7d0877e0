"""Each common mistake gets a message with the rule, what came, and what to do."""

import warnings

import numpy as np
import pytest

from kohort import layers, losses, metrics, optimizers
from kohort.errors import KohortWarning
from kohort.models import Sequential

X = np.ones((8, 4), "float32")


def model(units=1, activation=None, loss="mse", shape=(4,), **kwargs):
    made = Sequential([layers.Input(shape), layers.Dense(units, activation=activation)])
    made.compile("sgd", loss, **kwargs)
    return made


def fit(made, x=X, y=None, **kwargs):
    made.fit(x, np.zeros(len(x)) if y is None else y, verbose=0, **kwargs)


def test_wrong_shape_of_the_input():
    with pytest.raises(ValueError, match=r"expected shape=\(None, 4\), found shape=\(None, 5\)"):
        fit(model(), np.ones((8, 5)))


def test_wrong_rank():
    with pytest.raises(ValueError, match=r"[Ee]xpected.*\(None, 4\).*\(None, 4, 2\)"):
        fit(model(), np.ones((8, 4, 2)))


def test_labels_of_another_shape():
    with pytest.raises(ValueError, match=r"same shape(.|\n)*Give the last layer 5 units"):
        fit(model(units=3, loss="mse"), y=np.zeros((8, 5)))


def test_text_where_numbers_should_be():
    with pytest.raises(ValueError, match=r"not numbers.*'a'.*\n  1\. Encode"):
        fit(model(), np.array([[1, 2, 3, "a"]] * 8, object))


def test_rows_of_unequal_length():
    with pytest.raises(ValueError, match=r"(?s)lengths differ.*pad_sequences"):
        rows = np.empty(2, object)
        rows[:] = [[1, 2], [3]]
        fit(model(), rows, y=np.zeros(2))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: optimizers.get("adamm"), "adamm"),
        (lambda: losses.get("mean_squared"), "mean_squared"),
        (lambda: metrics.get("accurate"), "accurate"),
        (lambda: layers.Dense(1, activation="reluu"), "reluu"),
        (lambda: layers.Dense(1, kernel_initializer="glorot"), "glorot"),
        (lambda: layers.Dense(1, kernel_regularizer="l3"), "l3"),
        (lambda: layers.Dense(1, kernel_constraint="max"), "max"),
        (lambda: layers.Dense(1, unit=3), "unit"),
    ],
)
def test_unknown_names(call, name):
    with pytest.raises((ValueError, TypeError), match=name):
        call()


def test_class_numbers_for_one_unit():
    with pytest.raises(
        ValueError, match=r"labels from 0 to 9.\n  1\. Give the last layer 10 units"
    ):
        fit(
            model(1, "sigmoid", "sparse_categorical_crossentropy"),
            y=np.array([0, 1, 2, 3, 4, 5, 6, 9]),
        )


def test_class_numbers_for_binary_crossentropy():
    with pytest.raises(ValueError, match=r"between 0 and 1.*labels from 0 to 7(.|\n)*softmax"):
        fit(model(1, "sigmoid", "binary_crossentropy"), y=np.arange(8))


def test_class_number_beyond_the_units():
    with pytest.raises(ValueError, match="class numbers from 0 to 2"):
        fit(model(3, "softmax", "sparse_categorical_crossentropy"), y=np.arange(8))


def test_class_numbers_for_one_hot_loss():
    with pytest.raises(ValueError, match=r"one-hot(.|\n)*sparse_categorical_crossentropy"):
        fit(model(3, "softmax", "categorical_crossentropy"), y=np.arange(8) % 3)


def test_softmax_over_one_unit_warns():
    with pytest.warns(KohortWarning, match=r"always return the value 1(.|\n)*sigmoid"):
        fit(model(1, "softmax", "binary_crossentropy"))


@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
def test_loss_that_does_not_fit_the_activation_warns(activation):
    with pytest.warns(KohortWarning, match=r"expects probabilities(.|\n)*from_logits"):
        fit(model(1, activation, "binary_crossentropy"))


def test_loss_from_logits_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error", KohortWarning)
        fit(model(1, None, losses.BinaryCrossentropy(from_logits=True)))


def test_nan_in_the_inputs_warns_once_and_trains_on():
    x = X.copy()
    x[0, 0] = np.nan
    with pytest.warns(KohortWarning, match=r"finite(.|\n)*Replace missing") as seen:
        fit(model(), x)
    assert len([w for w in seen if w.category is KohortWarning]) == 1


def test_nan_in_a_large_input_warns_once_the_loss_is_nan():
    x = np.zeros((2**20 + 2, 4), "float32")
    x[-1, 0] = np.nan
    with pytest.warns(KohortWarning, match=r"finite(.|\n)*Replace missing") as seen:
        model().fit(x, np.zeros(len(x)), batch_size=2**18, epochs=2, verbose=0)
    assert len([w for w in seen if w.category is KohortWarning]) == 1


def test_empty_data():
    with pytest.raises(ValueError, match="empty"):
        fit(model(), np.ones((0, 4)))
    with pytest.raises(ValueError, match="empty"):
        model().fit(iter([]), verbose=0)


def test_mismatched_lengths():
    with pytest.raises(ValueError, match=r"(?s)same number of samples.*8.*7"):
        fit(model(), y=np.zeros(7))


def test_not_compiled():
    made = Sequential([layers.Input((4,)), layers.Dense(1)])
    for call in (made.fit, made.evaluate, made.train_on_batch, made.test_on_batch):
        with pytest.raises(ValueError, match=r"compile\(\)"):
            call(X, X)


def test_not_built():
    made = Sequential([layers.Dense(1)])
    with pytest.raises(ValueError, match="built"):
        made.count_params()
    with pytest.raises(ValueError, match="built"):
        layers.Dense(1).count_params()


def test_no_loss():
    made = Sequential([layers.Input((4,)), layers.Dense(1)])
    made.compile("sgd")
    with pytest.raises(ValueError, match=r"No loss(.|\n)*compile"):
        fit(made)


def test_validation_split_of_too_few_rows():
    with pytest.raises(ValueError, match="not sufficient to split"):
        fit(model(), X[:1], validation_split=0.5)


def test_unknown_output_in_a_dict_of_losses():
    with pytest.raises(ValueError, match=r"Expected keys \[.*dense.*other"):
        fit(model(loss={"other": "mse"}))
